from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness
from tests.stories.scenario import activated, only_fit, sent, written

STALE_AND_CUT_OFF = 6
"""A server with an old address, its ports down and its power off."""


async def test_an_activation_does_the_manuals_ten_steps_in_order(harness: Harness) -> None:
    server = only_fit(harness, STALE_AND_CUT_OFF)
    old = server.addresses[0]
    harness.faults.admin_acts_after("power_on", 1, lambda: harness.panel.admin.start_operation(server.id))
    service_id = harness.buy()

    await harness.run(activate, service_id, order=harness.order(ipv4_count=2))

    assert written(harness) == [
        "user_create",
        "owner_set",
        "port_on",
        "power_on",
        "operation_end",
        "address_remove",
        "address_add",
        "os_install",
    ]
    assert harness.panel.owner_of(server.id) == harness.client.email
    assert all(port.admin_up for port in server.network_ports)
    assert harness.panel.power_of(server.id) == "on"
    assert old not in server.addresses
    assert len(server.addresses) == 2
    assert [operation.status for operation in server.operations][-2:] == ["canceled", "finished"]
    assert server.disk.content == f"os Debian-12-x86_64 for {harness.client.email}"
    assert harness.panel.incidents == []


async def test_a_slow_panel_is_waited_for_at_every_step(make_harness: HarnessMaker) -> None:
    slow = {"power_seconds": 30.0, "port_seconds": 12.0, "address_seconds": 17.0}
    harness = make_harness(QUICK.model_copy(update=slow))
    server = only_fit(harness, STALE_AND_CUT_OFF)
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(ipv4_count=2))
    assert [address.status for address in server.addresses] == ["allocated", "allocated"]
    assert all(port.admin_up for port in server.network_ports)
    await harness.run(terminate, service_id)
    assert server.addresses == []
    assert server.disk.is_clear
    assert {call.status for call in harness.panel.writes()} == {200}


async def test_an_activation_leaves_alone_what_is_right_already(harness: Harness) -> None:
    server = only_fit(harness, 5)
    harness.panel.admin.power(server.id, "on")
    await harness.run(activate, harness.buy(), order=harness.order())
    assert written(harness) == ["user_create", "owner_set", "address_add", "os_install"]


async def test_a_user_whom_the_panel_knows_is_not_made_again(harness: Harness) -> None:
    known = harness.panel.users.create(harness.client.email, password="known-before")
    harness.client.email = "Anna+DC@example.com"
    _, server = await activated(harness)
    assert server.owner_id == known.id
    assert sent(harness, "user_create") == []


async def test_a_user_whose_email_only_looks_alike_is_not_the_client(harness: Harness) -> None:
    other = harness.panel.users.create("anna@example.com", password="known-before")
    _, server = await activated(harness)
    assert server.owner_id not in (None, other.id)


async def test_a_deletion_does_the_manuals_six_steps_in_order(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.write_tenant_data(server.id, "the client's photographs")
    harness.panel.admin.switch_port(server.id, "down")
    harness.panel.admin.power(server.id, "off")
    harness.faults.admin_acts_after("power_on", 1, lambda: harness.panel.admin.start_operation(server.id))
    before = len(harness.panel.writes())

    await harness.run(terminate, service_id)

    assert written(harness, before) == [
        "port_on",
        "power_on",
        "operation_end",
        "address_remove",
        "owner_clear",
        "diagnostics",
    ]
    assert [call.body for call in sent(harness, "diagnostics")] == [{"clear_disks": True}]
    assert server.disk.is_clear
    assert server.addresses == []
    assert harness.panel.incidents == []


async def test_suspension_and_reactivation_touch_nothing_but_ports(harness: Harness) -> None:
    service_id, server = await activated(harness)
    bmc = next(port for port in server.ports if port.is_bmc)
    before = len(harness.panel.writes())

    await harness.run(suspend, service_id)
    assert written(harness, before) == ["port_off"]
    assert not any(port.admin_up for port in server.network_ports)
    assert bmc.admin_up

    before = len(harness.panel.writes())
    await harness.run(unsuspend, service_id)
    assert written(harness, before) == ["port_on"]
    assert all(port.admin_up for port in server.network_ports)
    assert harness.panel.incidents == []


async def test_a_suspension_asked_for_again_switches_off_what_a_hand_switched_on(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    harness.panel.admin.switch_port(server.id, "up")
    await harness.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_server_in_the_ordered_location_is_taken(harness: Harness) -> None:
    vilnius = harness.panel.server(4).location_id
    for _ in range(3):
        _, server = await activated(harness, location_id=vilnius)
        assert server.location_id == vilnius
