"""Nothing is installed over an OS that the ledger does not know, unless a person allowed this one installation."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlmodel import select

from dcimanager.servers import Server
from flows.activate import activate
from flows.terminate import terminate
from ledger.snapshots import Service
from ledger.states import State
from ledger.tables import InstallPermitRow
from runtime.heartbeat import STALLED_AFTER
from simulator.panel.models import SimServer
from tasks.unknown_operations import require_no_clients_data
from tests.harness import Harness
from tests.stories.moments import PHOTOGRAPHS, annas, decide
from tests.stories.restoring import BackUps
from tests.stories.scenario import is_held, one_line, only_fit, sent


@pytest.fixture
def backups(harness: Harness, tmp_path: Path) -> BackUps:
    return BackUps(harness, tmp_path)


async def delivered_to_anna(harness: Harness, backups: BackUps, before: str = "address_add") -> tuple[int, SimServer]:
    """The ledger is of before her addresses; she has used the server since, and nobody went through anything."""
    harness.faults.admin_acts_before(before, 1, backups.take)
    service_id, server = await annas(harness)
    await backups.restore("ledger")
    harness.clock.simulated.advance(STALLED_AFTER.total_seconds() + 1)  # the request of before is nobody's
    return service_id, server


async def permits(harness: Harness) -> list[int]:
    async with harness.ledger.reading() as session:
        return [row.operation_seen for row in await session.exec(select(InstallPermitRow))]


async def test_an_activation_of_before_takes_nothing_from_its_client(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_to_anna(harness, backups)
    addresses = [address.address for address in server.addresses]
    line = await one_line(harness.run(activate, service_id))
    assert "did not ask for" in line
    await is_held(harness, service_id, "restored")
    assert [address.address for address in server.addresses] == addresses
    assert len(sent(harness, "os_install")) == 1
    assert "ACTIVE" in await decide(service_id, "release")
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert PHOTOGRAPHS in server.disk.content


async def test_a_retry_is_the_permit_for_one_installation(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_to_anna(harness, backups)
    seen = server.operations[-1].id
    await one_line(harness.run(activate, service_id))
    await decide(service_id, "retry")
    assert harness.started[-1][0] == "activate/whmcs"
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert await permits(harness) == [seen]
    assert PHOTOGRAPHS not in server.disk.content


async def test_a_permit_is_not_one_for_what_came_after_it(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_to_anna(harness, backups)
    await one_line(harness.run(activate, service_id))
    await decide(service_id, "retry")
    _installed_by_hand(harness, server)
    await one_line(harness.run(activate, service_id))
    await is_held(harness, service_id, "restored")
    assert await permits(harness) == []
    assert PHOTOGRAPHS in server.disk.content


async def test_later_diagnostics_hide_no_delivered_server(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_to_anna(harness, backups)
    harness.panel.admin.start_operation(server.id, "diagnostics")
    harness.panel.admin.end_operation(server.id, "finished")
    line = await one_line(harness.run(activate, service_id))
    assert "did not ask for" in line
    assert PHOTOGRAPHS in server.disk.content


async def test_an_os_that_is_being_installed_by_another_hand_is_not_installed_over(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await delivered_to_anna(harness, backups)
    harness.billed(service_id).dedicated_ip = ""
    harness.panel.admin.start_operation(server.id, "os_install")
    addresses = [address.address for address in server.addresses]
    line = await one_line(harness.run(activate, service_id))
    assert "did not ask for" in line
    await is_held(harness, service_id, "restored")
    assert sent(harness, "operation_end") == []
    assert [address.address for address in server.addresses] == addresses
    assert len(sent(harness, "os_install")) == 1


async def test_an_activation_that_was_under_way_in_the_upgrade_goes_on_over_its_servers_wipe(
    harness: Harness,
) -> None:
    first, server = await annas(harness)
    harness.billed(first).status = "Terminated"
    await harness.run(terminate, first)
    only_fit(harness, server.id)
    service_id = harness.buy("web2.example.com")

    def has_its_address() -> None:
        billed = harness.billed(service_id)
        billed.status, billed.dedicated_ip = "Active", server.addresses[0].address
        with closing(sqlite3.connect(harness.ledger._file)) as file, file:
            file.execute("update claim set operation_before = null")

    harness.faults.admin_acts_after("address_add", 1, has_its_address)
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert not server.disk.content or PHOTOGRAPHS not in server.disk.content


def _installed_by_hand(harness: Harness, server: SimServer) -> None:
    harness.panel.admin.start_operation(server.id, "os_install")
    harness.panel.admin.end_operation(server.id, "finished")
    harness.panel.write_tenant_data(server.id, PHOTOGRAPHS)


async def test_diagnostics_by_hand_in_a_first_activation_stop_nobody(harness: Harness, backups: BackUps) -> None:
    def by_hand() -> None:
        server_id = next(one.id for one in harness.panel.servers.values() if one.owner_id is not None)
        harness.panel.admin.start_operation(server_id, "diagnostics")
        harness.panel.admin.end_operation(server_id, "finished")

    harness.faults.admin_acts_before("address_add", 1, by_hand)
    service_id = harness.buy()
    harness.billed(service_id).status = "Active"  # as WHMCS does at once, without an address
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_first_activation_asks_whmcs_and_the_panel_nothing_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def counted(service: Service, server: Server) -> None:
        before = len(harness.panel.requests) + len(harness.whmcs.requests)
        await require_no_clients_data(service, server)
        asked.append(len(harness.panel.requests) + len(harness.whmcs.requests) - before)

    monkeypatch.setattr("tasks.os_install.require_no_clients_data", counted)
    monkeypatch.setattr("tasks.addresses.require_no_clients_data", counted)
    await annas(harness)
    assert asked
    assert set(asked) == {0}
