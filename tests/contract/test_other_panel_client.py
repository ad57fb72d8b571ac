"""Our client reads and drives the second fake panel by an endpoints file that corrects the table."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.dialect_check import DialectVerdict, compare_with_swagger
from dcimanager.endpoints import load_dialect
from dcimanager.errors import PanelRefused
from dcimanager.operations import OperationProgress
from dcimanager.panel import Panel
from dcimanager.servers import Power
from simulator.panel.clock import ManualClock
from tests.contract.other_panel import timing
from tests.contract.other_panel.app import OtherPanel
from tests.contract.other_panel.harness import ACCESS, HAND_WRITTEN
from tests.contract.other_panel.stock import CLIENTS, IMAGE, NARVA, RIGA, WORKSHOP


@dataclass
class Driven:
    """The panel, our client of it, and their clock."""

    clock: ManualClock
    panel: OtherPanel
    client: Panel


@pytest.fixture
async def driven() -> AsyncIterator[Driven]:
    clock = ManualClock()

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    panel = OtherPanel(clock)
    transport = httpx.ASGITransport(app=panel.app)
    async with Panel(ACCESS, load_dialect(HAND_WRITTEN), http=transport, sleep=sleep, now=clock.now) as client:
        yield Driven(clock, panel, client)


async def test_every_server_is_read_whole(driven: Driven) -> None:
    servers = await driven.client.servers.all()
    assert [server.id for server in servers] == [501, 502, 503, 504]
    assert [server.power for server in servers] == [Power.ON, Power.OFF, Power.ON, Power.ON]
    assert [server.location_id for server in servers] == [RIGA, RIGA, NARVA, RIGA]
    assert all(server.owner_email is None and server.in_operation and not server.problems for server in servers)
    assert servers[0].serial == "OTH501X"
    assert servers[1].macs == ("02:0a:0b:02:00:00", "02:0a:0b:02:00:01", "02:0a:0b:02:00:02")
    assert [port.is_bmc for port in servers[1].connections] == [True, False, False]
    assert all(port.admin_up for server in servers for port in server.connections)
    assert [(row.configuration, row.free_server_count) for row in await driven.client.servers.configurations()] == [
        ("EPYC-7302P-128Gb-2x1920NVMe", 3), ("R9-5950X-64Gb-2x960NVMe", 1),
    ]  # fmt: skip


async def test_the_catalogue_is_read(driven: Driven) -> None:
    pools = await driven.client.addresses.pools()
    assert [(pool.id, pool.name, pool.free) for pool in pools] == [(CLIENTS, "clients", 20), (WORKSHOP, "workshop", 4)]
    templates = await driven.client.os_templates.all()
    assert [one.location_id for one in templates if one.name == IMAGE] == [RIGA, NARVA]
    assert [site.name for site in await driven.client.locations.all()] == ["Riga", "Narva"]
    networks = await driven.client.addresses.networks()
    assert {network.name: network.gives_addresses for network in networks} == {
        "203.0.113.0/24": True, "203.0.112.0/23": False,
    }  # fmt: skip


async def test_a_server_gets_an_owner_and_loses_it(driven: Driven) -> None:
    users, servers = driven.client.users, driven.client.servers
    made = await users.create(email="u+dc@example.com", full_name="U", password=SecretStr("p"), phone="+3712")
    user = await users.find("U+dc@example.com", among_all=True)
    assert user is not None
    assert (user.id, user.is_admin) == (made, False)
    await servers.set_owner(501, made)
    assert (await servers.get(501)).owner_email is None
    driven.clock.advance(timing.OWNER)
    assert (await servers.get(501)).owner_email == "u+dc@example.com"
    await servers.clear_owner(501)
    driven.clock.advance(timing.OWNER)
    assert (await servers.get(501)).owner_email is None


async def test_power_is_switched_on(driven: Driven) -> None:
    await driven.client.servers.power_on(502)
    driven.clock.advance(timing.POWER)
    assert (await driven.client.servers.get(502)).power is Power.ON
    with pytest.raises(PanelRefused, match="power already"):
        await driven.client.servers.power_on(502)


async def test_a_port_is_switched_off_and_on(driven: Driven) -> None:
    port = (await driven.client.servers.get(501)).network_ports[0]
    await driven.client.ports.switch_off(port)
    driven.clock.advance(timing.PORT)
    assert not (await driven.client.servers.get(501)).network_ports[0].admin_up
    await driven.client.ports.switch_on(port)
    driven.clock.advance(timing.PORT)
    assert (await driven.client.servers.get(501)).network_ports[0].admin_up


async def test_addresses_are_given_and_taken(driven: Driven) -> None:
    addresses = driven.client.addresses
    await addresses.add(501, pool_id=CLIENTS, count=2)
    given = await addresses.of_server(501)
    assert [(one.family, one.ready, one.pool_id) for one in given] == [("ipv4", False, CLIENTS)] * 2
    driven.clock.advance(timing.ADDRESS)
    assert all(one.ready for one in await addresses.of_server(501))
    await addresses.remove(501, given[0].id)
    driven.clock.advance(timing.ADDRESS)
    assert [one.id for one in await addresses.of_server(501)] == [given[1].id]


async def test_an_installation_is_ended_by_its_operation(driven: Driven) -> None:
    driven.panel.world.machines[501].account_id = 1
    accepted = await driven.client.servers.install_os(
        501, template_id=2, password=SecretStr("canary"), hostname="web1.example.com"
    )
    assert (accepted.operation_id, accepted.task) == (None, "t-501")
    driven.clock.advance(timing.OPERATION_APPEARS)
    operation = (await driven.client.servers.get(501)).operation
    assert operation is not None
    assert (operation.progress, operation.is_install, operation.percent) == (OperationProgress.RUNNING, True, 0)
    await driven.client.operations.end(501, operation.id)
    assert (await driven.client.operations.get(501, operation.id)).running
    driven.clock.advance(timing.CANCELLATION)
    assert (await driven.client.operations.get(501, operation.id)).progress is OperationProgress.ENDED


async def test_diagnostics_clear_the_disks(driven: Driven) -> None:
    driven.panel.world.machines[501].disk = "data"
    await driven.client.servers.run_diagnostics(501, clear_disks=True)
    driven.clock.advance(timing.OPERATION_APPEARS)
    operation = (await driven.client.servers.get(501)).operation
    assert operation is not None
    assert operation.is_diagnostics
    driven.clock.advance(timing.DIAGNOSTICS)
    operation = await driven.client.operations.get(501, operation.id)
    assert (operation.progress, operation.percent) == (OperationProgress.FINISHED, 100)
    assert driven.panel.world.machines[501].disk is None
    assert driven.panel.world.alarms == []


async def test_a_call_after_the_end_of_the_session_is_made_once(driven: Driven) -> None:
    await driven.client.login()
    driven.panel.end_sessions()
    await driven.client.servers.power_on(502)
    assert driven.panel.writes == ["POST dci/v3/server/502/power/up"]


async def test_the_panels_own_description_agrees_with_the_file(driven: Driven) -> None:
    findings = await compare_with_swagger(driven.client)
    disagreeing = {one.endpoint for one in findings if one.verdict in (DialectVerdict.ABSENT, DialectVerdict.DIFFERS)}
    # The panel has no such calls, so nobody can find them.
    unknown = {
        "address_add_ipv6",
        "host_name_set",
        "ip_pool_settings",
        "os_install_with_key",
        "ptr_set",
        "rescue_start",
        "rescue_leave",
        "server_traffic",
    }
    assert disagreeing == unknown
    assert [one.verdict for one in findings if one.endpoint in ("owner_clear", "diagnostics", "os_install")] == [
        DialectVerdict.CONFIRMED
    ] * 3
