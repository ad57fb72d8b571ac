from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from tests.harness import Harness


async def test_a_service_is_activated_suspended_reactivated_and_deleted(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(ipv4_count=2))
    server = await harness.server(service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert harness.billed(service_id).status == "Active"
    assert len(harness.billed(service_id).assigned_ips.split()) == 2
    harness.panel.write_tenant_data(server.id, "the client's photographs")

    await harness.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)
    await harness.run(unsuspend, service_id)
    assert all(port.admin_up for port in server.network_ports)

    await harness.run(terminate, service_id)
    assert server.disk.is_clear
    assert server.owner_id is None
    assert (await harness.service(service_id)).state is State.RELEASED
    assert (await harness.service(service_id)).claim is None
    assert harness.panel.incidents == []
