"""docs/retries.md has the numbers of the code, and a row for each place that tries again."""

import re

import pytest
from prefect.settings import get_current_settings

from answers.breaker import FAILURES, PROBE_SECONDS
from dcimanager.retry import ASLEEP_SECONDS, REPEATED_TRIES
from flows._lifecycle import MAX_STARTS, MAX_STARTS_UNREACHABLE
from ledger.database import OUTAGE_SECONDS, TRIES
from runtime.heartbeat import STALLED_AFTER
from runtime.steps import LOOKS_AFTER_LOSS, LOOKS_AFTER_YES, REPEAT_AFTER_SECONDS, SETTLE_SECONDS
from tasks.stalled_runs import MAX_REQUEUES
from tests.docs.documents import table
from tools.documents import PROJECT
from whmcs.transport import ATTEMPTS, FIRST_WAIT
from worker.execution import REQUEUE_AFTER
from worker.janitor import LOOK_SECONDS
from worker.limits import DRAIN_SECONDS
from worker.listener import RECONNECT_SECONDS
from worker.prefect_client import BUSY_SECONDS, RETRY_SECONDS

RETRIES = PROJECT / "docs" / "retries.md"
PREFECT_PHP = PROJECT / "whmcs-module/modules/addons/dcimanager6flows/lib/Prefect/Prefect.php"
ROWS = {row[0]: " | ".join(row) for row in table(RETRIES, "# Retries")}


def _pauses() -> list[float]:
    found = re.search(r"const PAUSES = \[([^\]]*)\]", PREFECT_PHP.read_text(encoding="utf-8"))
    assert found is not None
    return [float(pause) for pause in found[1].split(",")]


NUMBERS = {
    "panel client": [f"{ASLEEP_SECONDS:.0f} s", f"else {REPEATED_TRIES} times"],
    "breaker of a panel, and of WHMCS": [f"{FAILURES} times in a row", f"one call every {PROBE_SECONDS:.0f} s"],
    "WHMCS client": [f"{ATTEMPTS} tries", f"about {sum(FIRST_WAIT * 2**n for n in range(ATTEMPTS - 1)) + 0.5:.0f} s"],
    "ledger, conflict": [f"{TRIES} tries"],
    "ledger, outage": [f"{OUTAGE_SECONDS:.0f} s"],
    "step": [f"{len(REPEAT_AFTER_SECONDS) + 1} tries", f"{sum(REPEAT_AFTER_SECONDS):.0f} s"],
    "`create_once`": [
        f"{LOOKS_AFTER_LOSS} looks after a lost answer, {LOOKS_AFTER_YES} after a yes",
        f"{LOOKS_AFTER_LOSS * SETTLE_SECONDS:.0f} s, {LOOKS_AFTER_YES * SETTLE_SECONDS:.0f} s",
    ],
    "re-queue": [
        f"after {REQUEUE_AFTER.total_seconds():.0f} s",
        f"no heartbeat for {STALLED_AFTER.total_seconds():.0f} s, looked for every {LOOK_SECONDS:.0f} s",
        f"{MAX_REQUEUES} times, counted together",
    ],
    "return to the queue": [f"after {DRAIN_SECONDS:.0f} s"],
    "lean client": [f"every {RETRY_SECONDS[0]} to {RETRY_SECONDS[1]:.0f} s", f"{BUSY_SECONDS:.0f} s"],
    "Prefect's client": [
        f"{get_current_settings().client.max_retries} times more",
        "2, 4, 8, 16 and 32 s",
    ],
    "worker": [f"the stream every {RECONNECT_SECONDS:.0f} s"],
    "PHP": [f"{len(_pauses())} times more", f"{sum(_pauses()):.1f} s"],
}


@pytest.mark.parametrize("who", NUMBERS)
def test_a_row_states_the_numbers_of_the_code(who: str) -> None:
    (row,) = [row for name, row in ROWS.items() if name.split(" (")[0] == who]
    for number in NUMBERS[who]:
        assert number in row, f"{number!r} is not in: {row}"


def test_both_restarts_state_the_starts_of_the_code() -> None:
    starts = [row[3] for row in table(RETRIES, "# Retries") if row[0].startswith("run restart")]
    assert starts == [f"{MAX_STARTS} starts", f"{MAX_STARTS_UNREACHABLE} starts"]


def test_every_file_that_retries_by_tenacity_has_a_row() -> None:
    packages = ("flows", "tasks", "runtime", "ledger", "dcimanager", "whmcs", "worker")
    using = {
        str(file.relative_to(PROJECT))
        for package in packages
        for file in (PROJECT / package).rglob("*.py")
        if "AsyncRetrying" in file.read_text(encoding="utf-8")
    }
    named = set(re.findall(r"`([a-z_]+/[a-z_]+\.py)`", RETRIES.read_text(encoding="utf-8")))
    assert {"ledger/database.py", "worker/prefect_client.py"} <= using
    assert using <= named


def test_every_file_that_a_row_names_exists() -> None:
    named = re.findall(r"`([a-z_]+/[a-z_]+\.py)`", RETRIES.read_text(encoding="utf-8"))
    assert [name for name in named if not (PROJECT / name).exists()] == []
