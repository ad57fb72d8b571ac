from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.lifecycle import State
from tests.stage import Stage


async def test_a_service_is_activated_suspended_reactivated_and_deleted(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(ipv4_count=2))
    server = await stage.server(service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert stage.billed(service_id).status == "Active"
    assert len(stage.billed(service_id).assigned_ips.split()) == 2
    stage.panel.write_tenant_data(server.id, "the client's photographs")

    await stage.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)
    await stage.run(unsuspend, service_id)
    assert all(port.admin_up for port in server.network_ports)

    await stage.run(terminate, service_id)
    assert server.disk.is_clear
    assert server.owner_id is None
    assert (await stage.service(service_id)).state is State.RELEASED
    assert (await stage.service(service_id)).claim is None
    assert stage.panel.incidents == []
