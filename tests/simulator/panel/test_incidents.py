"""What the simulated panel records as an incident: a client's data lost, or seen by somebody else."""

from tests.simulator.panel.operations import OWNER, install, kinds, sold, status
from tests.simulator.visit import Visit


async def test_wiping_a_server_that_has_an_owner_is_an_incident(panel: Visit) -> None:
    await sold(panel)
    await panel.post("server/3/diag", clear_disks=True)
    panel.clock.advance(1200)
    assert await status(panel) == "ok"
    assert kinds(panel) == ["wiped_with_owner"]


async def test_an_owner_who_came_during_the_wipe_is_an_incident_too(panel: Visit) -> None:
    await panel.post("server/3/diag", clear_disks=True)
    panel.simulation.panel.admin.set_owner(3, OWNER)
    panel.clock.advance(1200)
    assert await status(panel) == "ok"
    assert kinds(panel) == ["wiped_with_owner"]


async def test_installing_without_an_owner_or_over_a_change_of_owner_is_an_incident(panel: Visit) -> None:
    await install(panel)
    panel.simulation.panel.admin.set_owner(3, OWNER)
    panel.clock.advance(900)
    assert await status(panel) == "ok"
    assert kinds(panel) == ["installed_without_owner", "installed_over_owner_change"]


async def test_handing_over_a_disk_with_anothers_data_is_an_incident(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.write_tenant_data(3, "photos")
    await panel.post("server/3/owner", owner=None)
    await sold(panel, email="next@example.com")
    assert kinds(panel) == ["handed_over_unwiped"]


async def test_giving_a_server_back_to_the_same_client_is_no_incident(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.write_tenant_data(3, "photos")
    await panel.post("server/3/owner", owner=None)
    await sold(panel)
    assert kinds(panel) == []


async def test_what_tenants_write_adds_up(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.write_tenant_data(3, "photos")
    panel.simulation.panel.write_tenant_data(3, "letters")
    assert panel.simulation.panel.servers[3].disk.content == "photos; letters"
