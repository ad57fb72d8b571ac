"""Panels by their names: one name each, and one machine is one machine under whatever name and number it is shown."""

from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import select

from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from flows.activate import activate
from flows.adopt import adopt
from flows.catalogue import catalogue
from flows.check_panel import check_panel
from flows.reconcile import reconcile
from flows.rehearse import rehearse
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import claims, panels, services
from ledger.hardware import Hardware
from ledger.states import State
from ledger.tables import DifferenceRow, HardwareRow, PanelRow
from ledger.transitions import claim_of
from runtime import connections
from runtime.clock import seconds, sleep
from tests.harness import PANEL, Harness, trust_panel
from tests.stories.scenario import activated, is_held, one_line, only_fit, promised, sent, taken_over

NO_NAMES = ["main?x=1", "main#", "../../../whmcs/block_documents/name/default", "Main", "main/", "", "m" * 41, "main\n"]


async def run(harness: Harness, flow: Any, service_id: int, panel: str, **more: Any) -> None:
    """Play a lifecycle on a panel that is called so."""
    harness.clock.simulated.advance(0.001)
    await flow.fn(service_id=service_id, panel=panel, **more)


def entered_again(harness: Harness, name: str, url: str = "https://panel.example") -> None:
    """The panel of these stories under one more name, as a new server record in WHMCS makes it."""
    profile = harness.panel.world.profile
    access = PanelAccess(name=name, url=url, username=profile.admin_email, password=SecretStr(profile.admin_password))
    http = harness.simulation.transport()
    connections.connections().panels[name] = Panel(access, harness.dialect, http=http, sleep=sleep, now=seconds)


@pytest.mark.parametrize("name", NO_NAMES)
async def test_what_is_no_name_of_a_panel_is_refused_in_one_line_and_nothing_is_asked(
    harness: Harness, name: str
) -> None:
    service_id = harness.buy()
    for flow, more in (
        (activate, {"order": harness.order()}), (suspend, {}), (unsuspend, {}), (terminate, {}),
    ):  # fmt: skip
        assert "is no name of a panel" in await one_line(run(harness, flow, service_id, name, **more))
    for work in (
        check_panel.fn(panel=name),
        adopt.fn(panel=name, services=[]),
        reconcile.fn(panel=name),
        rehearse.fn(panel=name, server=3, clear_its_disks=True),
    ):
        assert "is no name of a panel" in await one_line(work)
    if name:  # none means all
        assert "could not be read" in await one_line(catalogue.fn(panel=name))
    assert await services.get(harness.ledger, service_id) is None
    assert harness.panel.requests == []


@pytest.mark.parametrize("url", ["https://panel.example", "HTTPS://Panel.Example:443/", "https://10.0.0.7"])
async def test_the_same_panel_under_a_second_name_sells_nothing(harness: Harness, url: str) -> None:
    await activated(harness)
    entered_again(harness, "main-3", url)
    await trust_panel(harness.ledger, name="main-3")
    before = len(harness.panel.writes())
    line = await one_line(run(harness, activate, harness.buy(), "main-3", order=harness.order()))
    assert "Panel main-3 is panel main under a second name" in line
    assert "dciflow panel rename main main-3" in line
    assert len(harness.panel.writes()) == before
    assert await claims.claimed(harness.ledger, "main-3") == {}


async def test_an_unwiped_server_is_not_sold_under_another_panels_name(harness: Harness) -> None:
    server = only_fit(harness, 1)
    service_id, _ = await activated(harness)
    harness.panel.fail_next("diagnostics")
    await one_line(harness.run(terminate, service_id))
    await is_held(harness, service_id, "wipe-unproven")
    async with harness.ledger.transaction() as session:  # as if nobody had ever seen what panel that is
        await (await session.connection()).execute(PanelRow.__table__.delete())  # type: ignore[attr-defined]
    entered_again(harness, "second", "https://10.0.0.7")
    await trust_panel(harness.ledger, name="second")
    server.operations.clear()
    line = await one_line(run(harness, activate, harness.buy(), "second", order=harness.order()))
    assert "1 with the hardware of a server that is promised or held elsewhere" in line
    assert await claims.claimed(harness.ledger, "second") == {}


@pytest.mark.parametrize("flow", [suspend, terminate], ids=lambda flow: flow.name)
async def test_a_service_that_staff_moved_to_a_new_record_of_its_panel_is_told_the_way_and_goes_on_after_it(
    harness: Harness, flow: Any
) -> None:
    service_id, server = await activated(harness)
    entered_again(harness, "main-3")
    before = len(harness.panel.writes())
    line = await one_line(run(harness, flow, service_id, "main-3"))
    assert "dciflow panel rename main main-3" in line
    assert len(harness.panel.writes()) == before

    assert await panels.rename(harness.ledger, PANEL, "main-3") == 1
    harness.clock.simulated.advance(60)
    await run(harness, flow, service_id, "main-3")
    assert not any(port.admin_up for port in server.network_ports) or flow is terminate
    assert "under a second name" in await one_line(run(harness, activate, harness.buy(), PANEL, order=harness.order()))


async def test_a_panel_that_is_at_work_is_not_renamed(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await taken_over(harness, service_id, "suspend")
    line = await one_line(panels.rename(harness.ledger, PANEL, "main-3"))
    assert "Panel main is at work: suspend of service" in line
    assert await promised(harness)


async def test_a_nic_that_failed_keeps_no_paid_client_offline_and_its_server_is_not_wiped_before_a_person_looked(
    harness: Harness,
) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    _with_makers_cards(server)
    await _recorded_so(harness, service_id)
    server.macs = server.macs[1:]
    for port in server.ports:
        port.mac = server.macs[-1]
    await harness.run(unsuspend, service_id)
    assert all(port.admin_up for port in server.network_ports)
    claim = (await harness.service(service_id)).claim
    assert claim is not None
    assert claim.changed == "no longer mac 00:16:3e:00:00:01"
    assert len(claim.hardware.macs) == 3
    before = len(harness.panel.writes())
    assert "HELD (hardware-changed)" in await one_line(harness.run(terminate, service_id))
    assert (await is_held(harness, service_id, "hardware-changed")).held_from is State.ACTIVE
    assert len(harness.panel.writes()) == before


async def test_a_port_that_another_clients_server_lists_too_is_switched_for_neither(harness: Harness) -> None:
    service_id, server = await activated(harness)
    other_id, other = await activated(harness)
    shared = server.network_ports[0]
    other.ports[0].id, other.ports[0].switch = shared.id, shared.switch
    harness.clock.simulated.advance(601)
    switched = len(sent(harness, "port_off"))
    for one, two in ((service_id, other), (other_id, server)):
        line = await one_line(harness.run(suspend, one))
        assert f"and of server {two.id} (service" in line
        assert "it is not switched" in line
    assert len(sent(harness, "port_off")) == switched
    assert all(port.admin_up for port in server.network_ports)


async def test_a_server_on_which_an_os_was_installed_by_hand_is_not_sold(harness: Harness) -> None:
    server = only_fit(harness, 1)
    server.operations[-1].type = "install_os"
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "1 perhaps with data on its disks: an OS was installed on it last" in line
    assert await promised(harness) == {}


async def test_a_server_of_which_only_placeholders_are_known_is_not_sold(harness: Harness) -> None:
    server = only_fit(harness, 1)
    server.serial, server.barcode = "To Be Filled By O.E.M.", "Default string"
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "1 without serial number, MAC address or barcode of its own" in line


async def test_a_wiped_server_is_sold_again(harness: Harness) -> None:
    only_fit(harness, 1)
    service_id, server = await activated(harness)
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert (await activated(harness))[1] is server


def _with_makers_cards(server: Any) -> None:
    server.macs = [f"00:16:3e:00:00:0{number}" for number in (1, 2, 3)]
    for port, mac in zip(server.ports, server.macs, strict=True):
        port.mac = mac


async def _recorded_so(harness: Harness, service_id: int) -> None:
    """The machine that the service has now is what is recorded of it."""
    async with harness.ledger.transaction() as session:
        row = await claim_of(session, service_id)
        assert row is not None
        macs = tuple(f"00:16:3e:00:00:0{number}" for number in (1, 2, 3))
        row.record_hardware(Hardware(serial=row.serial, macs=macs, barcode=row.barcode))


async def test_reconciliation_names_the_services_whose_servers_share_a_port_and_switches_nothing(
    harness: Harness,
) -> None:
    one_id, one = await activated(harness)
    other_id, other = await activated(harness)
    port = one.network_ports[0]
    other.ports[0].id, other.ports[0].switch = port.id, port.switch
    port.admin_up = False
    switched = len(sent(harness, "port_on"))
    harness.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair="safe")
    found = await _differences(harness)
    assert found == {("shared-port", one_id), ("shared-port", other_id)}
    assert len(sent(harness, "port_on")) == switched


async def test_reconciliation_tells_of_a_machine_that_an_older_release_promised_on_two_panels(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    other_id = harness.buy()
    await services.remember(harness.ledger, service_id=other_id, panel="second", now=harness.clock.now())
    async with harness.ledger.transaction() as session:
        for row in await session.exec(select(HardwareRow)):
            row.panel, row.server_id, row.service_id = "second", 901, other_id
    harness.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL)
    assert await _differences(harness) == {("two-services-one-server", service_id)}


async def _differences(harness: Harness) -> set[tuple[str, int]]:
    async with harness.ledger.reading() as session:
        return {(row.drift, row.service_id) for row in await session.exec(select(DifferenceRow))}
