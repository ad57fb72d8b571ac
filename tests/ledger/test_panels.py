from datetime import timedelta

import pytest

from ledger import claims, incarnation, panel_users, panels, proofs, reconciliation, reinstalls, requests, server_notes
from ledger.columns import LedgerRow
from ledger.database import Ledger
from ledger.errors import HardwareClaimed, LedgerError, SecondName
from ledger.hardware import Identity
from ledger.panels import NAMED_BY_PANEL, address_of, refuse_second_name, sample_of
from ledger.proofs import Backing
from ledger.reconciliation import DifferenceKey, Known
from ledger.restoration_tables import LeftOutRow
from ledger.states import State
from tests.ledger.scenario import LedgerScenario, hardware_for

HERE = "https://panel.example:443"

NOT_RENAMED = {LeftOutRow.__table__.name: "a panel with such a row is not renamed"}  # type: ignore[attr-defined]
"""Tables with a panel's name that stays as it is, and why."""


def test_each_table_that_names_a_panel_is_renamed_with_it_or_says_why_not() -> None:
    renamed = {table.__table__.name for table in NAMED_BY_PANEL}  # type: ignore[attr-defined]
    assert len(renamed) == len(NAMED_BY_PANEL)
    naming = {table.name for table in LedgerRow.metadata.sorted_tables if "panel" in table.columns}
    assert naming == renamed | NOT_RENAMED.keys()
    assert not renamed & NOT_RENAMED.keys()


@pytest.mark.parametrize(
    "url",
    ["https://panel.example", "HTTPS://Panel.Example/", " https://panel.example:443", "https://panel.example.:443/"],
)
def test_an_address_has_one_spelling(url: str) -> None:
    assert address_of(url) == HERE


@pytest.mark.parametrize(
    "url", ["http://panel.example", "https://panel.example:1500", "https://panel.example/api", "https://other.example"]
)
def test_another_scheme_port_path_or_host_is_another_address(url: str) -> None:
    assert address_of(url) != HERE


async def test_a_panel_has_one_name(ledger: Ledger, story: LedgerScenario) -> None:
    await panels.recognise(ledger, "main", HERE, story.now)
    await panels.recognise(ledger, "main", HERE, story.now)
    with pytest.raises(SecondName, match="Panel main-3 is panel main under a second name"):
        await panels.recognise(ledger, "main-3", HERE, story.now)
    assert await panels.known(ledger, "main-3") is None
    assert await panels.of_address(ledger, HERE) == "main"


async def test_a_panel_may_move_to_another_address_but_not_to_another_panels(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await panels.recognise(ledger, "main", HERE, story.now)
    await panels.recognise(ledger, "second", "https://second.example:443", story.now)
    await panels.recognise(ledger, "main", "https://moved.example:443", story.now)
    assert await panels.known(ledger, "main") == "https://moved.example:443"
    with pytest.raises(SecondName):
        await panels.recognise(ledger, "main", "https://second.example:443", story.now)
    assert await panels.known(ledger, "main") == "https://moved.example:443"


def test_a_panel_that_shows_more_than_half_of_another_ones_machines_is_that_one() -> None:
    machines = {Identity("serial", f"sn-{number}") for number in range(300)}
    known = {"main": sample_of(machines), "empty": []}
    assert len(known["main"]) == panels.SAMPLE
    refuse_second_name("main", machines, known)
    refuse_second_name("other", {Identity("serial", "sn-x")}, known)
    refuse_second_name("other", set(sorted(machines)[:100]), known)
    with pytest.raises(SecondName, match=r"is panel main under a second name \(it shows the same machines\)"):
        refuse_second_name("other", machines | {Identity("serial", "sn-x")}, known)


async def test_a_renamed_panel_keeps_everything_that_the_ledger_has_of_it(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ERASING)
    await story.hold(driver)
    await panels.recognise(ledger, "main", HERE, story.now)
    await proofs.record(
        ledger, panel="main", entry="diagnostics", call="x", words={}, backing=Backing.TRUSTED, who="ann", why="-",
        now=story.now,
    )  # fmt: skip
    await reconciliation.begin(ledger, "main", "r", lease=timedelta(minutes=3), now=story.now)
    found = {DifferenceKey("held-too-long", 1, 101): Known(story.now, 1)}
    await reconciliation.finish(
        ledger, "main", "r", counts={"servers": 7}, products=[3], differences=found, now=story.now
    )
    await server_notes.set_aside(ledger, panel="main", server_id=17, who="ann", why="fan", now=story.now)
    await server_notes.reserve(ledger, panel="main", server_id=18, who="ann", why="for Boris", now=story.now)
    for panel, user in (("main", 25), ("main-3", 25), ("main-3", 26)):
        await panel_users.remember(ledger, panel=panel, user_id=user, client_id=7, now=story.now)
    [request] = await requests.open_requests(ledger, "main")
    with pytest.raises(LedgerError, match=r"Panel main is at work: activate of service 1 is open"):
        await panels.rename(ledger, "main", "main-3")
    await requests.abandon(ledger, request, outcome="abandoned", message="-", now=story.now)

    assert await panels.rename(ledger, "main", "main-3") == 1
    service = await story.service()
    assert service.panel == "main-3"
    assert service.claim is not None
    assert service.claim.panel == "main-3"
    assert await claims.claimed(ledger, "main") == {}
    assert await panels.of_address(ledger, HERE) == "main-3"
    assert [one.entry for one in await proofs.of_panel(ledger, "main-3")] == ["diagnostics"]
    assert await server_notes.withheld(ledger, "main-3") == {17: "set aside", 18: "reserved"}
    assert await panel_users.of_panel(ledger, "main-3") == {25: 7, 26: 7}
    kept = await reconciliation.begin(ledger, "main-3", "r", lease=timedelta(minutes=3), now=story.now)
    assert (kept.counts, kept.differences) == ({"servers": 7}, found)
    with pytest.raises(HardwareClaimed, match="server 101 of panel main-3"):
        await claims.take(ledger, await story.ask(2), server_id=7, hardware=hardware_for(1), now=story.now)


async def test_a_panel_is_not_called_as_one_that_has_servers_of_its_own(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.CLAIMED)
    await requests.close(ledger, driver, outcome="done", message=None, now=story.now)
    with pytest.raises(LedgerError, match="Panel main has servers of its own in the ledger"):
        await panels.recognise(ledger, "new", HERE, story.now)
        await panels.rename(ledger, "new", "main")
    assert (await story.service()).panel == "main"


async def test_a_panel_is_not_called_as_one_whose_servers_are_withheld_or_whose_users_are_others(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await panels.recognise(ledger, "main", HERE, story.now)
    await server_notes.reserve(ledger, panel="main-3", server_id=18, who="ann", why="-", now=story.now)
    with pytest.raises(LedgerError, match="Panel main-3 has servers that are set aside or reserved"):
        await panels.rename(ledger, "main", "main-3")
    await server_notes.release(ledger, panel="main-3", server_id=18, who="ann", why="-", now=story.now)
    for panel, client in (("main", 7), ("main-3", 8)):
        await panel_users.remember(ledger, panel=panel, user_id=25, client_id=client, now=story.now)
    with pytest.raises(LedgerError, match="client 7's on main and client 8's on main-3"):
        await panels.rename(ledger, "main", "main-3")
    assert await panels.of_address(ledger, HERE) == "main"


@pytest.mark.parametrize(("old", "new"), [("main", "main"), ("nobody", "main")])
async def test_what_the_ledger_does_not_know_is_not_renamed(
    ledger: Ledger, story: LedgerScenario, old: str, new: str
) -> None:
    with pytest.raises(LedgerError, match=f"knows no panel {old}"):
        await panels.rename(ledger, old, new)


@pytest.mark.parametrize("left_out", ["main", "main-3"])
async def test_a_panel_that_was_left_out_of_a_restoration_keeps_its_name_until_it_was_compared(
    ledger: Ledger, story: LedgerScenario, left_out: str
) -> None:
    await panels.recognise(ledger, "main", HERE, story.now)
    await incarnation.leave_out(ledger, [left_out], "whmcs", who="ann", now=story.now)
    with pytest.raises(LedgerError, match=f"Nothing was renamed.*dciflow restored whmcs --only {left_out}"):
        await panels.rename(ledger, "main", "main-3")
    assert await panels.of_address(ledger, HERE) == "main"
    await incarnation.take_in(ledger, [left_out], "whmcs")
    await panels.rename(ledger, "main", "main-3")
    assert await panels.of_address(ledger, HERE) == "main-3"


async def test_a_permit_to_reinstall_is_its_panels_under_the_new_name_too(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reinstall_midway()
    await requests.close(ledger, driver, story.now, outcome="failed", message="it failed")
    await panels.recognise(ledger, "main", HERE, story.now)
    await panels.rename(ledger, "main", "main-3")
    permit = await reinstalls.current(ledger, 1, 1)
    assert permit is not None
    assert permit.panel == "main-3"
