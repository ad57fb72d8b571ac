from datetime import timedelta

import pytest
from prefect import Flow

from flows.activate import activate
from flows.terminate import terminate
from flows.watch_os_install import watch_os_install
from ledger.lifecycle import State
from simulator.things import SimServer
from tests.flows.play import cancelled_meanwhile, let_go_on, one_line, only_fit, sent
from tests.stage import PANEL, Stage

MINUTES = 3
WAITING = pytest.mark.parametrize("waits", [True, False], ids=["waiting inline", "handed to a watcher"])


async def installs_until(stage: Stage, service_id: int, waits: bool, **order: object) -> str:
    """The line with which the run that waits for the installation ends."""
    ordered = stage.order(wait_for_os=waits, os_install_timeout_minutes=MINUTES, **order)
    if waits:
        return await one_line(stage.run(activate, service_id, order=ordered))
    await stage.run(activate, service_id, order=ordered)
    assert (await stage.service(service_id)).state is State.INSTALLING
    return await one_line(stage.run(watch_os_install, service_id))


async def is_active(stage: Stage, service_id: int, server: SimServer) -> None:
    """The service is told to WHMCS, on that server."""
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert await stage.server(service_id) is server
    assert server.disk.content.startswith("os Debian-12-x86_64")
    assert stage.billed(service_id).status == "Active"
    assert stage.panel.incidents == []


async def again(stage: Stage, service_id: int, waits: bool) -> None:
    """Press Retry on the activation; its watcher, if it has one, does its work."""
    await stage.run(activate, service_id)
    if not waits:
        await stage.run(watch_os_install, service_id)


@WAITING
async def test_an_installation_that_hangs_is_ended_and_a_re_run_installs_again(stage: Stage, waits: bool) -> None:
    stage.panel.hang_next("os_install")
    service_id = stage.buy()
    started = stage.clock.now()
    line = await installs_until(stage, service_id, waits)

    server = await stage.server(service_id)
    assert f"server {server.id} did not finish within {MINUTES} minutes and was ended" in line
    assert f"The server stays with service {service_id}" in line
    assert "press Retry on its activation to install again, or terminate" in line
    assert stage.clock.now() - started < timedelta(minutes=MINUTES + 2)
    hung = server.operations[-1]
    assert hung.status == "canceled"
    assert server.owner_id is not None
    assert (await stage.service(service_id)).state is State.INSTALLING
    assert stage.billed(service_id).status == "Pending"

    await again(stage, service_id, waits)
    assert len(sent(stage, "os_install")) == 2
    assert len(sent(stage, "operation_end")) == 1
    assert server.operations[-1] is not hung
    await is_active(stage, service_id, server)


@WAITING
async def test_an_installation_that_fails_says_why_and_a_re_run_installs_again(stage: Stage, waits: bool) -> None:
    stage.panel.fail_next("os_install")
    service_id = stage.buy()
    line = await installs_until(stage, service_id, waits)

    assert "failed (failed, step" in line
    assert "The installer did not report back" in line
    assert "press Retry on its activation to install again" in line
    server = await stage.server(service_id)
    await again(stage, service_id, waits)
    assert len(sent(stage, "os_install")) == 2
    assert sent(stage, "operation_end") == []
    await is_active(stage, service_id, server)


async def test_three_failed_attempts_are_three_installations(stage: Stage) -> None:
    service_id = stage.buy()
    for _ in range(3):
        stage.panel.fail_next("os_install")
        await one_line(stage.run(activate, service_id, order=stage.order()))
    await stage.run(activate, service_id)
    assert len(sent(stage, "os_install")) == 4
    await is_active(stage, service_id, await stage.server(service_id))


async def test_who_does_not_wait_gets_a_watcher(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    assert (await stage.service(service_id)).state is State.INSTALLING
    assert stage.billed(service_id).status == "Pending"
    [(deployment, parameters, key)] = stage.started
    assert deployment == "watch-os-install/whmcs"
    assert parameters == {"service_id": service_id, "panel": PANEL, "requested_by": "api"}
    assert str(service_id) in key

    await stage.run(watch_os_install, service_id)
    await is_active(stage, service_id, await stage.server(service_id))
    assert len(sent(stage, "os_install")) == 1


async def test_who_waits_needs_no_watcher(stage: Stage) -> None:
    await stage.run(activate, stage.buy(), order=stage.order())
    assert stage.started == []


async def test_an_activation_that_is_run_again_does_not_end_its_own_installation(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    stage.connect()
    await stage.run(activate, service_id)
    await stage.run(watch_os_install, service_id)
    assert len(sent(stage, "os_install")) == 1
    assert sent(stage, "operation_end") == []
    await is_active(stage, service_id, await stage.server(service_id))


async def test_a_re_run_after_a_watcher_died_asks_for_a_new_watcher(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    stage.faults.unavailable(1000)
    await one_line(stage.run(watch_os_install, service_id))
    stage.faults.clear()
    await stage.run(activate, service_id)
    assert len({key for _, _, key in stage.started}) == 2


async def dies_waiting(stage: Stage, flow: "Flow[..., object]", service_id: int, **more: object) -> None:
    """The run ends while the installation hangs, as one whose panel went away for a while."""
    stage.faults.unavailable(1000)
    await one_line(stage.run(flow, service_id, **more))
    stage.faults.clear()


async def test_a_restarted_watcher_has_only_the_time_that_was_left(stage: Stage) -> None:
    stage.panel.hang_next("os_install")
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False, os_install_timeout_minutes=MINUTES))
    asked = stage.clock.now()
    for _ in range(2):
        await dies_waiting(stage, watch_os_install, service_id)
    stage.connect()
    line = await one_line(stage.run(watch_os_install, service_id))
    assert f"did not finish within {MINUTES} minutes" in line
    assert stage.clock.now() - asked < timedelta(minutes=MINUTES + 2)


async def test_a_re_run_of_the_activation_has_only_the_time_that_was_left(stage: Stage) -> None:
    stage.panel.hang_next("os_install")
    server = only_fit(stage, 1)
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False, os_install_timeout_minutes=MINUTES))
    asked = stage.clock.now()
    await stage.clock.sleep(MINUTES * 40)
    line = await one_line(stage.run(activate, service_id, order=stage.order(os_install_timeout_minutes=MINUTES)))
    assert f"did not finish within {MINUTES} minutes" in line
    assert stage.clock.now() - asked < timedelta(minutes=MINUTES + 2)
    assert server.operations[-1].status == "canceled"


async def test_a_watcher_started_after_the_time_was_over_ends_the_installation_at_once(stage: Stage) -> None:
    stage.panel.hang_next("os_install")
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    await stage.clock.sleep(7200)
    await one_line(stage.run(watch_os_install, service_id))
    assert (await stage.server(service_id)).operations[-1].status == "canceled"


async def test_an_installation_that_was_done_before_the_watcher_came_counts_however_late_he_is(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    await stage.clock.sleep(7200)
    await stage.run(watch_os_install, service_id)
    await is_active(stage, service_id, await stage.server(service_id))


async def test_an_installation_that_somebody_ended_by_hand_is_installed_again_by_a_re_run(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    server = await stage.server(service_id)
    stage.panel.by_hand.end_operation(server.id)
    line = await one_line(stage.run(watch_os_install, service_id))
    assert "failed (canceled" in line
    await again(stage, service_id, waits=False)
    await is_active(stage, service_id, server)


async def test_an_installation_that_is_gone_from_the_panel_needs_a_person(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    server = await stage.server(service_id)
    operation = server.operations.pop()
    del stage.panel.world.operations[operation.id]
    line = await one_line(stage.run(watch_os_install, service_id))
    assert "HELD (installation-replaced)" in line
    await let_go_on(stage, service_id, State.RELEASING)
    await stage.run(terminate, service_id)
    assert server.disk.is_clear


async def test_what_a_hand_does_after_the_installation_is_no_reason_to_install_again(stage: Stage) -> None:
    server = only_fit(stage, 1)
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id)
    await one_line(stage.run(activate, service_id, order=stage.order()))
    stage.panel.by_hand.start_operation(server.id)
    stage.billed(service_id).status = "Pending"
    await stage.run(activate, service_id)
    assert len(sent(stage, "os_install")) == 1
    await is_active(stage, service_id, server)


@WAITING
async def test_a_service_is_terminated_while_its_os_hangs(stage: Stage, waits: bool) -> None:
    stage.panel.hang_next("os_install")
    service_id = stage.buy()
    if waits:
        await installs_until(stage, service_id, waits=True)
    else:
        await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    server = await stage.server(service_id)
    await stage.run(terminate, service_id)
    assert (await stage.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    assert len(sent(stage, "operation_end")) == 1
    assert stage.panel.incidents == []
