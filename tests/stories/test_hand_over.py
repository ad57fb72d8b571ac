"""A service that WHMCS has for another client by now: a decision hands it over, if it is the same service."""

from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.unsuspend import unsuspend
from ledger import decisions, requests
from ledger.snapshots import Choice
from ledger.states import State
from simulator.panel.models import SimServer
from simulator.whmcs.records import ClientRecord
from tasks.held.decisions import DecisionRequest, carry_out
from tests.harness import PANEL, Harness
from tests.stories.identities import annas, bob, commanded, forget_whose, given_out_again, owner, untouched
from tests.stories.scenario import is_held, one_line, take_panel_down


async def decide(service_id: int, choice: Choice) -> str:
    return await carry_out(service_id, DecisionRequest(choice=choice, who="shift", why="the contract was taken over"))


async def moved(harness: Harness) -> tuple[int, SimServer, ClientRecord]:
    """Staff moved Anna's service to Bob in WHMCS, and a reconciliation has found it."""
    service_id, server = await annas(harness)
    other = bob(harness)
    harness.whmcs.move(service_id, other.id)
    harness.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair="safe")
    held = await is_held(harness, service_id, "client-changed")
    assert "Hand its server over" in str(held.held_evidence)
    return service_id, server, other


async def test_a_service_that_was_moved_in_whmcs_is_handed_over(harness: Harness) -> None:
    service_id, server, other = await moved(harness)
    assert owner(harness, server) == harness.client.email
    assert "ACTIVE again" in await decide(service_id, "hand-over")
    service = await harness.service(service_id)
    assert (service.state, service.client_id, owner(harness, server)) == (State.ACTIVE, other.id, other.email)
    assert service.order is not None and service.order.client_id == other.id
    [kept] = await decisions.of_service(harness.ledger, service_id)
    assert kept.choice == "hand-over"
    assert f"recorded until now: client {harness.client.id}" in str(kept.evidence)
    assert await requests.open_requests(harness.ledger) == []
    await commanded(harness, suspend, service_id)
    await commanded(harness, unsuspend, service_id)
    assert not server.disk.is_clear


async def test_a_suspended_service_of_merged_clients_is_handed_over_suspended(harness: Harness) -> None:
    service_id, server = await annas(harness)
    await commanded(harness, suspend, service_id)
    other = bob(harness)
    harness.whmcs.merge_clients(harness.client.id, other.id)
    await one_line(commanded(harness, unsuspend, service_id))
    await decide(service_id, "hand-over")
    assert (await harness.service(service_id)).state is State.SUSPENDED
    await commanded(harness, unsuspend, service_id)
    assert owner(harness, server) == other.email


async def test_a_hand_over_that_was_interrupted_goes_on(harness: Harness) -> None:
    service_id, server, other = await moved(harness)
    take_panel_down(harness)
    await one_line(decide(service_id, "hand-over"))
    await is_held(harness, service_id, "client-changed")
    harness.faults.clear()
    harness.panel.admin.set_owner(server.id, other.email)
    await decide(service_id, "hand-over")
    assert (await harness.service(service_id)).client_id == other.id


async def test_a_number_given_out_again_is_never_handed_over(harness: Harness) -> None:
    service_id, server, _ = await given_out_again(harness)
    await one_line(commanded(harness, suspend, service_id))
    before = len(harness.panel.writes())
    line = await one_line(decide(service_id, "hand-over"))
    assert "is not handed over" in line
    await is_held(harness, service_id, "client-changed")
    await untouched(harness, service_id, server, before)


async def test_a_server_that_somebody_else_took_is_not_handed_over(harness: Harness) -> None:
    service_id, server, _ = await moved(harness)
    harness.panel.admin.set_owner(server.id, "mallory@example.com")
    line = await one_line(decide(service_id, "hand-over"))
    assert "should be owned by" in line
    await is_held(harness, service_id, "client-changed")
    assert owner(harness, server) == "mallory@example.com"


async def test_a_moved_service_whose_order_was_never_recorded_is_not_handed_over(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    await forget_whose(harness, service_id)
    harness.whmcs.move(service_id, bob(harness).id)
    await one_line(commanded(harness, suspend, service_id))
    assert "not recorded" in await one_line(decide(service_id, "hand-over"))
    await is_held(harness, service_id, "client-changed")
