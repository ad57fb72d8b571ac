"""A server in the rescue system is suspended, reinstalled and deleted as any other; forgotten, it is a difference."""

import logging
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import select

from dcimanager.servers import Accepted, Servers
from flows.reinstall import reinstall
from flows.rescue import rescue
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from ledger.tables import JournalRow
from simulator.panel.models import SimServer
from simulator.panel.variants import Variants
from tasks.reconciliation.differences import Difference, Drift, Repair
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness
from tests.stories.scenario import activated, one_line, sent
from tests.tasks.reconciliation.scenario import look

HOST = "web1.example.com"
TOLD = pytest.mark.parametrize("told", ["told", "untold"])


async def in_rescue(harness: Harness, **order: object) -> tuple[int, SimServer]:
    service_id, server = await activated(harness, hostname=HOST, **order)
    await harness.run(rescue, service_id, command="start", requested_by="admin")
    assert server.in_recovery
    return service_id, server


async def forgotten(harness: Harness) -> list[Difference]:
    return [one for one in (await look(harness)).differences if one.drift is Drift.RESCUE_FORGOTTEN]


@TOLD
async def test_a_deletion_goes_over_it_and_its_wipe_ends_it(make_harness: HarnessMaker, told: Any) -> None:
    harness = make_harness(QUICK, Variants(rescue=told))
    service_id, server = await in_rescue(harness)
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    assert not server.in_recovery
    assert sent(harness, "rescue_leave") == []
    harness.clock.simulated.advance(25 * 3600)
    assert await forgotten(harness) == []


async def test_a_deletion_ends_a_start_that_still_runs(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.hang_next("recovery", server.id)
    await one_line(harness.run(rescue, service_id, command="start", requested_by="admin"))
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id, requested_by="admin")
    assert [one.status for one in server.operations if one.type == "recovery"] == ["canceled"]
    assert server.disk.is_clear


@TOLD
async def test_a_reinstallation_goes_over_it(make_harness: HarnessMaker, told: Any) -> None:
    harness = make_harness(QUICK, Variants(rescue=told))
    service_id, server = await in_rescue(harness)
    asked = {"os_template": "Ubuntu-24.04-x86_64", "hostname_typed": HOST, "requested_by": "admin"}
    await harness.run(reinstall, service_id, **asked)
    assert "os Ubuntu" in server.disk.content
    assert not server.in_recovery
    harness.clock.simulated.advance(25 * 3600)
    assert await forgotten(harness) == []


@pytest.mark.parametrize("mode", ["ports", "ports-and-power"])
async def test_a_suspension_and_its_end_are_as_ever(harness: Harness, mode: str) -> None:
    service_id, server = await in_rescue(harness, suspension_mode=mode)
    disk = server.disk.content
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    assert not any(port.admin_up for port in server.network_ports)
    assert server.in_recovery is (mode == "ports"), "power that goes off ends it"
    harness.billed(service_id).status = "Active"
    await harness.run(unsuspend, service_id, requested_by="admin")
    assert all(port.admin_up for port in server.network_ports)
    assert server.disk.content == disk


@TOLD
async def test_one_that_is_forgotten_is_told_after_a_day_and_nothing_is_done_about_it(
    make_harness: HarnessMaker, told: Any
) -> None:
    harness = make_harness(QUICK, Variants(rescue=told))
    service_id, server = await in_rescue(harness)
    harness.clock.simulated.advance(23 * 3600)
    assert await forgotten(harness) == []
    harness.clock.simulated.advance(2 * 3600)
    (found,) = await forgotten(harness)
    assert (found.service_id, found.server_id, found.repair) == (service_id, server.id, Repair.NONE)
    assert "press Leave rescue" in found.what
    await harness.run(rescue, service_id, command="leave", requested_by="admin")
    assert await forgotten(harness) == []


async def test_one_that_the_client_left_by_a_reboot_is_not_told_where_the_panel_shows_it(harness: Harness) -> None:
    _, server = await in_rescue(harness)
    harness.panel.admin.power(server.id, "off")
    server.in_recovery = False
    harness.clock.simulated.advance(25 * 3600)
    assert await forgotten(harness) == []


async def test_its_password_is_the_services_own_and_stands_nowhere(
    harness: Harness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, _ = await activated(harness)
    canary, given, start = "c4nary-R3scue-p4ssword", list[str](), Servers.start_rescue

    async def start_with(servers: Servers, server_id: int, *, template_id: int, password: SecretStr) -> Accepted:
        given.append(password.get_secret_value())
        return await start(servers, server_id, template_id=template_id, password=password)

    monkeypatch.setattr(Servers, "start_rescue", start_with)
    harness.billed(service_id).password = canary
    with caplog.at_level(logging.DEBUG):
        await harness.run(rescue, service_id, command="start", requested_by="admin")
    (call,) = sent(harness, "rescue_start")
    assert call.body is not None and call.body["password"] == "***"
    assert given == [canary]
    assert harness.billed(service_id).password == canary
    assert canary not in caplog.text
    async with harness.ledger.transaction() as session:
        rows = [*await session.exec(select(JournalRow))]
    assert rows
    assert canary not in repr(rows)


async def test_a_service_without_a_password_gets_one_in_whmcs_first(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.billed(service_id).password = ""
    await harness.run(rescue, service_id, command="start", requested_by="admin")
    assert len(harness.billed(service_id).password) == 20
    assert server.in_recovery
