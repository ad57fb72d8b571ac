from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import timedelta
from itertools import product
from typing import Any, Literal

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.panel import Panel
from dcimanager.transport import Access
from flows.activate import activate
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import overview, requests, services
from ledger.errors import LedgerError
from ledger.lifecycle import State
from ledger.snapshots import Driver
from simulator.profile import XEON, Batch, Profile
from simulator.things import SimServer
from tasks.adoption import Adoptee, adopt_services
from tasks.connections import billing, connections
from tasks.differences import Difference, Drift, Repair
from tasks.heart import SILENT_AFTER
from tasks.outcomes import Reason
from tasks.reconciliation import LEASE, Comparison, compare, comparing
from tasks.repairs import Outcome, repair_safe
from tests.conftest import StageMaker
from tests.flows.play import activated, is_held, midway, one_line, take_panel_down, written
from tests.stage import PANEL, QUICK, Stage

ENOUGH = QUICK.model_copy(update={"fleet": (Batch(configuration=XEON, location="Riga", servers=30),)})


async def look(stage: Stage) -> Comparison:
    """One comparison that repairs nothing and leaves nothing."""
    stage.clock.simulated.advance(10)
    async with comparing(PANEL) as remembered:
        return await compare(PANEL, remembered)


async def play(stage: Stage, repair: Literal["report", "safe"] = "safe") -> None:
    """One scheduled run, a while after whatever was done last."""
    stage.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair=repair)


async def only(stage: Stage) -> Difference:
    """The one difference that there is."""
    (difference,) = (await look(stage)).differences
    return difference


def told(stage: Stage) -> int:
    """How often WHMCS was told something."""
    return sum(request.action == "UpdateClientProduct" for request in stage.billing.requests)


async def changes(stage: Stage, run: Awaitable[object]) -> tuple[int, int]:
    """How many changes a run made on the panel and in WHMCS."""
    panel, billing = len(stage.panel.writes()), told(stage)
    await run
    return len(stage.panel.writes()) - panel, told(stage) - billing


async def test_services_that_are_as_they_should_be_are_no_difference(stage: Stage) -> None:
    await activated(stage)
    suspended, _ = await activated(stage)
    deleted, _ = await activated(stage)
    await stage.run(suspend, suspended)
    stage.billed(suspended).status = "Suspended"
    await stage.run(terminate, deleted)
    stage.billed(deleted).status = "Terminated"
    stage.buy()
    found = await look(stage)
    assert found.differences == []
    assert found.list_lengths == {"servers": 12, "services": 2, "services in WHMCS": 4}
    assert await changes(stage, play(stage)) == (0, 0)


async def test_a_port_that_a_hand_switched_off_is_switched_on_and_stays_on(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    difference = await only(stage)
    assert (difference.drift, difference.repair) == (Drift.PORTS_OFF, Repair.PORTS_ON)
    assert (difference.service_id, difference.server_id) == (service_id, server.id)
    assert difference.client_id == stage.client.id
    assert await changes(stage, play(stage, "report")) == (0, 0)
    assert await changes(stage, play(stage)) == (len(server.network_ports), 0)
    assert all(port.admin_up for port in server.network_ports)
    assert await changes(stage, play(stage)) == (0, 0)


async def test_an_owner_changed_by_hand_is_put_before_a_person_once(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, "stranger@example.com")
    assert (await only(stage)).drift is Drift.OWNER_CHANGED
    await play(stage, "report")
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert await changes(stage, play(stage)) == (0, 0)
    held = await is_held(stage, service_id, Reason.OWNER_CHANGED)
    stage.clock.simulated.advance(60)
    assert (await look(stage)).differences == []
    await play(stage)
    assert await stage.service(service_id) == held


async def test_so_is_a_server_that_is_gone_or_another_machine(stage: Stage) -> None:
    gone, server = await activated(stage)
    swapped, other = await activated(stage)
    stage.panel.by_hand.remove_server(server.id)
    stage.panel.by_hand.swap_hardware(other.id)
    found = await look(stage)
    assert {one.service_id: one.drift for one in found.differences} == {
        gone: Drift.SERVER_VANISHED,
        swapped: Drift.HARDWARE_CHANGED,
    }
    await play(stage)
    await is_held(stage, gone, Reason.SERVER_VANISHED)
    await is_held(stage, swapped, Reason.HARDWARE_CHANGED)


async def test_a_write_back_that_was_lost_is_written(stage: Stage) -> None:
    service_id, server = await activated(stage, ipv4_count=2)
    billed = stage.billed(service_id)
    billed.status, billed.dedicated_ip, billed.assigned_ips, billed.username = "Pending", "", "", "web1"
    difference = await only(stage)
    assert (difference.drift, difference.repair) == (Drift.NOT_WRITTEN_BACK, Repair.ANNOUNCE)
    await play(stage)
    assert (billed.status, billed.username) == ("Active", "root")
    assert billed.assigned_ips.split() == [address.address for address in server.addresses]
    assert await changes(stage, play(stage)) == (0, 0)


async def test_addresses_that_a_hand_changed_are_written_and_nothing_else_is(stage: Stage) -> None:
    service_id, server = await activated(stage, ipv4_count=2)
    billed = stage.billed(service_id)
    billed.dedicated_ip, billed.assigned_ips, billed.domain, billed.username = "192.0.2.250", "", "shop.example", "ann"
    difference = await only(stage)
    assert (difference.drift, difference.repair) == (Drift.ADDRESSES_DIFFER, Repair.WRITE_ADDRESSES)
    assert await changes(stage, play(stage)) == (0, 1)
    assert billed.assigned_ips.split() == [address.address for address in server.addresses]
    assert (billed.domain, billed.username) == ("shop.example", "ann")
    assert await changes(stage, play(stage)) == (0, 0)


async def test_an_adopted_services_addresses_are_written_and_its_main_address_stays(stage: Stage) -> None:
    await activated(stage)
    service_id = stage.buy("old.example.com")
    stage.billed(service_id).status = "Active"
    stage.panel.by_hand.set_owner(7, stage.client.email)
    server = stage.panel.server(7)
    stage.panel.addresses.add(server, stage.panel.pool("public-v4"), 2)
    for port in server.network_ports:
        port.admin_up = True
    billed = stage.billed(service_id)
    billed.dedicated_ip = server.addresses[-1].address
    await adopt_services(PANEL, [Adoptee(service_id=service_id, server_id=7)], apply=True)
    stage.clock.simulated.advance(60)
    assert (await only(stage)).drift is Drift.ADDRESSES_DIFFER
    await play(stage)
    assert billed.dedicated_ip == server.addresses[-1].address
    assert billed.assigned_ips.split() == [address.address for address in server.addresses]
    assert await changes(stage, play(stage)) == (0, 0)


async def test_addresses_in_another_order_or_in_one_field_are_the_same(stage: Stage) -> None:
    service_id, _ = await activated(stage, ipv4_count=2)
    billed = stage.billed(service_id)
    first, second = billed.assigned_ips.split()
    billed.dedicated_ip, billed.assigned_ips = second, first
    assert (await look(stage)).differences == []


@pytest.mark.parametrize("status", ["Terminated", "Cancelled", "Fraud"])
async def test_a_service_that_ended_in_whmcs_keeps_its_server_until_a_person_deletes_it(
    stage: Stage, status: str
) -> None:
    service_id, server = await activated(stage)
    stage.billed(service_id).status = status
    difference = await only(stage)
    assert (difference.drift, difference.repair) == (Drift.ENDED_OWNS_SERVER, Repair.NONE)
    assert await changes(stage, play(stage)) == (0, 0)
    assert (await stage.server(service_id)) is server


async def test_a_suspended_service_with_its_ports_on_is_reported_only(stage: Stage) -> None:
    service_id, server = await activated(stage)
    await stage.run(suspend, service_id)
    stage.billed(service_id).status = "Suspended"
    stage.panel.by_hand.switch_port(server.id, "up")
    difference = await only(stage)
    assert (difference.drift, difference.repair) == (Drift.PORTS_ON, Repair.NONE)
    assert await changes(stage, play(stage)) == (0, 0)


async def test_a_suspension_that_whmcs_was_not_told_yet_is_not_undone(stage: Stage) -> None:
    service_id, server = await activated(stage)
    await stage.run(suspend, service_id)
    difference = await only(stage)
    assert (difference.drift, difference.repair) == (Drift.PORTS_OFF, Repair.NONE)
    assert await changes(stage, play(stage)) == (0, 0)
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_suspension_that_comes_between_look_and_repair_is_not_undone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    whmcs = (await billing()).services
    get = whmcs.get

    async def suspended_first(number: int) -> object:
        stage.billed(service_id).status = "Suspended"
        return await get(number)

    await play(stage, "report")  # it learns the product, so that only the repair asks for the service itself
    monkeypatch.setattr(whmcs, "get", suspended_first)
    assert await changes(stage, play(stage)) == (0, 0)


@pytest.mark.parametrize("is_over", [True, False])
async def test_a_service_that_a_run_drives_between_look_and_repair_is_left_to_it(stage: Stage, is_over: bool) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    stage.clock.simulated.advance(60)
    async with comparing(PANEL) as remembered:
        comparison = await compare(PANEL, remembered)
        driver = await _open(stage, service_id)
        if is_over:
            await requests.close(stage.ledger, driver, outcome="done", message=None, now=stage.clock.now())
        (repaired,) = await repair_safe(comparison)
    assert repaired.outcome is Outcome.SKIPPED
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_service_that_a_run_works_on_is_left_to_it(stage: Stage) -> None:
    await activated(stage)
    service_id = stage.buy()
    async with midway(stage, stage.run(activate, service_id, order=stage.order())):
        assert (await look(stage)).differences == []
        await play(stage)


async def test_one_that_a_run_finished_while_the_sides_were_read_is_left_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    whmcs = (await billing()).services
    list_them = whmcs.list

    async def something_runs_meanwhile(product: int | None = None) -> object:
        driver = await _open(stage, service_id)
        await requests.close(stage.ledger, driver, outcome="done", message=None, now=stage.clock.now())
        return await list_them(product)

    await play(stage, "report")  # it learns the product
    monkeypatch.setattr(whmcs, "list", something_runs_meanwhile)
    assert (await look(stage)).differences == []


async def _open(stage: Stage, service_id: int, flow_run_id: str = "run-9", action: str = "suspend") -> Driver:
    driver, _ = await requests.open(
        stage.ledger,
        service_id=service_id,
        panel=PANEL,
        action=action,
        flow_run_id=flow_run_id,
        requested_by="api",
        now=stage.clock.now(),
        silent_after=SILENT_AFTER,
    )
    return driver


async def test_a_silent_run_and_one_that_takes_too_long_are_told(stage: Stage) -> None:
    silent, _ = await activated(stage)
    endless, _ = await activated(stage)
    await _open(stage, silent, "run-1")
    driver = await _open(stage, endless, "run-2")
    stage.clock.simulated.advance(timedelta(hours=25).total_seconds())
    await requests.beat(stage.ledger, [driver], now=stage.clock.now())
    found = (await look(stage)).differences
    assert [(one.service_id, one.drift) for one in found] == [
        (silent, Drift.RUN_SILENT),
        (endless, Drift.REQUEST_TOO_LONG),
    ]


async def test_a_deletion_that_sits_its_wipe_delay_out_does_not_take_too_long(stage: Stage) -> None:
    service_id, _ = await activated(stage, wipe_delay_hours=48)
    driver = await _open(stage, service_id)
    for hours, expected in ((48, []), (25, [Drift.REQUEST_TOO_LONG])):
        stage.clock.simulated.advance(timedelta(hours=hours).total_seconds())
        await requests.beat(stage.ledger, [driver], now=stage.clock.now())
        assert [one.drift for one in (await look(stage)).differences] == expected


async def test_a_service_that_is_held_for_a_day_is_told(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, None)
    await play(stage)
    await is_held(stage, service_id, Reason.OWNER_CHANGED)
    stage.clock.simulated.advance(timedelta(hours=25).total_seconds())
    assert (await only(stage)).drift is Drift.HELD_TOO_LONG


async def test_an_activation_that_nobody_goes_on_with_is_told(stage: Stage) -> None:
    service_id = stage.buy()
    stage.panel.fail_next("os_install")
    await one_line(stage.run(activate, service_id, order=stage.order()))
    assert (await look(stage)).differences == []
    stage.clock.simulated.advance(timedelta(hours=1).total_seconds())
    assert (await only(stage)).drift is Drift.STANDS_MIDWAY


async def test_a_service_that_whmcs_bills_and_the_ledger_never_saw_is_shown_with_its_server(stage: Stage) -> None:
    await activated(stage)
    unseen = stage.buy("old.example.com")
    stage.panel.by_hand.set_owner(7, stage.client.email)
    server = stage.panel.server(7)
    stage.panel.addresses.add(server, stage.panel.pool("public-v4"), 1)
    billed = stage.billed(unseen)
    billed.status, billed.dedicated_ip = "Active", server.addresses[-1].address
    difference = await only(stage)
    assert (difference.drift, difference.service_id, difference.server_id) == (Drift.NEVER_SEEN, unseen, 7)


async def test_a_clients_server_that_no_service_claims_is_told_and_a_strangers_is_not(stage: Stage) -> None:
    await activated(stage)
    stage.panel.by_hand.set_owner(7, stage.client.email.upper())
    stage.panel.by_hand.set_owner(8, "staff@example.com")
    difference = await only(stage)
    assert (difference.drift, difference.server_id, difference.client_id) == (
        Drift.UNCLAIMED_SERVER,
        7,
        stage.client.id,
    )


async def test_a_free_server_with_an_os_on_it_is_dirty(stage: Stage) -> None:
    await activated(stage)
    stage.panel.by_hand.start_operation(9, "os_install")
    stage.clock.simulated.advance(60)
    difference = await only(stage)
    assert (difference.drift, difference.server_id) == (Drift.DIRTY_FREE_SERVER, 9)


async def test_two_services_with_one_server_are_both_told(stage: Stage) -> None:
    service_id, server = await activated(stage)
    other = stage.buy()
    billed = stage.billed(other)
    billed.status, billed.dedicated_ip = "Active", server.addresses[0].address
    found = (await look(stage)).differences
    assert {one.service_id: one.drift for one in found} == dict.fromkeys((service_id, other), Drift.TWO_SERVICES)
    assert await changes(stage, play(stage)) == (0, 0)


async def test_a_service_without_a_server_is_told(stage: Stage) -> None:
    await activated(stage)
    service_id, _ = await activated(stage)
    await stage.run(terminate, service_id)
    assert (await only(stage)).drift is Drift.ACTIVE_WITHOUT_SERVER


async def test_a_service_that_whmcs_does_not_show_is_not_taken_for_a_terminated_one(stage: Stage) -> None:
    for _ in range(2):
        service_id, _ = await activated(stage)
    del stage.billing.services[service_id]
    assert (await only(stage)).drift is Drift.NOT_IN_WHMCS
    assert await changes(stage, play(stage)) == (0, 0)


Spoil = Callable[[Stage], object]


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        pytest.param(lambda stage: stage.panel.servers.clear(), "lists no servers at all", id="no servers"),
        pytest.param(lambda stage: _lose_servers(stage, 10), "2 servers, and 12 the last time", id="few servers"),
        pytest.param(lambda stage: stage.billing.services.clear(), "WHMCS does not show 4 or more", id="no services"),
        pytest.param(take_panel_down, "did not answer", id="panel down"),
        pytest.param(lambda stage: stage.billing.unavailable(100), "503", id="WHMCS down"),
        pytest.param(lambda stage: stage.billing.reject_ip(), "API IP Access Restriction", id="WHMCS refuses"),
    ],
)
async def test_a_side_that_cannot_be_believed_stops_everything(stage: Stage, spoil: Spoil, line: str) -> None:
    found = [await activated(stage) for _ in range(5)]
    await play(stage)
    for _, server in found:
        stage.panel.by_hand.switch_port(server.id, "down")
    before = await services.get(stage.ledger, found[0][0])
    spoil(stage)

    async def stopped() -> None:
        said = await one_line(play(stage))
        assert line in said
        assert said.startswith("Not reconciled: main: ")

    assert await changes(stage, stopped()) == (0, 0)
    assert await services.get(stage.ledger, found[0][0]) == before


def _lose_servers(stage: Stage, count: int) -> None:
    for server_id in sorted(stage.panel.servers)[-count:]:
        stage.panel.by_hand.remove_server(server_id)


async def test_a_shorter_list_is_believed_once_a_person_says_so(stage: Stage) -> None:
    await activated(stage)
    await play(stage)
    for server in list(stage.panel.servers.values()):
        if server.owner_id is None and len(stage.panel.servers) > 5:
            stage.panel.by_hand.remove_server(server.id)
    assert "dciflow panel recount main" in await one_line(play(stage))
    await overview.forget_counts(stage.ledger, PANEL)
    await play(stage)


async def test_a_few_servers_less_are_no_accident(stage: Stage) -> None:
    await activated(stage)
    await play(stage)
    free = [server.id for server in stage.panel.servers.values() if server.owner_id is None]
    for server_id in free[:3]:
        stage.panel.by_hand.remove_server(server_id)
    await play(stage)


async def test_owners_that_differ_everywhere_at_once_hold_nobody(make_stage: StageMaker) -> None:
    stage = make_stage(ENOUGH)
    found = [await activated(stage) for _ in range(4)]
    for _, server in found:
        stage.panel.by_hand.set_owner(server.id, "stranger@example.com")
    await play(stage)
    assert [(await stage.service(service_id)).state for service_id, _ in found] == [State.ACTIVE] * 4
    assert (await look(stage)).counts == {"owner-changed": 4}


async def test_an_outage_of_one_panel_does_not_stop_the_others(stage: Stage) -> None:
    _, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")

    async def names() -> list[str]:
        return ["gone", PANEL]

    connections().name_panels = names
    connections().panels["gone"] = _panel_that_is_down(stage)
    stage.clock.simulated.advance(60)
    line = await one_line(reconcile.fn(panel=None, repair="safe"))
    assert line.startswith("Not reconciled: gone: ")
    assert f"{PANEL}:" not in line
    assert all(port.admin_up for port in server.network_ports)


def _panel_that_is_down(stage: Stage) -> Panel:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    access = Access(name="gone", url="https://gone.example", username="u", password=SecretStr("p"))
    return Panel(access, http=httpx.MockTransport(refuse), sleep=stage.clock.sleep)


async def test_two_runs_never_compare_one_panel(stage: Stage) -> None:
    async with comparing(PANEL):
        with pytest.raises(LedgerError, match="reconciles panel main until"):
            async with comparing(PANEL):
                pass
        assert "reconciles panel main until" in await one_line(play(stage))
    await play(stage)


async def test_a_run_that_lost_its_turn_repairs_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    servers = connections().panels[PANEL].servers
    list_them = servers.list

    async def slowly() -> object:
        found = await list_them()
        stage.clock.simulated.advance(LEASE.total_seconds() + 1)
        await overview.begin(stage.ledger, PANEL, "another run", lease=LEASE, now=stage.clock.now())
        return found

    monkeypatch.setattr(servers, "list", slowly)

    async def stopped() -> None:
        assert "Another run reconciles panel main by now" in await one_line(play(stage))

    assert await changes(stage, stopped()) == (0, 0)


async def test_a_run_that_died_while_it_repaired_and_comes_back_is_not_in_its_own_way(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    monkeypatch.setattr("tasks.reconciliation.run_id", lambda: "run-7")
    await overview.begin(stage.ledger, PANEL, "run-7", lease=LEASE, now=stage.clock.now())
    await _open(stage, service_id, "run-7", "reconcile")
    await play(stage)
    stage.clock.simulated.advance(60)
    await play(stage)
    assert all(port.admin_up for port in server.network_ports)


async def test_what_is_repaired_in_vain_is_left_to_a_person(make_stage: StageMaker) -> None:
    stage = make_stage(ENOUGH)
    _, server = await activated(stage)
    tries = []
    for _ in range(5):
        stage.panel.by_hand.switch_port(server.id, "down")
        tries.append(await changes(stage, play(stage)))
    assert tries == [(2, 0)] * 3 + [(0, 0)] * 2


async def test_a_difference_keeps_the_time_when_it_was_first_seen(stage: Stage) -> None:
    _, server = await activated(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    await play(stage, "report")
    seen = stage.clock.now()
    stage.clock.simulated.advance(3600)
    await play(stage, "report")
    since = (await only(stage)).since
    assert since is not None
    assert seen - since < timedelta(seconds=5)


async def test_the_panel_is_asked_for_pages_and_differences_only(make_stage: StageMaker) -> None:
    stage = make_stage(Profile.large(1200))
    configurations = [batch.configuration for batch in stage.panel.profile.fleet]
    found = [await activated(stage, configuration=configurations[0]) for _ in range(3)]
    await play(stage)
    for _, server in found[:2]:
        stage.panel.by_hand.remove_server(server.id)
    seen = len(stage.panel.requests)
    stage.clock.simulated.advance(60)
    await look(stage)
    asked = [call.endpoint for call in stage.panel.requests[seen:]]
    # Three pages of servers and one of users; and each missing server in two ways, as nothing is found by its number.
    assert sorted(map(str, asked)) == ["server_get"] * 2 + ["server_list"] * 5 + ["user_list"]


async def test_nothing_is_ever_wiped_freed_or_claimed(stage: Stage) -> None:
    service_id, server = await activated(stage)
    before = len(stage.panel.writes())
    stage.panel.by_hand.switch_port(server.id, "down")
    stage.billed(service_id).status = "Terminated"
    await play(stage)
    stage.billed(service_id).status = "Active"
    await play(stage)
    assert written(stage, before) == ["port_on"]


STATUSES = ("Pending", "Active", "Completed", "Suspended", "Terminated", "Cancelled", "Fraud")
HANDS = ("nothing", "ports", "owner")


async def _brought_to(stage: Stage, state: State) -> tuple[int, SimServer | None]:
    """A service that stands there, as its lifecycles leave it."""
    if state is State.INSTALLING:
        service_id = stage.buy()
        stage.panel.fail_next("os_install")
        await one_line(stage.run(activate, service_id, order=stage.order()))
        return service_id, await stage.server(service_id)
    service_id, server = await activated(stage)
    if state is State.SUSPENDED:
        await stage.run(suspend, service_id)
    if state is State.RELEASED:
        await stage.run(terminate, service_id)
        return service_id, None
    if state is State.HELD:
        stage.panel.by_hand.swap_hardware(server.id)
        await one_line(stage.run(suspend, service_id))
    return service_id, server


async def _everything(stage: Stage) -> dict[str, object]:
    """All that a repair could change, on all three sides."""
    known = await overview.services_of(stage.ledger, PANEL)
    return {
        "ledger": {s.service_id: (s.state, s.generation, s.claim, s.held_reason) for s in known},
        "whmcs": {
            s.id: (s.status, s.dedicated_ip, s.assigned_ips, s.username) for s in stage.billing.services.values()
        },
        "panel": {
            s.id: (s.owner_id, s.disk, [p.admin_up for p in s.ports], len(s.operations)) for s in _servers(stage)
        },
    }


def _servers(stage: Stage) -> list[SimServer]:
    stage.panel.settle()
    return deepcopy(list(stage.panel.servers.values()))


@pytest.mark.parametrize("status", STATUSES)
async def test_repairing_twice_changes_nothing_the_second_time_and_nothing_is_lost(
    make_stage: StageMaker, status: str
) -> None:
    stage = make_stage(ENOUGH)
    states = (State.ACTIVE, State.SUSPENDED, State.INSTALLING, State.HELD, State.RELEASED)
    for state, hand in product(states, HANDS):
        service_id, server = await _brought_to(stage, state)
        stage.billed(service_id).status = status
        if server is not None and hand == "ports":
            stage.panel.by_hand.switch_port(server.id, "up" if state is State.SUSPENDED else "down")
        if server is not None and hand == "owner":
            stage.panel.by_hand.set_owner(server.id, "stranger@example.com")
    stage.clock.simulated.advance(3600)
    before = await _everything(stage)
    for _ in range(2):  # the second finds what was hidden behind the first
        await play(stage)
    once = await _everything(stage)
    assert await changes(stage, play(stage)) == (0, 0)
    assert await _everything(stage) == once
    _nothing_is_lost(before, once)
    assert stage.panel.incidents == []


def _nothing_is_lost(before: dict[str, Any], after: dict[str, Any]) -> None:
    for service_id, (state, _, claim, _) in after["ledger"].items():
        was = before["ledger"][service_id]
        assert claim == was[2]
        assert state in (was[0], State.HELD)
    for server_id, (owner, disk, ports, operations) in after["panel"].items():
        was = before["panel"][server_id]
        assert (owner, disk, operations) == (was[0], was[1], was[3])
        assert all(up or not was_up for up, was_up in zip(ports, was[2], strict=True))
