"""A person exchanges the server of a service: the client has both for some days, then the old one is wiped."""

from datetime import timedelta
from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import decisions, leftovers, server_notes
from ledger.snapshots import FIRST_LEFTOVER
from ledger.states import State
from tasks import wipe_delay
from tasks.exchange import exchange
from tasks.held.decisions import DecisionRequest, bring_back, carry_out
from tasks.reconciliation.differences import Drift, Repair
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, is_held, midway, one_line, promised, sent, written
from tests.tasks.reconciliation.scenario import look


@pytest.fixture(autouse=True)
def hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven days in steps of an hour: a look a minute would be ten thousand of them."""
    monkeypatch.setattr(wipe_delay, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(wipe_delay, "MOST_A_LOOK", timedelta(hours=2))


async def exchanged(harness: Harness, service_id: int, **more: Any) -> str:
    given: dict[str, Any] = {"who": "anna", "why": "its fan screams", "to": None, "wipe_after_days": 7, **more}
    return await exchange(service_id, **given)


async def test_the_client_has_both_servers_until_the_old_one_is_wiped_by_its_own_permit(harness: Harness) -> None:
    service_id, old = await activated(harness, wipe_delay_hours=2)
    harness.panel.write_tenant_data(old.id, "the client's photographs")
    said = await exchanged(harness, service_id)
    assert f"Server {old.id} stays its client's as leftover {FIRST_LEFTOVER}" in said
    assert [(name, given["service_id"], given["who"]) for name, given, _ in harness.started] == [
        ("activate/whmcs", service_id, "anna"),
        ("terminate/whmcs", FIRST_LEFTOVER, "anna"),
    ]
    await harness.run(activate, service_id, requested_by="admin")
    new = await harness.server(service_id)
    assert new.id != old.id and new.owner_id == old.owner_id
    began, writes = harness.clock.now(), len(harness.panel.writes())
    seen: list[tuple[bool, bool, bool]] = []
    harness.panel.world.later(
        harness.clock.simulated.now() + timedelta(days=6.9).total_seconds(),
        lambda: seen.append(
            (
                all(port.admin_up for port in old.network_ports),
                old.owner_id == new.owner_id,
                "photographs" in old.disk.content,
            )
        ),
    )
    await harness.run(terminate, FIRST_LEFTOVER, requested_by="admin")
    assert seen == [(True, True, True)]
    assert harness.clock.elapsed(began) >= timedelta(days=7)
    assert "port_off" not in written(harness, writes)
    assert (await harness.service(FIRST_LEFTOVER)).state is State.RELEASED
    assert old.disk.is_clear
    assert await promised(harness) == {new.id: service_id}
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert harness.panel.incidents == []
    assert await server_notes.aside(harness.ledger, PANEL) == {}  # nothing is known against it


async def test_name_and_reason_are_kept_with_both(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await exchanged(harness, service_id)
    for number in (service_id, FIRST_LEFTOVER):
        [kept] = await decisions.of_service(harness.ledger, number)
        assert (kept.choice, kept.who, kept.why) == ("exchange", "anna", "its fan screams")
        assert kept.evidence is not None and "to be wiped in 168 h" in kept.evidence


async def test_it_gets_the_server_that_a_person_names_and_not_the_one_that_was_chosen_before(harness: Harness) -> None:
    service_id, old = await activated(harness, server_id=5)
    await exchanged(harness, service_id, to=3)
    await harness.run(activate, service_id)
    assert (old.id, (await harness.server(service_id)).id) == (5, 3)
    second, _ = await activated(harness, server_id=1)
    await exchanged(harness, second)
    await harness.run(activate, second)
    assert (await harness.server(second)).id not in (1, 3, 5)


async def test_where_no_server_fits_the_service_keeps_its_own(harness: Harness) -> None:
    service_id, old = await activated(harness, server_id=5)
    before = await harness.service(service_id)
    for server in harness.panel.servers.values():
        if server.id != old.id:
            harness.panel.admin.protect(server.id)
    assert "No free server of configuration" in await one_line(exchanged(harness, service_id))
    line = await one_line(exchanged(harness, service_id, to=3))
    assert "Server 3 of panel main was chosen for service" in line and "protected" in line
    assert await harness.service(service_id) == before
    assert harness.started == []


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"wipe_after_days": 0}, "1 to 30 days to move"),
        ({"wipe_after_days": 31}, "1 to 30 days to move"),
        ({"why": " "}, "needs a name and a reason"),
        ({"who": ""}, "needs a name and a reason"),
        ({"to": 4711}, "was chosen for service"),
    ],
)
async def test_what_makes_no_sense_is_refused(harness: Harness, given: dict[str, Any], line: str) -> None:
    service_id, _ = await activated(harness)
    assert line in await one_line(exchanged(harness, service_id, **given))
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert harness.started == []


@pytest.mark.parametrize("status", ["Suspended", "Cancelled", "Terminated", "Pending"])
async def test_a_service_that_whmcs_does_not_show_in_use_keeps_its_server(harness: Harness, status: str) -> None:
    service_id, _ = await activated(harness)
    harness.billed(service_id).status = status
    assert f"is {status} in WHMCS" in await one_line(exchanged(harness, service_id))
    assert await leftovers.of_service(harness.ledger, service_id) == []


async def test_a_service_that_is_not_active_protected_or_another_clients_keeps_its_server(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await decisions.protect(harness.ledger, service_id, who="anna", why="large", now=harness.clock.now())
    assert f"dciflow unprotect {service_id}" in await one_line(exchanged(harness, service_id))
    await decisions.unprotect(harness.ledger, service_id, who="anna", why="moved", now=harness.clock.now())
    harness.billed(service_id).client_id = harness.whmcs.add_client("boris@example.com", "Boris", "B").id
    assert "another client" in await one_line(exchanged(harness, service_id))
    harness.billed(service_id).client_id = harness.client.id
    await harness.run(suspend, service_id, requested_by="admin")
    assert "is SUSPENDED: a server is exchanged for an ACTIVE service" in await one_line(exchanged(harness, service_id))
    assert "does not know service 4711" in await one_line(exchanged(harness, 4711))
    assert await leftovers.of_service(harness.ledger, service_id) == []


async def test_a_service_that_a_run_drives_keeps_its_server(harness: Harness) -> None:
    service_id, _ = await activated(harness, wipe_delay_hours=5)
    async with midway(harness, harness.run(terminate, service_id)):
        await one_line(exchanged(harness, service_id))
    assert await leftovers.of_service(harness.ledger, service_id) == []


async def test_the_old_server_is_not_wiped_while_the_other_one_is_not_ready(harness: Harness) -> None:
    service_id, old = await activated(harness)
    harness.panel.write_tenant_data(old.id, "the client's photographs")
    await exchanged(harness, service_id)
    await one_line(harness.run(terminate, FIRST_LEFTOVER, requested_by="admin"))
    held = await is_held(harness, FIRST_LEFTOVER, "wanted-again")
    assert f"Service {service_id} is NEW: its other server is not ready" in str(held.held_evidence)
    assert "photographs" in old.disk.content and old.owner_id is not None
    assert all(port.admin_up for port in old.network_ports)
    assert sent(harness, "diagnostics") == []
    await carry_out(FIRST_LEFTOVER, DecisionRequest(choice="terminate", who="anna", why="the client gave it up"))
    await harness.run(terminate, FIRST_LEFTOVER, requested_by="admin")
    assert (await harness.service(FIRST_LEFTOVER)).state is State.RELEASED
    assert old.disk.is_clear


async def test_a_person_keeps_the_old_server_and_it_is_wiped_later(harness: Harness) -> None:
    service_id, old = await activated(harness)
    await exchanged(harness, service_id)
    await harness.run(activate, service_id)
    harness.started.clear()
    async with midway(harness, harness.run(terminate, FIRST_LEFTOVER, requested_by="admin")) as run:
        said = await bring_back(FIRST_LEFTOVER, who="anna", why="not moved yet")
    assert "is ACTIVE again, and its client's" in said
    with pytest.raises(Exception, match="was brought back"):
        await run
    assert harness.started == []
    assert (await harness.service(FIRST_LEFTOVER)).state is State.ACTIVE
    assert all(port.admin_up for port in old.network_ports) and sent(harness, "diagnostics") == []
    await harness.run(terminate, FIRST_LEFTOVER, requested_by="admin")
    assert old.disk.is_clear


async def test_what_stands_between_is_no_difference_and_nothing_of_it_is_missed_in_whmcs(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await exchanged(harness, service_id)
    await harness.run(activate, service_id)
    harness.clock.simulated.advance(3600)
    assert [one for one in (await look(harness)).differences if one.service_id in (service_id, FIRST_LEFTOVER)] == []


async def test_a_server_that_somebody_else_owns_meanwhile_is_not_wiped(harness: Harness) -> None:
    service_id, old = await activated(harness)
    await exchanged(harness, service_id)
    await harness.run(activate, service_id)
    harness.panel.admin.set_owner(old.id, "other@example.com")
    await one_line(harness.run(terminate, FIRST_LEFTOVER, requested_by="admin"))
    await is_held(harness, FIRST_LEFTOVER, "owner-changed")
    assert sent(harness, "diagnostics") == []


async def test_a_leftover_whose_deletion_was_never_started_is_reported_after_a_day(harness: Harness) -> None:
    service_id, old = await activated(harness)
    await exchanged(harness, service_id)  # its runs are lost with Prefect
    await harness.run(activate, service_id, requested_by="admin")
    harness.clock.simulated.advance(timedelta(hours=23).total_seconds())
    assert (await look(harness)).differences == []
    harness.clock.simulated.advance(timedelta(hours=2).total_seconds())
    [found] = (await look(harness)).differences
    assert (found.drift, found.service_id, found.server_id) == (Drift.LEFTOVER_STAYS, FIRST_LEFTOVER, old.id)
    assert found.repair is Repair.NONE
    assert f"left by service {service_id}" in found.what
