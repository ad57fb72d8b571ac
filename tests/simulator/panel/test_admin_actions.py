import pytest

from simulator.panel.errors import ApiError
from tests.simulator.visit import Visit


async def test_a_user_may_be_given_a_server_by_hand(panel: Visit) -> None:
    panel.simulation.panel.admin.set_owner(1, "new@example.com")
    assert (await panel.get("server/1"))["owner_email"] == "new@example.com"
    panel.simulation.panel.admin.set_owner(1, None)
    assert (await panel.get("server/1"))["owner_email"] is None


async def test_a_removed_server_is_gone_and_its_address_is_free(panel: Visit) -> None:
    pool = panel.simulation.panel.pool("public-v4")
    used = pool.used
    panel.simulation.panel.admin.remove_server(3)
    assert (await panel.refused("GET", "server/3", None, 404))[0] == 3080
    assert pool.used == used - 1
    assert (await panel.get("server"))["size"] == 11


async def test_a_server_removed_during_diagnostics_does_not_come_back(panel: Visit) -> None:
    await panel.post("server/1/diag", clear_disks=True)
    panel.simulation.panel.admin.remove_server(1)
    panel.clock.advance(1200)
    assert (await panel.get("server"))["size"] == 11
    assert panel.simulation.panel.pool("deallocation").used == 0


async def test_swapped_hardware_shows_another_serial_and_other_macs(panel: Visit) -> None:
    before = await panel.get("server/1")
    panel.simulation.panel.admin.swap_hardware(1)
    after = await panel.get("server/1")
    assert after["serial"] != before["serial"]
    assert not set(after["macs"]) & set(before["macs"])
    assert [port["mac"] for port in after["switch_connection"]] == after["macs"]


async def test_an_administrator_switches_ports_and_operations_by_hand(panel: Visit) -> None:
    hand = panel.simulation.panel.admin
    hand.switch_port(1, "down")
    assert [port.admin_up for port in panel.simulation.panel.servers[1].ports] == [False, False, True]
    hand.start_operation(1, clear_disks=True)
    assert (await panel.get("server/1"))["operation"]["status"] == "queued"
    hand.end_operation(1)
    assert (await panel.get("server/1"))["operation"]["status"] == "canceled"
    hand.start_operation(3, "os_install", template="Debian-12-x86_64")
    assert (await panel.get("server/3"))["operation"]["type"] == "os_install"
    with pytest.raises(ApiError, match="there is no BeOS"):
        hand.start_operation(6, "os_install", template="BeOS")
    with pytest.raises(ApiError, match="server 99"):
        hand.protect(99)
