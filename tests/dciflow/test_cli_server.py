"""The commands about single servers, as they are typed."""

import json
from datetime import UTC, datetime

import pytest

from ledger import server_notes
from ledger.database import Ledger
from tests.dciflow.command_line import typed

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)


async def test_a_person_sets_a_server_aside_and_allows_it_again(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    said = await typed("server", "set-aside", "main", "17", "--why", "its fan [/] screams")
    assert (said.exit_code, "Server 17 of panel main is set aside" in said.output) == (0, True)
    listed = await typed("server", "list", "--panel", "main")
    for text in ("main", "17", "anna", "its fan [/] screams"):
        assert text in listed.output
    [row] = json.loads((await typed("server", "list", "--json")).output)
    assert (row["panel"], row["server_id"], row["who"], row["failures"]) == ("main", 17, "anna", 0)
    assert set(await server_notes.aside(ledger, "main")) == {17}
    said = await typed("server", "allow", "main", "17", "--why", "new fan")
    assert said.exit_code == 0
    assert json.loads((await typed("server", "list", "--json")).output) == []
    await ledger.dispose()


async def test_a_server_that_nothing_is_known_against_cannot_be_allowed(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    said = await typed("server", "allow", "main", "17", "--why", "new fan")
    assert said.exit_code == 1
    assert "Nothing is known against server 17 of panel main" in said.output
    await ledger.dispose()


async def test_a_person_reserves_a_server_and_releases_it(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    said = await typed("server", "reserve", "main", "17", "--why", "the [/] large one", "--for", "1042")
    assert "Server 17 of panel main is reserved for service 1042 alone" in said.output
    listed = await typed("server", "list")
    for text in ("for service 1042", "anna", "the [/] large one"):
        assert text in " ".join(listed.output.split())
    [row] = json.loads((await typed("server", "list", "--json")).output)
    assert (row["reserved_for"], row["reserved_by"], row["reserved_why"]) == (1042, "anna", "the [/] large one")
    said = await typed("server", "reserve", "main", "17", "--why", "a spare")
    assert "is reserved for nobody" in said.output
    assert await server_notes.withheld(ledger, "main", 1042) == {17: "reserved"}
    said = await typed("server", "release", "main", "17", "--why", "sold")
    assert said.output.strip() == "Server 17 of panel main is not reserved any more."
    said = await typed("server", "release", "main", "17", "--why", "sold")
    assert (said.exit_code, "is not reserved" in said.output) == (1, True)
    said = await typed("server", "reserve", "main", "17", "--why", "x", "--for", "0")
    assert (said.exit_code, "0 is no service of WHMCS" in said.output) == (1, True)
    await ledger.dispose()


@pytest.mark.parametrize("what", ["set-aside", "allow", "reserve", "release"])
async def test_a_reason_is_needed(ledger_url: str, what: str) -> None:
    said = await typed("server", what, "main", "17", "--why", " ")
    assert said.exit_code == 1
    assert "A reason is needed" in said.output


async def test_an_exchange_is_a_persons_with_name_and_reason_and_seven_days(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    async def exchange(service_id: int, **given: object) -> str:
        asked.append({"service_id": service_id, **given})
        return "done"

    monkeypatch.setattr("tasks.exchange.exchange", exchange)
    assert (await typed("server", "exchange", "1042", "--why", " fan ")).output.strip() == "done"
    await typed("server", "exchange", "1042", "--why", "fan", "--to", "18", "--wipe-after", "3")
    given = {"service_id": 1042, "who": "anna", "why": "fan", "to": None, "wipe_after_days": 7}
    assert asked == [given, {**given, "to": 18, "wipe_after_days": 3}]
    assert (await typed("server", "exchange", "1042")).exit_code == 2
    assert "A reason is needed" in (await typed("server", "exchange", "1042", "--why", " ")).output


async def test_a_failed_activation_is_listed_with_its_count(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await ledger.upgrade()
    await server_notes.note_failure(
        ledger, panel="main", server_id=18, service_id=1042, why="no PXE", at_most=3, now=NOW
    )
    [row] = json.loads((await typed("server", "list", "--json")).output)
    assert (row["server_id"], row["failures"], row["set_aside_at"]) == (18, 1, None)
    await ledger.dispose()
