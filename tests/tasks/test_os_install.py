from datetime import timedelta

import pytest
from prefect import Flow

from flows.activate import activate
from flows.terminate import terminate
from flows.watch_os_install import watch_os_install
from ledger.states import State
from simulator.panel.models import SimServer
from tests.harness import PANEL, Harness
from tests.stories.scenario import cancelled_meanwhile, let_go_on, one_line, only_fit, sent

MINUTES = 3
WAITING = pytest.mark.parametrize("waits", [True, False], ids=["waiting inline", "handed to a watcher"])


async def installs_until(harness: Harness, service_id: int, waits: bool, **order: object) -> str:
    """The line with which the run that waits for the installation ends."""
    ordered = harness.order(wait_for_os=waits, os_install_timeout_minutes=MINUTES, **order)
    if waits:
        return await one_line(harness.run(activate, service_id, order=ordered))
    await harness.run(activate, service_id, order=ordered)
    assert (await harness.service(service_id)).state is State.INSTALLING
    return await one_line(harness.run(watch_os_install, service_id))


async def is_active(harness: Harness, service_id: int, server: SimServer) -> None:
    """The service is told to WHMCS, on that server."""
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert await harness.server(service_id) is server
    assert server.disk.content.startswith("os Debian-12-x86_64")
    assert harness.billed(service_id).status == "Active"
    assert harness.panel.incidents == []


async def again(harness: Harness, service_id: int, waits: bool) -> None:
    """Press Retry on the activation; its watcher, if it has one, does its work."""
    await harness.run(activate, service_id)
    if not waits:
        await harness.run(watch_os_install, service_id)


@WAITING
async def test_an_installation_that_hangs_is_ended_and_a_re_run_installs_again(harness: Harness, waits: bool) -> None:
    harness.panel.hang_next("os_install")
    service_id = harness.buy()
    started = harness.clock.now()
    line = await installs_until(harness, service_id, waits)

    server = await harness.server(service_id)
    assert f"server {server.id} did not finish within {MINUTES} minutes and was ended" in line
    assert f"The server stays with service {service_id}" in line
    assert "press Retry on its activation to install again, or terminate" in line
    assert harness.clock.now() - started < timedelta(minutes=MINUTES + 2)
    hung = server.operations[-1]
    assert hung.status == "canceled"
    assert server.owner_id is not None
    assert (await harness.service(service_id)).state is State.INSTALLING
    assert harness.billed(service_id).status == "Pending"

    await again(harness, service_id, waits)
    assert len(sent(harness, "os_install")) == 2
    assert len(sent(harness, "operation_end")) == 1
    assert server.operations[-1] is not hung
    await is_active(harness, service_id, server)


@WAITING
async def test_an_installation_that_fails_says_why_and_a_re_run_installs_again(harness: Harness, waits: bool) -> None:
    harness.panel.fail_next("os_install")
    service_id = harness.buy()
    line = await installs_until(harness, service_id, waits)

    assert "failed (failed, step" in line
    assert "The installer did not report back" in line
    assert "press Retry on its activation to install again" in line
    server = await harness.server(service_id)
    await again(harness, service_id, waits)
    assert len(sent(harness, "os_install")) == 2
    assert sent(harness, "operation_end") == []
    await is_active(harness, service_id, server)


async def test_three_failed_attempts_are_three_installations(harness: Harness) -> None:
    service_id = harness.buy()
    for _ in range(3):
        harness.panel.fail_next("os_install")
        await one_line(harness.run(activate, service_id, order=harness.order()))
    await harness.run(activate, service_id)
    assert len(sent(harness, "os_install")) == 4
    await is_active(harness, service_id, await harness.server(service_id))


async def test_who_does_not_wait_gets_a_watcher(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    assert (await harness.service(service_id)).state is State.INSTALLING
    assert harness.billed(service_id).status == "Pending"
    [(deployment, parameters, key)] = harness.started
    assert deployment == "watch-os-install/whmcs"
    assert parameters == {"service_id": service_id, "panel": PANEL, "requested_by": "api"}
    assert str(service_id) in key

    await harness.run(watch_os_install, service_id)
    await is_active(harness, service_id, await harness.server(service_id))
    assert len(sent(harness, "os_install")) == 1


async def test_who_waits_needs_no_watcher(harness: Harness) -> None:
    await harness.run(activate, harness.buy(), order=harness.order())
    assert harness.started == []


async def test_an_activation_that_is_run_again_does_not_end_its_own_installation(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    harness.connect()
    await harness.run(activate, service_id)
    await harness.run(watch_os_install, service_id)
    assert len(sent(harness, "os_install")) == 1
    assert sent(harness, "operation_end") == []
    await is_active(harness, service_id, await harness.server(service_id))


async def test_a_re_run_after_a_watcher_died_asks_for_a_new_watcher(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    harness.faults.unavailable(1000)
    await one_line(harness.run(watch_os_install, service_id))
    harness.faults.clear()
    await harness.run(activate, service_id)
    assert len({key for _, _, key in harness.started}) == 2


async def dies_waiting(harness: Harness, flow: "Flow[..., object]", service_id: int, **more: object) -> None:
    """The run ends while the installation hangs, as one whose panel went away for a while."""
    harness.faults.unavailable(1000)
    await one_line(harness.run(flow, service_id, **more))
    harness.faults.clear()


async def test_a_restarted_watcher_has_only_the_time_that_was_left(harness: Harness) -> None:
    harness.panel.hang_next("os_install")
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False, os_install_timeout_minutes=MINUTES))
    asked = harness.clock.now()
    for _ in range(2):
        await dies_waiting(harness, watch_os_install, service_id)
    harness.connect()
    line = await one_line(harness.run(watch_os_install, service_id))
    assert f"did not finish within {MINUTES} minutes" in line
    assert harness.clock.now() - asked < timedelta(minutes=MINUTES + 2)


async def test_a_re_run_of_the_activation_has_only_the_time_that_was_left(harness: Harness) -> None:
    harness.panel.hang_next("os_install")
    server = only_fit(harness, 1)
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False, os_install_timeout_minutes=MINUTES))
    asked = harness.clock.now()
    await harness.clock.sleep(MINUTES * 40)
    line = await one_line(harness.run(activate, service_id, order=harness.order(os_install_timeout_minutes=MINUTES)))
    assert f"did not finish within {MINUTES} minutes" in line
    assert harness.clock.now() - asked < timedelta(minutes=MINUTES + 2)
    assert server.operations[-1].status == "canceled"


async def test_a_watcher_started_after_the_time_was_over_ends_the_installation_at_once(harness: Harness) -> None:
    harness.panel.hang_next("os_install")
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    await harness.clock.sleep(7200)
    await one_line(harness.run(watch_os_install, service_id))
    assert (await harness.server(service_id)).operations[-1].status == "canceled"


async def test_an_installation_that_was_done_before_the_watcher_came_counts_however_late_he_is(
    harness: Harness,
) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    await harness.clock.sleep(7200)
    await harness.run(watch_os_install, service_id)
    await is_active(harness, service_id, await harness.server(service_id))


async def test_an_installation_that_somebody_ended_by_hand_is_installed_again_by_a_re_run(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    server = await harness.server(service_id)
    harness.panel.admin.end_operation(server.id)
    line = await one_line(harness.run(watch_os_install, service_id))
    assert "was ended, by somebody or by the panel itself (cancel" in line
    await again(harness, service_id, waits=False)
    await is_active(harness, service_id, server)


async def test_an_installation_that_is_gone_from_the_panel_needs_a_person(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    server = await harness.server(service_id)
    operation = server.operations.pop()
    del harness.panel.world.operations[operation.id]
    line = await one_line(harness.run(watch_os_install, service_id))
    assert "HELD (installation-replaced)" in line
    await let_go_on(harness, service_id, State.RELEASING)
    await harness.run(terminate, service_id)
    assert server.disk.is_clear


async def test_what_a_hand_does_after_the_installation_is_no_reason_to_install_again(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    await one_line(harness.run(activate, service_id, order=harness.order()))
    harness.panel.admin.start_operation(server.id)
    harness.billed(service_id).status = "Pending"
    await harness.run(activate, service_id)
    assert len(sent(harness, "os_install")) == 1
    await is_active(harness, service_id, server)


@WAITING
async def test_a_service_is_terminated_while_its_os_hangs(harness: Harness, waits: bool) -> None:
    harness.panel.hang_next("os_install")
    service_id = harness.buy()
    if waits:
        await installs_until(harness, service_id, waits=True)
    else:
        await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    server = await harness.server(service_id)
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    assert len(sent(harness, "operation_end")) == 1
    assert harness.panel.incidents == []
