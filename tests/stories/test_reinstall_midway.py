"""A reinstallation that is stopped, lost, refused or counted: nothing is installed over what nobody wants lost."""

import asyncio
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest
from pydantic import SecretStr

from flows.activate import activate
from flows.reinstall import reinstall
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import decisions
from ledger.states import State
from runtime.errors import InstallationFailed
from runtime.settings import settings
from tests.harness import Harness
from tests.stories.anew import (
    HOST,
    PHOTOGRAPHS,
    UBUNTU,
    ask,
    by_client,
    disk,
    harness_dump,
    in_use,
    is_untouched,
    permit_of,
)
from tests.stories.moments import decide
from tests.stories.restoring import BackUps
from tests.stories.scenario import activated, is_held, one_line, sent, take_panel_down, written


async def test_a_server_that_is_busy_is_left_alone(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.admin.start_operation(server_id)
    writes = len(harness.panel.writes())
    assert "is busy with operation" in await one_line(ask(harness, service_id))
    assert written(harness, since=writes) == []


async def test_what_runs_between_the_permit_and_the_call_keeps_the_server_from_it(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    password, writes = harness.billed(service_id).password, len(harness.panel.writes())
    harness.faults.admin_acts_before("os_template_list", 3, lambda: harness.panel.admin.start_operation(server_id))
    await one_line(ask(harness, service_id))
    assert written(harness, since=writes) == []
    assert harness.billed(service_id).password == password
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_panel_that_refuses_leaves_everything_as_it_was(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    password = harness.billed(service_id).password
    harness.panel.admin.protect(server_id)
    await one_line(ask(harness, service_id))
    assert PHOTOGRAPHS in disk(harness, server_id)
    service = await harness.service(service_id)
    assert service.state is State.ACTIVE
    assert service.order is not None
    assert service.order.os_template == "Debian-12-x86_64"
    assert harness.billed(service_id).password == password
    assert await permit_of(harness, service_id) is None
    harness.panel.admin.protect(server_id, on=False)
    harness.clock.simulated.advance(600)
    await ask(harness, service_id)
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


async def test_a_whmcs_that_keeps_no_new_password_stops_it_before_the_panel_is_asked(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server_id = await in_use(harness)
    monkeypatch.setattr("tasks.write_back._new_password", lambda: SecretStr(harness.billed(service_id).password))
    writes = len(harness.panel.writes())
    assert "did not keep a new password" in await one_line(ask(harness, service_id))
    await is_untouched(harness, service_id, server_id, writes)


async def test_a_failed_one_stays_installing_and_a_retry_installs_again(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed, match="press Retry on its reinstallation to install again"):
        await ask(harness, service_id)
    service = await harness.service(service_id)
    assert service.state is State.INSTALLING
    assert service.claim is not None
    harness.clock.simulated.advance(3 * 24 * 3600)
    await harness.run(reinstall, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")
    assert len(sent(harness, "os_install")) == 3


async def test_a_client_presses_again_after_a_failure_and_types_the_name_again(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    assert "is not that of service" in await one_line(ask(harness, service_id, hostname_typed=None))
    harness.clock.simulated.advance(600)
    await ask(harness, service_id, os_template="Debian-12-x86_64")
    assert disk(harness, server_id).startswith("os Debian-12")


async def test_a_failed_one_is_no_activations_to_go_on_with(harness: Harness) -> None:
    service_id, _ = await in_use(harness)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    installs = len(sent(harness, "os_install"))
    line = await one_line(harness.run(activate, service_id, order=harness.order(hostname=HOST)))
    assert "Press Retry on the reinstallation, or terminate" in line
    assert len(sent(harness, "os_install")) == installs
    service = await harness.service(service_id)
    assert service.order is not None
    assert service.order.os_template == UBUNTU


async def test_a_failed_one_can_be_deleted(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert harness.panel.server(server_id).disk.is_clear


async def test_a_failed_one_that_is_deleted_has_the_wipe_delay_of_its_product(harness: Harness) -> None:
    service_id, _ = await activated(harness, hostname=HOST, wipe_delay_hours=72)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    harness.billed(service_id).status = "Terminated"
    began, writes = harness.clock.now(), len(harness.panel.writes())
    await harness.run(terminate, service_id)
    assert harness.clock.elapsed(began) >= timedelta(hours=72)
    assert written(harness, since=writes)[:2] == ["port_off", "port_on"], "off the network until the delay is over"
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_an_activation_that_is_not_over_is_no_reinstallations(harness: Harness) -> None:
    service_id = harness.buy()
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await harness.run(activate, service_id, order=harness.order())
    harness.billed(service_id).status = "Active"
    assert "The activation of service" in await one_line(ask(harness, service_id))


async def test_one_that_was_pressed_long_ago_is_not_done(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    pressed = by_client(harness, service_id)
    harness.clock.simulated.advance(3600)
    writes = len(harness.panel.writes())
    assert "was asked for 60 minutes ago" in await one_line(harness.run(reinstall, service_id, **pressed))
    await is_untouched(harness, service_id, server_id, writes)


async def test_a_run_that_is_retried_after_its_end_installs_nothing_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server_id = await in_use(harness)
    monkeypatch.setattr("flows._request.run_id", lambda: "one run")
    pressed = by_client(harness, service_id, requested_by="admin")
    await harness.run(reinstall, service_id, **pressed)
    harness.panel.write_tenant_data(server_id, "the letters")
    await harness.run(reinstall, service_id, **pressed)
    assert "the letters" in disk(harness, server_id)


async def test_an_older_wish_does_not_go_over_the_one_that_failed(harness: Harness) -> None:
    service_id, _ = await in_use(harness)
    older = by_client(harness, service_id, os_template="Debian-12-x86_64", requested_by="admin")
    harness.clock.simulated.advance(60)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    installs = len(sent(harness, "os_install"))
    assert "asked for later than this" in await one_line(harness.run(reinstall, service_id, **older))
    assert len(sent(harness, "os_install")) == installs


async def test_a_lost_answer_is_looked_for_and_not_asked_again(harness: Harness, passwords: list[str]) -> None:
    service_id, server_id = await in_use(harness)
    harness.faults.lose_answer("os_install", 1)
    await ask(harness, service_id)
    assert len(sent(harness, "os_install")) == 2
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")
    assert passwords[-1] == harness.billed(service_id).password


async def test_a_call_that_never_arrived_is_asked_again_under_another_permit(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.faults.refuse_before("os_install", 1)
    await ask(harness, service_id)
    permit = await permit_of(harness, service_id)
    assert permit is not None
    assert permit.attempt == 3
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


async def test_a_panel_that_is_away_ends_it_in_one_line(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    take_panel_down(harness)
    await one_line(ask(harness, service_id))
    harness.faults.clear()
    await is_untouched(harness, service_id, server_id, len(harness.panel.writes()))


async def test_clients_are_counted_and_staff_are_not(harness: Harness) -> None:
    service_id, _ = await in_use(harness)
    await ask(harness, service_id)
    installs = len(sent(harness, "os_install"))
    assert (await one_line(ask(harness, service_id))).startswith("Too often: ")
    assert len(sent(harness, "os_install")) == installs
    await ask(harness, service_id, requested_by="admin")
    assert len(sent(harness, "os_install")) == installs + 1


async def test_more_than_five_a_day_are_refused_to_a_client(harness: Harness) -> None:
    service_id, _ = await in_use(harness)
    for _ in range(5):
        harness.clock.simulated.advance(600)
        await ask(harness, service_id)
    harness.clock.simulated.advance(600)
    assert "no more of it today" in await one_line(ask(harness, service_id))


async def test_a_protected_service_is_reinstalled_for_nobody(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await decisions.protect(harness.ledger, service_id, who="shift", why="important", now=harness.clock.now())
    writes = len(harness.panel.writes())
    for who in ("client", "admin"):
        assert "is protected" in await one_line(ask(harness, service_id, requested_by=who))
    await is_untouched(harness, service_id, server_id, writes)


async def test_a_suspended_service_is_not_reinstalled(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    assert "reinstall is for services that are" in await one_line(ask(harness, service_id))
    assert PHOTOGRAPHS in disk(harness, server_id)


async def test_an_open_one_in_a_restored_ledger_installs_over_nothing(harness: Harness, backups: BackUps) -> None:
    service_id, server_id = await in_use(harness)
    await backups.work_goes_on()
    harness.faults.admin_acts_before("os_install", 1, lambda: backups.take("reinstall"))
    await ask(harness, service_id)
    harness.panel.write_tenant_data(server_id, "the letters")
    harness.clock.simulated.advance(7 * 24 * 3600)
    await backups.work_goes_on()
    installs = len(sent(harness, "os_install"))
    assert (await backups.restore("ledger")).side == "ledger"
    await backups.go_through("ledger")
    await is_held(harness, service_id, "restored")
    assert "reinstall is started" in await decide(service_id, "retry")
    await harness.run(reinstall, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert "the letters" in disk(harness, server_id)
    assert len(sent(harness, "os_install")) == installs


async def test_a_retry_does_not_go_over_an_os_that_the_client_installed_after_the_failure(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    harness.panel.admin.start_operation(server_id, "os_install", template=UBUNTU)
    harness.clock.simulated.advance(3600)
    harness.panel.settle()
    installs = len(sent(harness, "os_install"))
    await one_line(harness.run(reinstall, service_id, requested_by="admin"))
    await is_held(harness, service_id, "restored")
    assert len(sent(harness, "os_install")) == installs


async def test_a_run_that_died_before_the_panel_was_asked_does_nothing_the_next_day(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server_id = await in_use(harness)
    pressed, writes = by_client(harness, service_id), len(harness.panel.writes())
    with monkeypatch.context() as dies:
        dies.setattr("tasks.reinstall.renew_password", AsyncMock(side_effect=asyncio.CancelledError))
        with pytest.raises(asyncio.CancelledError):
            await harness.run(reinstall, service_id, **pressed)
    assert (await harness.service(service_id)).state is State.INSTALLING
    harness.clock.simulated.advance(24 * 3600)
    assert "and had not begun" in await one_line(harness.run(reinstall, service_id, **pressed))
    await is_untouched(harness, service_id, server_id, writes)


async def test_the_days_cap_refuses_the_next_service_and_holds_nobody(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "cap_reinstalls_per_day", 1)
    first, _ = await in_use(harness)
    second, server_id = await in_use(harness)
    await ask(harness, first)
    writes = len(harness.panel.writes())
    line = await one_line(ask(harness, second, requested_by="admin"))
    assert "The cap is 1 services reinstalled in 24 hours on panel main" in line
    await is_untouched(harness, second, server_id, writes)
    assert [name for name, *_ in harness.events] == ["dciflow.cap-reached"]
    await ask(harness, first, requested_by="admin")  # its data is gone already: it counts once
    harness.clock.simulated.advance(25 * 3600)
    await ask(harness, second)
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


async def test_no_password_stands_in_the_ledger(harness: Harness) -> None:
    service_id, _ = await in_use(harness)
    await ask(harness, service_id)
    password = harness.billed(service_id).password
    assert password
    assert password not in (await harness_dump(harness))
