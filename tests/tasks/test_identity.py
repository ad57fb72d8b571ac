from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger.errors import Superseded
from ledger.snapshots import Service
from ledger.states import State
from tasks.identity import JUST_SEEN
from tests.harness import Harness
from tests.stories.scenario import activated, is_held, let_go_on, midway, one_line, sent, taken_over


@pytest.mark.parametrize("new_owner", ["other@example.com", None])
@pytest.mark.parametrize("flow", [suspend, unsuspend], ids=lambda flow: flow.name)
async def test_no_port_is_touched_of_a_server_whose_owner_changed_by_hand(
    harness: Harness, flow: Any, new_owner: str | None
) -> None:
    service_id, server = await activated(harness)
    if flow is unsuspend:
        await harness.run(suspend, service_id)
    harness.panel.admin.set_owner(server.id, new_owner)
    before, ports = len(harness.panel.writes()), [port.admin_up for port in server.ports]
    line = await one_line(harness.run(flow, service_id))
    assert "HELD (owner-changed)" in line
    assert "other@example.com" not in line
    await is_held(harness, service_id, "owner-changed")
    assert len(harness.panel.writes()) == before
    assert [port.admin_up for port in server.ports] == ports


async def test_no_port_is_touched_of_another_machine_in_the_servers_place(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.swap_hardware(server.id)
    before = len(harness.panel.writes())
    assert "HELD (hardware-changed)" in await one_line(harness.run(suspend, service_id))
    assert len(harness.panel.writes()) == before


async def test_a_suspension_acts_on_what_its_check_has_just_seen_and_looks_again_when_that_is_old(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(harness)
    looks = len(sent(harness, "server_list"))
    await harness.run(suspend, service_id)
    assert len(sent(harness, "server_list")) - looks == 2  # before the ports are asked to go off, and after

    await harness.run(unsuspend, service_id)
    late = suspend.fn.__wrapped__.__globals__["disable_ports"]

    async def comes_late(service: Service) -> None:
        harness.clock.simulated.advance(JUST_SEEN.total_seconds())
        harness.panel.admin.set_owner(server.id, "other@example.com")
        await late(service)

    monkeypatch.setitem(suspend.fn.__wrapped__.__globals__, "disable_ports", comes_late)
    assert "HELD (owner-changed)" in await one_line(harness.run(suspend, service_id))
    assert all(port.admin_up for port in server.network_ports)


async def test_a_suspension_whose_check_comes_late_sees_that_another_run_drives_its_service(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(harness)
    check = suspend.fn.__wrapped__.__globals__["confirm_identity"]

    async def comes_late(service: Service) -> None:
        await taken_over(harness, service_id, "terminate")
        harness.clock.simulated.advance(JUST_SEEN.total_seconds())
        await check(service)

    monkeypatch.setitem(suspend.fn.__wrapped__.__globals__, "confirm_identity", comes_late)
    before = len(harness.panel.requests)
    with pytest.raises(Superseded):
        await harness.run(suspend, service_id)
    assert len(harness.panel.requests) == before
    assert all(port.admin_up for port in server.network_ports)


async def test_a_suspension_that_waits_for_its_ports_sees_that_another_run_drives_its_service(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    profile = harness.panel.world.profile
    stuck = profile.failures.model_copy(update={"ports_stuck": True})
    harness.panel.world.profile = profile.model_copy(update={"failures": stuck})
    async with midway(harness, harness.run(suspend, service_id)) as run:
        await taken_over(harness, service_id, "terminate")
        looks = len(sent(harness, "server_list"))
    with pytest.raises(Superseded):
        await run
    assert len(sent(harness, "server_list")) == looks


async def test_once_a_person_has_put_the_owner_right_the_suspension_is_done(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    await one_line(harness.run(suspend, service_id))
    harness.panel.admin.set_owner(server.id, harness.client.email)
    await let_go_on(harness, service_id, State.ACTIVE)
    await harness.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)


async def test_an_owner_whose_email_is_spelled_otherwise_on_the_panel_is_the_same_owner(harness: Harness) -> None:
    service_id, server = await activated(harness)
    owner = harness.panel.users.get(server.owner_id or 0)
    owner.email = owner.email.upper()
    await harness.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)


async def test_an_activation_whose_server_was_taken_by_hand_after_it_was_the_clients_stops(harness: Harness) -> None:
    service_id = harness.buy()
    harness.faults.admin_acts_before(
        "os_install", 1, lambda: harness.panel.admin.protect(next(iter(_owned(harness, harness.client.email))))
    )
    await one_line(harness.run(activate, service_id, order=harness.order()))
    server = await harness.server(service_id)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    before = len(harness.panel.writes())
    assert "HELD (owner-changed)" in await one_line(harness.run(activate, service_id))
    assert len(harness.panel.writes()) == before


async def test_an_installation_is_not_ended_on_a_server_that_is_somebody_elses_now(harness: Harness) -> None:
    harness.panel.hang_next("os_install")
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    server = await harness.server(service_id)
    await harness.clock.sleep(7200)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    assert "HELD (owner-changed)" in await one_line(harness.run(watch_os_install, service_id))
    assert sent(harness, "operation_end") == []


def _owned(harness: Harness, email: str) -> list[int]:
    return [server.id for server in harness.panel.servers.values() if harness.panel.owner_of(server.id) == email]
