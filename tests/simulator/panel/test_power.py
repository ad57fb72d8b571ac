import pytest

from simulator.panel.builder import add_server
from simulator.panel.models import Power
from simulator.panel.profile import RYZEN, Batch, Failures, Profile
from tests.simulator.visit import Visit, Visiting

PDU: tuple[Power | None, ...] = ("on", "off", "unknown", None)


async def shown_power(panel: Visit, server: int = 1) -> str:
    power: str = (await panel.get(f"server/{server}"))["power_status"]
    return power


@pytest.mark.parametrize("pdu", PDU)
@pytest.mark.parametrize("bmc", ["on", "off", "unknown"])
async def test_the_power_table(panel: Visit, pdu: Power | None, bmc: Power) -> None:
    server = panel.simulation.panel.servers[1]
    server.pdu = server.pdu_seen = pdu
    server.bmc = bmc
    assert await shown_power(panel) == ("off" if pdu == "off" else bmc)


async def test_a_server_without_a_bmc_has_unknown_power(panel: Visit) -> None:
    panel.simulation.panel.servers[1].bmc = None
    assert await shown_power(panel) == "unknown"


async def test_powering_on_takes_its_time(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "off")
    await panel.post("server/1/power_on")
    panel.clock.advance(29)
    assert await shown_power(panel) == "off"
    panel.clock.advance(1)
    assert await shown_power(panel) == "on"


async def test_powering_on_an_unknown_server_is_allowed(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "unknown")
    await panel.post("server/1/power_on")
    panel.clock.advance(30)
    assert await shown_power(panel) == "on"


async def test_powering_on_what_is_on_is_refused(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "on")
    assert (await panel.refused("POST", "server/1/power_on", {}))[0] == 4003


@pytest.mark.parametrize("power", ["off", "unknown"])
async def test_powering_off_what_is_not_on_is_refused(panel: Visit, power: Power) -> None:
    panel.simulation.panel.admin.power(1, power)
    assert (await panel.refused("POST", "server/1/power_off", {}))[0] == 4003


async def test_powering_off_works_through_the_bmc(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "on")
    await panel.post("server/1/power_off")
    panel.clock.advance(30)
    assert await shown_power(panel) == "off"


async def test_a_reset_reboots_a_server_that_is_on(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "on")
    await panel.post("server/1/power_reset")
    panel.clock.advance(15)
    assert await shown_power(panel) == "off"
    panel.clock.advance(15)
    assert await shown_power(panel) == "on"


async def test_a_reset_powers_on_a_server_that_is_off(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "off")
    await panel.post("server/1/power_reset")
    panel.clock.advance(30)
    assert await shown_power(panel) == "on"


async def test_a_pdu_switched_by_its_button_is_seen_at_the_next_round(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "on")
    panel.clock.advance(10)
    panel.simulation.panel.admin.pdu(1, "off")
    panel.clock.advance(289)
    assert await shown_power(panel) == "on"
    panel.clock.advance(1)
    assert await shown_power(panel) == "off"


async def test_powering_on_enables_the_pdu_port_and_the_panel_learns_of_it_late(panel: Visit) -> None:
    server = panel.simulation.panel.servers[1]
    server.pdu = server.pdu_seen = server.bmc = "off"
    await panel.post("server/1/power_on")
    panel.clock.advance(60)
    assert (await shown_power(panel), server.pdu, server.bmc) == ("off", "on", "on")
    panel.clock.advance(240)
    assert await shown_power(panel) == "on"


async def test_a_server_with_neither_bmc_nor_pdu_cannot_be_powered_on(panel: Visit) -> None:
    server = panel.simulation.panel.servers[1]
    server.bmc = server.pdu = server.pdu_seen = None
    assert (await panel.refused("POST", "server/1/power_on", {}))[0] == 4003


@pytest.mark.parametrize("command", ["power_off", "power_reset"])
async def test_a_protected_server_keeps_running(panel: Visit, command: str) -> None:
    panel.simulation.panel.admin.power(1, "on")
    panel.simulation.panel.admin.protect(1)
    assert (await panel.refused("POST", f"server/1/{command}", {}))[0] == 4002
    panel.simulation.panel.admin.protect(1, False)
    await panel.post(f"server/1/{command}")


async def test_stuck_power_never_changes(visiting: Visiting) -> None:
    panel = await visiting(Profile(failures=Failures(power_stuck=True)))
    panel.simulation.panel.admin.power(1, "off")
    await panel.post("server/1/power_on")
    await panel.much_later(10_000)
    assert await shown_power(panel) == "off"


async def test_ports_are_switched_after_their_delay(panel: Visit) -> None:
    port = panel.simulation.panel.servers[1].ports[0]
    await panel.post(f"switch/{port.switch}/port/{port.id}/down")
    assert (await panel.get("server/1"))["switch_connection"][0]["admin_status"] == "up"
    panel.clock.advance(5)
    assert (await panel.get("server/1"))["switch_connection"][0]["admin_status"] == "down"
    await panel.post(f"switch/{port.switch}/port/{port.id}/up")
    panel.clock.advance(5)
    assert (await panel.get("server/1"))["switch_connection"][0]["admin_status"] == "up"
    assert panel.simulation.panel.incidents == []


async def test_a_later_command_wins_over_one_that_is_still_pending(panel: Visit) -> None:
    port = panel.simulation.panel.servers[1].ports[0]
    await panel.post(f"switch/{port.switch}/port/{port.id}/down")
    panel.clock.advance(3)
    await panel.post(f"switch/{port.switch}/port/{port.id}/up")
    panel.clock.advance(10)
    assert (await panel.get("server/1"))["switch_connection"][0]["admin_status"] == "up"


async def test_every_second_server_starts_with_its_ports_off_but_the_bmcs(panel: Visit) -> None:
    assert [port.admin_up for port in panel.simulation.panel.servers[1].ports] == [True, True, True]
    assert [port.admin_up for port in panel.simulation.panel.servers[2].ports] == [False, False, True]


async def test_cutting_off_a_bmc_is_done_is_an_incident_and_blinds_the_panel(panel: Visit) -> None:
    panel.simulation.panel.admin.power(1, "on")
    port = panel.simulation.panel.servers[1].ports[2]
    await panel.post(f"switch/{port.switch}/port/{port.id}/down")
    panel.clock.advance(5)
    assert await shown_power(panel) == "unknown"
    assert [(i.kind, i.server_id, i.at) for i in panel.simulation.panel.incidents] == [("bmc_port_cut", 1, 0.0)]


@pytest.mark.parametrize("path", ["switch/1/port/401/up", "switch/1001/port/9999/up", "switch/1001/port/x/up"])
async def test_a_port_that_is_not_there_is_3080(panel: Visit, path: str) -> None:
    assert (await panel.refused("POST", path, {}, 404))[0] == 3080


async def test_stuck_ports_never_change(visiting: Visiting) -> None:
    panel = await visiting(Profile(failures=Failures(ports_stuck=True)))
    port = panel.simulation.panel.servers[2].ports[0]
    await panel.post(f"switch/{port.switch}/port/{port.id}/up")
    await panel.much_later(10_000)
    assert not port.admin_up


async def test_a_server_can_be_added_to_a_running_data_centre(panel: Visit) -> None:
    batch = Batch(configuration=RYZEN, location="Riga", servers=1)
    server = add_server(panel.simulation.panel.world, batch)
    assert (await panel.get(f"server/{server.id}"))["configuration"] == RYZEN
