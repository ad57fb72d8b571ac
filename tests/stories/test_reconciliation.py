from copy import deepcopy
from itertools import product
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from flows.activate import activate
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import overview
from ledger.states import State
from runtime.connections import connections
from simulator.panel.models import SimServer
from tests.conftest import HarnessMaker
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, one_line, written
from tests.tasks.reconciliation.scenario import ENOUGH, changes, look, reconcile_once


async def test_services_that_are_as_they_should_be_are_no_difference(harness: Harness) -> None:
    await activated(harness)
    suspended, _ = await activated(harness)
    deleted, _ = await activated(harness)
    await harness.run(suspend, suspended)
    harness.billed(suspended).status = "Suspended"
    await harness.run(terminate, deleted)
    harness.billed(deleted).status = "Terminated"
    harness.buy()
    found = await look(harness)
    assert found.differences == []
    assert found.list_lengths == {"servers": 12, "services": 2, "services in WHMCS": 4}
    assert await changes(harness, reconcile_once(harness)) == (0, 0)


async def test_an_outage_of_one_panel_does_not_stop_the_others(harness: Harness) -> None:
    _, server = await activated(harness)
    harness.panel.admin.switch_port(server.id, "down")

    async def names() -> list[str]:
        return ["gone", PANEL]

    connections().name_panels = names
    connections().panels["gone"] = _panel_that_is_down(harness)
    harness.clock.simulated.advance(60)
    line = await one_line(reconcile.fn(panel=None, repair="safe"))
    assert line.startswith("Not reconciled: gone: ")
    assert f"{PANEL}:" not in line
    assert all(port.admin_up for port in server.network_ports)


def _panel_that_is_down(harness: Harness) -> Panel:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    access = PanelAccess(name="gone", url="https://gone.example", username="u", password=SecretStr("p"))
    return Panel(access, http=httpx.MockTransport(refuse), sleep=harness.clock.sleep)


async def test_nothing_is_ever_wiped_freed_or_claimed(harness: Harness) -> None:
    service_id, server = await activated(harness)
    before = len(harness.panel.writes())
    harness.panel.admin.switch_port(server.id, "down")
    harness.billed(service_id).status = "Terminated"
    await reconcile_once(harness)
    harness.billed(service_id).status = "Active"
    await reconcile_once(harness)
    assert written(harness, before) == ["port_on"]


STATUSES = ("Pending", "Active", "Completed", "Suspended", "Terminated", "Cancelled", "Fraud")


BY_HAND = ("nothing", "ports", "owner")


async def _brought_to(harness: Harness, state: State) -> tuple[int, SimServer | None]:
    """A service that stands there, as its lifecycles leave it."""
    if state is State.INSTALLING:
        service_id = harness.buy()
        harness.panel.fail_next("os_install")
        await one_line(harness.run(activate, service_id, order=harness.order()))
        return service_id, await harness.server(service_id)
    service_id, server = await activated(harness)
    if state is State.SUSPENDED:
        await harness.run(suspend, service_id)
    if state is State.RELEASED:
        await harness.run(terminate, service_id)
        return service_id, None
    if state is State.HELD:
        harness.panel.admin.swap_hardware(server.id)
        await one_line(harness.run(suspend, service_id))
    return service_id, server


async def _everything(harness: Harness) -> dict[str, object]:
    """All that a repair could change, in all three systems."""
    known = await overview.services_of(harness.ledger, PANEL)
    return {
        "ledger": {s.service_id: (s.state, s.generation, s.claim, s.held_reason) for s in known},
        "whmcs": {
            s.id: (s.status, s.dedicated_ip, s.assigned_ips, s.username) for s in harness.whmcs.services.values()
        },
        "panel": {
            s.id: (s.owner_id, s.disk, [p.admin_up for p in s.ports], len(s.operations)) for s in _servers(harness)
        },
    }


def _servers(harness: Harness) -> list[SimServer]:
    harness.panel.settle()
    return deepcopy(list(harness.panel.servers.values()))


@pytest.mark.parametrize("status", STATUSES)
async def test_repairing_twice_changes_nothing_the_second_time_and_nothing_is_lost(
    make_harness: HarnessMaker, status: str
) -> None:
    harness = make_harness(ENOUGH)
    states = (State.ACTIVE, State.SUSPENDED, State.INSTALLING, State.HELD, State.RELEASED)
    for state, hand in product(states, BY_HAND):
        service_id, server = await _brought_to(harness, state)
        harness.billed(service_id).status = status
        if server is not None and hand == "ports":
            harness.panel.admin.switch_port(server.id, "up" if state is State.SUSPENDED else "down")
        if server is not None and hand == "owner":
            harness.panel.admin.set_owner(server.id, "stranger@example.com")
    harness.clock.simulated.advance(3600)
    before = await _everything(harness)
    for _ in range(2):  # the second finds what was hidden behind the first
        await reconcile_once(harness)
    once = await _everything(harness)
    assert await changes(harness, reconcile_once(harness)) == (0, 0)
    assert await _everything(harness) == once
    _nothing_is_lost(before, once)
    assert harness.panel.incidents == []


def _nothing_is_lost(before: dict[str, Any], after: dict[str, Any]) -> None:
    for service_id, (state, _, claim, _) in after["ledger"].items():
        was = before["ledger"][service_id]
        assert claim == was[2]
        assert state in (was[0], State.HELD)
    for server_id, (owner, disk, ports, operations) in after["panel"].items():
        was = before["panel"][server_id]
        assert (owner, disk, operations) == (was[0], was[1], was[3])
        assert all(up or not was_up for up, was_up in zip(ports, was[2], strict=True))
