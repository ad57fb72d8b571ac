from datetime import UTC, datetime

import pytest

from flows.suspend import suspend
from ledger import requests
from ledger.hold_reasons import HoldReason
from ledger.reconciliation import DifferenceKey, Known
from ledger.states import State
from runtime.connections import whmcs_api
from tasks.adoption import Adoptee, adopt_services
from tasks.reconciliation.comparison import Comparison, compare, comparing
from tasks.reconciliation.differences import Difference, Drift, Repair
from tasks.reconciliation.repairs import MOST_REPAIRS, RepairOutcome, repair_safe, select_repairs
from tests.conftest import HarnessMaker
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, is_held
from tests.tasks.reconciliation.scenario import ENOUGH, changes, look, only, open_request, reconcile_once

NOW = datetime(2027, 1, 10, tzinfo=UTC)


def difference(service_id: int, drift: Drift = Drift.PORTS_OFF, repair: Repair = Repair.PORTS_ON) -> Difference:
    return Difference(
        drift=drift, what="2 ports off", service_id=service_id, server_id=7, client_id=3, since=NOW, repair=repair
    )


def comparison(*differences: Difference, known: dict[DifferenceKey, Known] | None = None) -> Comparison:
    return Comparison(
        panel="main",
        flow_run_id="run",
        at=NOW,
        list_lengths={"services": 100},
        products=frozenset(),
        differences=list(differences),
        known=known or {},
    )


def test_what_came_back_too_often_is_not_repaired_again() -> None:
    one = difference(1)
    assert select_repairs(comparison(one, known={one.key: Known(NOW, MOST_REPAIRS - 1)})) == [one]
    assert select_repairs(comparison(one, known={one.key: Known(NOW, MOST_REPAIRS)})) == []


def test_no_more_is_repaired_at_once_than_is_set() -> None:
    assert len(select_repairs(comparison(*map(difference, range(1, 80))))) == 50


def test_what_may_not_be_repaired_is_not_chosen() -> None:
    assert select_repairs(comparison(difference(1, Drift.PORTS_ON, Repair.NONE))) == []


async def test_a_port_that_a_hand_switched_off_is_switched_on_and_stays_on(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")
    difference = await only(harness)
    assert (difference.drift, difference.repair) == (Drift.PORTS_OFF, Repair.PORTS_ON)
    assert (difference.service_id, difference.server_id) == (service_id, server.id)
    assert difference.client_id == harness.client.id
    assert await changes(harness, reconcile_once(harness, "report")) == (0, 0)
    assert await changes(harness, reconcile_once(harness)) == (len(server.network_ports), 0)
    assert all(port.admin_up for port in server.network_ports)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


async def test_an_owner_changed_by_hand_is_put_before_a_person_once(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "stranger@example.com")
    assert (await only(harness)).drift is Drift.OWNER_CHANGED
    await reconcile_once(harness, "report")
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert await changes(harness, reconcile_once(harness)) == (0, 0)
    held = await is_held(harness, service_id, HoldReason.OWNER_CHANGED)
    harness.clock.simulated.advance(60)
    assert (await look(harness)).differences == []
    await reconcile_once(harness)
    assert await harness.service(service_id) == held


async def test_so_is_a_server_that_is_gone_or_another_machine(harness: Harness) -> None:
    gone, server = await activated(harness)
    swapped, other = await activated(harness)
    harness.panel.admin.remove_server(server.id)
    harness.panel.admin.swap_hardware(other.id)
    found = await look(harness)
    assert {one.service_id: one.drift for one in found.differences} == {
        gone: Drift.SERVER_VANISHED,
        swapped: Drift.HARDWARE_CHANGED,
    }
    await reconcile_once(harness)
    await is_held(harness, gone, HoldReason.SERVER_VANISHED)
    await is_held(harness, swapped, HoldReason.HARDWARE_CHANGED)


async def test_a_write_back_that_was_lost_is_written(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    billed = harness.billed(service_id)
    billed.status, billed.dedicated_ip, billed.assigned_ips, billed.username = "Pending", "", "", "web1"
    difference = await only(harness)
    assert (difference.drift, difference.repair) == (Drift.NOT_WRITTEN_BACK, Repair.ANNOUNCE)
    await reconcile_once(harness)
    assert (billed.status, billed.username) == ("Active", "root")
    assert billed.assigned_ips.split() == [address.address for address in server.addresses]
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


async def test_addresses_that_a_hand_changed_are_written_and_nothing_else_is(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    billed = harness.billed(service_id)
    billed.dedicated_ip, billed.domain, billed.username = "192.0.2.250", "shop.example", "ann"
    billed.assigned_ips = server.addresses[1].address
    difference = await only(harness)
    assert (difference.drift, difference.repair) == (Drift.ADDRESSES_DIFFER, Repair.WRITE_ADDRESSES)
    assert await changes(harness, reconcile_once(harness)) == (0, 1)
    assert billed.assigned_ips.split() == [address.address for address in server.addresses]
    assert (billed.domain, billed.username) == ("shop.example", "ann")
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


async def test_where_no_address_is_the_same_the_two_disagree_whose_server_it_is_and_nothing_is_written(
    harness: Harness,
) -> None:
    service_id, _ = await activated(harness)
    billed = harness.billed(service_id)
    billed.dedicated_ip = billed.assigned_ips = "192.0.2.250"
    difference = await only(harness)
    assert (difference.drift, difference.repair) == (Drift.ADDRESSES_DIFFER, Repair.NONE)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


async def test_an_adopted_services_addresses_are_written_and_its_main_address_stays(harness: Harness) -> None:
    await activated(harness)
    service_id = harness.buy("old.example.com")
    harness.billed(service_id).status = "Active"
    harness.panel.admin.set_owner(7, harness.client.email)
    server = harness.panel.server(7)
    harness.panel.addresses.add(server, harness.panel.pool("public-v4"), 2)
    for port in server.network_ports:
        port.admin_up = True
    billed = harness.billed(service_id)
    billed.dedicated_ip = server.addresses[-1].address
    await adopt_services(PANEL, [Adoptee(service_id=service_id, server_id=7)], apply=True)
    harness.clock.simulated.advance(60)
    assert (await only(harness)).drift is Drift.ADDRESSES_DIFFER
    await reconcile_once(harness)
    assert billed.dedicated_ip == server.addresses[-1].address
    assert billed.assigned_ips.split() == [address.address for address in server.addresses]
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


@pytest.mark.parametrize("status", ["Terminated", "Cancelled", "Fraud"])
async def test_a_service_that_ended_in_whmcs_keeps_its_server_until_a_person_deletes_it(
    harness: Harness, status: str
) -> None:
    service_id, server = await activated(harness)
    harness.billed(service_id).status = status
    difference = await only(harness)
    assert (difference.drift, difference.repair) == (Drift.ENDED_OWNS_SERVER, Repair.NONE)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)
    assert (await harness.server(service_id)) is server


async def test_a_suspended_service_with_its_ports_on_is_reported_only(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    harness.billed(service_id).status = "Suspended"
    harness.panel.admin.switch_port(server.id, "up")
    difference = await only(harness)
    assert (difference.drift, difference.repair) == (Drift.PORTS_ON, Repair.NONE)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


async def test_a_suspension_that_whmcs_was_not_told_yet_is_not_undone(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    difference = await only(harness)
    assert (difference.drift, difference.repair) == (Drift.PORTS_OFF, Repair.NONE)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_suspension_that_comes_between_look_and_repair_is_not_undone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")
    whmcs = (await whmcs_api()).services
    get = whmcs.get

    async def suspended_first(number: int) -> object:
        harness.billed(service_id).status = "Suspended"
        return await get(number)

    await reconcile_once(
        harness, "report"
    )  # it learns the product, so that only the repair asks for the service itself
    monkeypatch.setattr(whmcs, "get", suspended_first)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


@pytest.mark.parametrize("is_over", [True, False])
async def test_a_service_that_a_run_drives_between_look_and_repair_is_left_to_it(
    harness: Harness, is_over: bool
) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")
    harness.clock.simulated.advance(60)
    async with comparing(PANEL) as remembered:
        comparison = await compare(PANEL, remembered)
        driver = await open_request(harness, service_id)
        if is_over:
            await requests.close(harness.ledger, driver, outcome="done", message=None, now=harness.clock.now())
        (repaired,) = await repair_safe(comparison)
    assert repaired.outcome is RepairOutcome.SKIPPED
    assert not any(port.admin_up for port in server.network_ports)


async def test_owners_that_differ_everywhere_at_once_hold_nobody(make_harness: HarnessMaker) -> None:
    harness = make_harness(ENOUGH)
    found = [await activated(harness) for _ in range(4)]
    for _, server in found:
        harness.panel.admin.set_owner(server.id, "stranger@example.com")
    await reconcile_once(harness)
    assert [(await harness.service(service_id)).state for service_id, _ in found] == [State.ACTIVE] * 4
    assert (await look(harness)).counts == {"owner-changed": 4}


async def test_what_is_repaired_in_vain_is_left_to_a_person(make_harness: HarnessMaker) -> None:
    harness = make_harness(ENOUGH)
    _, server = await activated(harness)
    tries = []
    for _ in range(5):
        harness.panel.admin.switch_port(server.id, "down")
        tries.append(await changes(harness, reconcile_once(harness)))
    assert tries == [(2, 0)] * 3 + [(0, 0)] * 2
