from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from tests.conftest import StageMaker
from tests.flows.play import activated, only_fit, sent, written
from tests.stage import QUICK, Stage

STALE_AND_CUT_OFF = 6
"""A server with an old address, its ports down and its power off."""


async def test_an_activation_does_the_manuals_ten_steps_in_order(stage: Stage) -> None:
    server = only_fit(stage, STALE_AND_CUT_OFF)
    old = server.addresses[0]
    stage.faults.admin_acts_after("power_on", 1, lambda: stage.panel.by_hand.start_operation(server.id))
    service_id = stage.buy()

    await stage.run(activate, service_id, order=stage.order(ipv4_count=2))

    assert written(stage) == [
        "user_create",
        "owner_set",
        "port_on",
        "power_on",
        "operation_end",
        "address_remove",
        "address_add",
        "os_install",
    ]
    assert stage.panel.owner_of(server.id) == stage.client.email
    assert all(port.admin_up for port in server.network_ports)
    assert stage.panel.power_of(server.id) == "on"
    assert old not in server.addresses
    assert len(server.addresses) == 2
    assert [operation.status for operation in server.operations][-2:] == ["canceled", "finished"]
    assert server.disk.content == f"os Debian-12-x86_64 for {stage.client.email}"
    assert stage.panel.incidents == []


async def test_a_slow_panel_is_waited_for_at_every_step(make_stage: StageMaker) -> None:
    slow = {"power_seconds": 30.0, "port_seconds": 12.0, "address_seconds": 17.0}
    stage = make_stage(QUICK.model_copy(update=slow))
    server = only_fit(stage, STALE_AND_CUT_OFF)
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(ipv4_count=2))
    assert [address.status for address in server.addresses] == ["allocated", "allocated"]
    assert all(port.admin_up for port in server.network_ports)
    await stage.run(terminate, service_id)
    assert server.addresses == []
    assert server.disk.is_clear
    assert {call.status for call in stage.panel.writes()} == {200}


async def test_an_activation_leaves_alone_what_is_right_already(stage: Stage) -> None:
    server = only_fit(stage, 5)
    stage.panel.by_hand.power(server.id, "on")
    await stage.run(activate, stage.buy(), order=stage.order())
    assert written(stage) == ["user_create", "owner_set", "address_add", "os_install"]


async def test_a_user_whom_the_panel_knows_is_not_made_again(stage: Stage) -> None:
    known = stage.panel.users.create(stage.client.email, password="known-before")
    stage.client.email = "Anna+DC@example.com"
    _, server = await activated(stage)
    assert server.owner_id == known.id
    assert sent(stage, "user_create") == []


async def test_a_user_whose_email_only_looks_alike_is_not_the_client(stage: Stage) -> None:
    other = stage.panel.users.create("anna@example.com", password="known-before")
    _, server = await activated(stage)
    assert server.owner_id not in (None, other.id)


async def test_a_deletion_does_the_manuals_six_steps_in_order(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.write_tenant_data(server.id, "the client's photographs")
    stage.panel.by_hand.switch_port(server.id, "down")
    stage.panel.by_hand.power(server.id, "off")
    stage.faults.admin_acts_after("power_on", 1, lambda: stage.panel.by_hand.start_operation(server.id))
    before = len(stage.panel.writes())

    await stage.run(terminate, service_id)

    assert written(stage, before) == [
        "port_on",
        "power_on",
        "operation_end",
        "address_remove",
        "owner_clear",
        "diagnostics",
    ]
    assert [call.body for call in sent(stage, "diagnostics")] == [{"clear_disks": True}]
    assert server.disk.is_clear
    assert server.addresses == []
    assert stage.panel.incidents == []


async def test_suspension_and_reactivation_touch_nothing_but_ports(stage: Stage) -> None:
    service_id, server = await activated(stage)
    bmc = next(port for port in server.ports if port.is_bmc)
    before = len(stage.panel.writes())

    await stage.run(suspend, service_id)
    assert written(stage, before) == ["port_off"]
    assert not any(port.admin_up for port in server.network_ports)
    assert bmc.admin_up

    before = len(stage.panel.writes())
    await stage.run(unsuspend, service_id)
    assert written(stage, before) == ["port_on"]
    assert all(port.admin_up for port in server.network_ports)
    assert stage.panel.incidents == []


async def test_a_suspension_asked_for_again_switches_off_what_a_hand_switched_on(stage: Stage) -> None:
    service_id, server = await activated(stage)
    await stage.run(suspend, service_id)
    stage.panel.by_hand.switch_port(server.id, "up")
    await stage.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_server_in_the_ordered_location_is_taken(stage: Stage) -> None:
    vilnius = stage.panel.server(4).location_id
    for _ in range(3):
        _, server = await activated(stage, location_id=vilnius)
        assert server.location_id == vilnius
