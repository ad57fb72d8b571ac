"""The command after a back-up was restored: the plan, then all of it, by a word that a person types or by --yes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dciflow import cli_restored
from ledger import incarnation
from ledger.database import Ledger
from ledger.snapshots import Request
from tasks.restored import going_through, runs
from tasks.restored.findings import RestoredFinding
from tasks.restored.going_through import Plan
from tests.dciflow.command_line import typed

FOUND = [
    RestoredFinding(does="hold", panel="main", service_id=1042, server_id=7, what="it stands midway", do="look"),
    RestoredFinding(
        does="set-aside", panel="main", server_id=8, what="an OS was installed on it last", do="clear [red]it"
    ),
]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The sides that were gone through."""
    sides: list[str] = []

    async def plan(side: Any, _: object, without: Any = ()) -> Plan:
        requests: list[Request] = []
        return Plan(side=side, requests=requests, runs=[], findings=FOUND)

    async def go_through(side: Any, open_runs: object, *, who: str, say: Any, without: Any) -> Plan:
        sides.append(f"{side} by {who}" + "".join(f" without {panel}" for panel in without))
        say("From here on no worker takes a run.")
        return await plan(side, open_runs)

    async def plan_left_out(side: Any, panel: str) -> Plan:
        return await plan(side, None)

    async def take_in_left_out(side: Any, panel: str, *, who: str, say: Any) -> Plan:
        sides.append(f"{side} by {who} only {panel}")
        return await plan(side, None)

    monkeypatch.setattr(going_through, "plan", plan)
    monkeypatch.setattr(going_through, "go_through", go_through)
    monkeypatch.setattr(going_through, "plan_left_out", plan_left_out)
    monkeypatch.setattr(going_through, "take_in_left_out", take_in_left_out)
    monkeypatch.setattr(runs, "PrefectOpenRuns", lambda pool: pool)
    yield sides


async def test_without_a_word_it_shows_the_plan_and_does_nothing(ledger_url: str, done: list[str]) -> None:
    await Ledger(ledger_url).upgrade()
    said = await typed("restored", "ledger")
    assert said.exit_code == 1
    for part in ("1042", "it stands midway", "clear [red]it", "hold 1 service(s), set 1 server(s) aside"):
        assert part in said.output
    assert "Nothing was done. To do it: dciflow restored ledger --yes" in said.output
    assert done == []


@pytest.mark.parametrize(("answer", "did"), [("ledger\n", ["ledger by anna"]), ("yes\n", [])])
async def test_a_person_types_the_sides_name(
    ledger_url: str, done: list[str], monkeypatch: pytest.MonkeyPatch, answer: str, did: list[str]
) -> None:
    await Ledger(ledger_url).upgrade()
    monkeypatch.setattr(cli_restored, "_can_be_asked", lambda: True)
    monkeypatch.setattr(cli_restored.typer, "prompt", lambda _: answer.strip())
    said = await typed("restored", "ledger")
    assert done == did
    assert (said.exit_code == 0) is bool(did)


async def test_with_yes_it_does_all_of_it_and_lists_what_to_do(ledger_url: str, done: list[str]) -> None:
    await Ledger(ledger_url).upgrade()
    said = await typed("restored", "whmcs", "--yes")
    assert (said.exit_code, done) == (0, ["whmcs by anna"])
    assert "dciflow held list" in said.output


async def test_panels_are_left_out_by_name_and_taken_in_one_by_one(ledger_url: str, done: list[str]) -> None:
    await Ledger(ledger_url).upgrade()
    said = await typed("restored", "ledger", "--without", "dead", "--without", "slow")
    assert "To do it: dciflow restored ledger --without dead --without slow --yes" in " ".join(said.output.split())
    assert done == []
    await typed("restored", "ledger", "--without", "dead", "--without", "slow", "--yes")
    said = await typed("restored", "ledger", "--only", "dead")
    assert "To do it: dciflow restored ledger --only dead --yes" in " ".join(said.output.split())
    await typed("restored", "ledger", "--only", "dead", "--yes")
    assert done == ["ledger by anna without dead without slow", "ledger by anna only dead"]


async def test_only_and_without_are_not_both(ledger_url: str, done: list[str]) -> None:
    await Ledger(ledger_url).upgrade()
    said = await typed("restored", "ledger", "--only", "dead", "--without", "slow", "--yes")
    assert "exclude each other" in said.output
    assert (said.exit_code, done) == (1, [])


async def test_a_side_that_there_is_not_is_refused(ledger_url: str, done: list[str]) -> None:
    assert (await typed("restored", "door", "--yes")).exit_code == 2
    assert done == []


async def test_a_ledger_that_was_not_made_anew_yet_is_asked_for(ledger_url: str, done: list[str]) -> None:
    said = await typed("restored", "ledger", "--yes")
    assert "There is no ledger at" in said.output
    assert done == []


async def test_other_commands_of_a_person_wait_for_it(
    ledger_url: str, tmp_path: Path, variables: dict[str, Any]
) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    variables["dciflow_incarnation"] = {"name": "d3b0", "count": 9, "at": "2027-01-01T00:00:00+00:00"}
    for words in (["held", "release", "1042"], ["bring-back", "1042"]):
        said = await typed(*words, "--why", "put right")
        assert "dciflow restored ledger" in said.output
    assert await incarnation.current(ledger) is None
    await ledger.dispose()
