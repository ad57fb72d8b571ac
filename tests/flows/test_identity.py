from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger.errors import Superseded
from ledger.lifecycle import State
from ledger.snapshots import Service
from tasks.identity import JUST_SEEN
from tests.flows.play import activated, is_held, let_go_on, midway, one_line, sent, taken_over
from tests.stage import Stage


@pytest.mark.parametrize("new_owner", ["other@example.com", None])
@pytest.mark.parametrize("flow", [suspend, unsuspend], ids=lambda flow: flow.name)
async def test_no_port_is_touched_of_a_server_whose_owner_changed_by_hand(
    stage: Stage, flow: Any, new_owner: str | None
) -> None:
    service_id, server = await activated(stage)
    if flow is unsuspend:
        await stage.run(suspend, service_id)
    stage.panel.by_hand.set_owner(server.id, new_owner)
    before, ports = len(stage.panel.writes()), [port.admin_up for port in server.ports]
    line = await one_line(stage.run(flow, service_id))
    assert "HELD (owner-changed)" in line
    assert "other@example.com" not in line
    await is_held(stage, service_id, "owner-changed")
    assert len(stage.panel.writes()) == before
    assert [port.admin_up for port in server.ports] == ports


async def test_no_port_is_touched_of_another_machine_in_the_servers_place(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.swap_hardware(server.id)
    before = len(stage.panel.writes())
    assert "HELD (hardware-changed)" in await one_line(stage.run(suspend, service_id))
    assert len(stage.panel.writes()) == before


async def test_a_suspension_acts_on_what_its_check_has_just_seen_and_looks_again_when_that_is_old(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(stage)
    looks = len(sent(stage, "server_list"))
    await stage.run(suspend, service_id)
    assert len(sent(stage, "server_list")) - looks == 2  # before the ports are asked to go off, and after

    await stage.run(unsuspend, service_id)
    late = suspend.fn.__wrapped__.__globals__["disable_ports"]

    async def comes_late(service: Service) -> None:
        stage.clock.simulated.advance(JUST_SEEN.total_seconds())
        stage.panel.by_hand.set_owner(server.id, "other@example.com")
        await late(service)

    monkeypatch.setitem(suspend.fn.__wrapped__.__globals__, "disable_ports", comes_late)
    assert "HELD (owner-changed)" in await one_line(stage.run(suspend, service_id))
    assert all(port.admin_up for port in server.network_ports)


async def test_a_suspension_whose_check_comes_late_sees_that_another_run_drives_its_service(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(stage)
    check = suspend.fn.__wrapped__.__globals__["confirm_identity"]

    async def comes_late(service: Service) -> None:
        await taken_over(stage, service_id, "terminate")
        stage.clock.simulated.advance(JUST_SEEN.total_seconds())
        await check(service)

    monkeypatch.setitem(suspend.fn.__wrapped__.__globals__, "confirm_identity", comes_late)
    before = len(stage.panel.requests)
    with pytest.raises(Superseded):
        await stage.run(suspend, service_id)
    assert len(stage.panel.requests) == before
    assert all(port.admin_up for port in server.network_ports)


async def test_a_suspension_that_waits_for_its_ports_sees_that_another_run_drives_its_service(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    profile = stage.panel.world.profile
    stuck = profile.failures.model_copy(update={"ports_stuck": True})
    stage.panel.world.profile = profile.model_copy(update={"failures": stuck})
    async with midway(stage, stage.run(suspend, service_id)) as run:
        await taken_over(stage, service_id, "terminate")
        looks = len(sent(stage, "server_list"))
    with pytest.raises(Superseded):
        await run
    assert len(sent(stage, "server_list")) == looks


async def test_once_a_person_has_put_the_owner_right_the_suspension_is_done(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    await one_line(stage.run(suspend, service_id))
    stage.panel.by_hand.set_owner(server.id, stage.client.email)
    await let_go_on(stage, service_id, State.ACTIVE)
    await stage.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)


async def test_an_owner_whose_email_is_spelled_otherwise_on_the_panel_is_the_same_owner(stage: Stage) -> None:
    service_id, server = await activated(stage)
    owner = stage.panel.users.get(server.owner_id or 0)
    owner.email = owner.email.upper()
    await stage.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)


async def test_an_activation_whose_server_was_taken_by_hand_after_it_was_the_clients_stops(stage: Stage) -> None:
    service_id = stage.buy()
    stage.faults.admin_acts_before(
        "os_install", 1, lambda: stage.panel.by_hand.protect(next(iter(_owned(stage, stage.client.email))))
    )
    await one_line(stage.run(activate, service_id, order=stage.order()))
    server = await stage.server(service_id)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    before = len(stage.panel.writes())
    assert "HELD (owner-changed)" in await one_line(stage.run(activate, service_id))
    assert len(stage.panel.writes()) == before


async def test_an_installation_is_not_ended_on_a_server_that_is_somebody_elses_now(stage: Stage) -> None:
    stage.panel.hang_next("os_install")
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    server = await stage.server(service_id)
    await stage.clock.sleep(7200)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    assert "HELD (owner-changed)" in await one_line(stage.run(watch_os_install, service_id))
    assert sent(stage, "operation_end") == []


def _owned(stage: Stage, email: str) -> list[int]:
    return [server.id for server in stage.panel.servers.values() if stage.panel.owner_of(server.id) == email]
