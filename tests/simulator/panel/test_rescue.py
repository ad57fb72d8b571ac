"""The rescue system on the simulated panel: it boots, leaves the disks alone, and ends with the next boot."""

import pytest

from tests.simulator.panel.operations import install, kinds, sold, template
from tests.simulator.visit import Visit


async def booted(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.servers[3].disk.write("photographs", "u@example.com")
    await panel.post("server/3/recovery", os_template=template(panel, "SystemRescue-11"), password="p")
    panel.clock.advance(300)
    assert (await panel.get("server/3"))["in_recovery"] is True


async def test_it_boots_and_is_left_and_the_disks_stay(panel: Visit) -> None:
    await booted(panel)
    operation = (await panel.get("server/3"))["operation"]
    assert (operation["type"], operation["status"]) == ("recovery", "ok")
    await panel.post("server/3/recovery/finish")
    panel.clock.advance(30)
    server = await panel.get("server/3")
    assert (server["in_recovery"], server["power_status"]) == (False, "on")
    assert panel.simulation.panel.servers[3].disk.content == "photographs"
    assert kinds(panel) == []


async def test_somebody_starts_it_on_the_panels_own_pages(panel: Visit) -> None:
    await sold(panel)
    operation = panel.simulation.panel.admin.start_operation(3, "recovery")
    panel.clock.advance(300)
    server = await panel.get("server/3")
    assert (server["operation"]["id"], server["in_recovery"]) == (operation.id, True)


@pytest.mark.parametrize("how", ["power_reset", "install", "diag"])
async def test_whatever_boots_the_server_ends_it(panel: Visit, how: str) -> None:
    await booted(panel)
    if how == "install":
        await install(panel)
    else:
        await panel.post(f"server/3/{how}")
    panel.clock.advance(60)
    assert (await panel.get("server/3"))["in_recovery"] is False


async def test_what_cannot_be_is_refused(panel: Visit) -> None:
    await sold(panel)
    assert (await panel.refused("POST", "server/3/recovery/finish", {}))[0] == 4003
    no_rescue = {"os_template": template(panel), "password": "p"}
    assert (await panel.refused("POST", "server/3/recovery", no_rescue))[0] == 4007
    elsewhere = {"os_template": template(panel, "SystemRescue-11", 2), "password": "p"}
    assert (await panel.refused("POST", "server/3/recovery", elsewhere))[0] == 4007
    await install(panel)
    here = {"os_template": template(panel, "SystemRescue-11"), "password": "p"}
    assert (await panel.refused("POST", "server/3/recovery", here))[0] == 4001
