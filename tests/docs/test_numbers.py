"""The numbers in README.md and docs/ are the code's."""

import re
from pathlib import Path

import pytest

from answers.body import MOST_BYTES
from answers.breaker import FAILURES, PROBE_SECONDS
from answers.json_text import MOST_DEPTH, MOST_VALUES
from dciflow import cli_door
from dcimanager import paging
from dcimanager.endpoints import Mark, load_dialect
from dcimanager.exchange import WHOLE_TIMES
from dcimanager.servers import FILTERED_IDS
from dcimanager.transport import LIST_SECONDS, PAGE
from dcimanager.watch import LONGEST_SECONDS, SHORTEST_SECONDS
from door import body, rate_limits, upstream
from door.installations import CALLS_PER_SECOND, MOST_PANELS
from door.shapes import MOST_ADOPTEES
from door.slow_callers import HEAD_SECONDS, SPARE_SECONDS
from flows.catalogue import BUDGET_SECONDS as CATALOGUE_SECONDS
from flows.reconcile import BUDGET_SECONDS as RECONCILE_SECONDS
from flows.traffic import BUDGET_SECONDS as TRAFFIC_SECONDS
from ledger.burst import FLEET_SHARE, LOOKS_BACK, NEW_FLEET
from ledger.caps import CEILING_AT_LEAST, CEILING_TIMES
from ledger.orders import LONGEST_WIPE_DELAY
from runtime.heartbeat import HEARTBEAT_SECONDS, STALLED_AFTER
from runtime.settings import MOST, Settings
from runtime.slots import LEFT_TO_OTHERS, SLOW_SECONDS
from runtime.steps import REPEAT_AFTER_SECONDS
from tasks.wipe import WIPE_MINUTES
from tests.docs.documents import INSTALL, LIMITS, OPERATE, README, table
from tools.documents import PROJECT
from whmcs import services
from whmcs.transport import ANSWER_SECONDS
from worker.limits import DRAIN_SECONDS, KEPT_FOR_URGENT, RETURN_SECONDS, SLOTS
from worker.watchdog import ALARM_SECONDS, STOOD_STILL_SECONDS


@pytest.mark.parametrize("row", table(OPERATE, "## Caps"), ids=lambda row: row[0].strip("`"))
def test_a_caps_default_is_the_codes(row: list[str]) -> None:
    default = Settings.model_fields[row[0].strip("`").removeprefix("DCIFLOW_").lower()].default
    if default is None:
        assert (CEILING_TIMES, row[2]) == (2, f"twice the day's cap, at least {CEILING_AT_LEAST}")
    else:
        assert str(default) == row[2]


def test_every_cap_has_a_row() -> None:
    caps = {
        f"`DCIFLOW_{name.upper()}`" for name in Settings.model_fields if name.startswith(("cap_", "burst_", "ceiling_"))
    }
    assert {row[0] for row in table(OPERATE, "## Caps")} == caps


def test_the_limits_state_the_numbers_of_the_code() -> None:
    limits = _in_one_line(LIMITS)
    marks = [entry.mark for entry in load_dialect().endpoints.values()]
    assert f"{marks.count(Mark.INFERRED)} of the {len(marks)} calls" in limits
    assert f"{WIPE_MINUTES} minutes" in limits
    assert f"up to {SLOTS} that work at once, {KEPT_FOR_URGENT} of them kept for suspensions" in limits
    assert f"The last {LEFT_TO_OTHERS} slots are for panels that have none" in limits
    assert f"{MOST_BYTES:,} bytes after unpacking, {MOST_VALUES:,} values and {MOST_DEPTH} levels" in limits
    assert f"within {WHOLE_TIMES * ANSWER_SECONDS:.0f} s, however it drips" in limits
    assert f"at most {paging.MOST_ROWS:,} rows in {paging.MOST_PAGES:,} calls" in limits
    assert f"{services.MOST_ROWS:,} in {services.MOST_PAGES:,}, and is read within {LIST_SECONDS:.0f} s" in limits
    assert f"did not answer {FAILURES} times in a row is asked by one call every {PROBE_SECONDS:.0f} s" in limits
    budgets = [budget / 60 for budget in (CATALOGUE_SECONDS, RECONCILE_SECONDS, TRAFFIC_SECONDS)]
    assert "{:.0f}, {:.0f} and {:.0f} minutes of each".format(*budgets) in limits
    assert f"more than {SLOW_SECONDS:.0f} s for a panel" in limits
    assert f"stands still for {STOOD_STILL_SECONDS:.0f} s or more" in limits
    assert f"from {ALARM_SECONDS:.0f} s on to staff" in limits
    assert f"every {HEARTBEAT_SECONDS} s" in limits
    assert f"silent for {STALLED_AFTER.total_seconds():.0f} s" in limits
    assert f"every {SHORTEST_SECONDS:.0f} to {LONGEST_SECONDS:.0f} s" in limits
    assert f"for each {PAGE} servers, where it waits for more than {FILTERED_IDS}" in limits
    assert f"at most {Settings().panel_calls} calls of one panel" in limits
    assert f"At most {Settings().cap_terminations_per_day} services lose their servers in 24 hours" in limits
    assert f"at most {Settings().cap_wipes_per_hour} wipes are permitted in an hour" in limits
    assert f"{Settings().burst_times:.0f} times the busiest day of the last {LOOKS_BACK.days // 7} weeks" in limits
    assert (FLEET_SHARE, NEW_FLEET) == (0.01, 0.75)  # "a hundredth", "three quarters"
    assert f"{Settings().burst_at_least} a day never are" in limits
    assert f"twice the day's cap ({CEILING_AT_LEAST} at least)" in limits
    assert f"At most {Settings().cap_installations} OS installations run at once on a panel" in limits
    assert f"0 to {LONGEST_WIPE_DELAY} hours" in limits
    assert f"up to {MOST:,}" in limits
    assert f"about {sum(REPEAT_AFTER_SECONDS):.0f} s ({len(REPEAT_AFTER_SECONDS) + 1} tries)" in limits


def test_the_limits_of_the_door_are_the_codes() -> None:
    limits = _in_one_line(LIMITS)
    assert f"at most {body.LONGEST_BODY // 1024} KB, {body.DEEPEST} levels" in limits
    assert f"at most {body.LONGEST_NUMBER} digits, and {body.BODY_SECONDS:.0f} s to come" in limits
    assert f"runs of {MOST_ADOPTEES} services" in limits
    assert (
        f"{CALLS_PER_SECOND:.0f} calls a second and {CALLS_PER_SECOND * rate_limits.BURST_SECONDS:.0f} at once"
        in limits
    )
    assert f"gets {rate_limits.AT_ONCE} of them at a time and {rate_limits.URGENT_AT_ONCE} urgent ones" in limits
    assert f"up to {rate_limits.WAIT_SECONDS:.0f} s for its turn" in limits
    answer = f"{upstream.WHOLE_SECONDS:.1f} s for its answer, of at most {upstream.LONGEST_ANSWER // 1024**2} MB"
    assert answer in limits
    assert f"stores at most {MOST_PANELS} panels" in limits
    assert f"at most {cli_door.MOST_AT_ONCE} are open at once" in limits
    body_seconds = body.BODY_SECONDS + SPARE_SECONDS
    assert f"is not there within {HEAD_SECONDS:.0f} s, or whose body within {body_seconds:.0f} s" in limits


def _in_one_line(document: Path) -> str:
    return " ".join(document.read_text(encoding="utf-8").split())


def test_the_readme_states_the_numbers_of_the_code() -> None:
    readme = _in_one_line(README)
    marks = [entry.mark for entry in load_dialect().endpoints.values()]
    assert f"Of the {len(marks)} calls that dciflow uses, {marks.count(Mark.DOCUMENTED)} are documented" in readme
    assert f"{marks.count(Mark.SEEN)} were seen in working clients" in readme
    assert f"**{marks.count(Mark.INFERRED)} are guessed**" in readme
    assert f"{marks.count(Mark.INFERRED)} of the {len(marks)} calls of the panel's API are inferred" in readme
    assert f"within {WIPE_MINUTES} minutes is HELD" in readme
    assert f"At most {Settings().cap_terminations_per_day} services" in readme


def test_the_workers_unit_gives_it_the_time_that_it_takes_to_stop() -> None:
    unit = (PROJECT / "docs" / "systemd" / "dciflow-worker.service").read_text(encoding="utf-8")
    seconds = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert seconds is not None
    assert float(seconds[1]) > DRAIN_SECONDS + RETURN_SECONDS
    assert f"runs that work get {DRAIN_SECONDS:.0f} s" in " ".join(INSTALL.read_text(encoding="utf-8").split())
