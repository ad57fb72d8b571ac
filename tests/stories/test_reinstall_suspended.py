"""A service whose reinstallation has failed is cut off and let back in by its ports, and is no nearer to another OS."""

import pytest

from flows.activate import activate
from flows.reinstall import reinstall
from flows.suspend import suspend
from flows.unsuspend import unsuspend
from ledger.states import State
from runtime.errors import InstallationFailed
from tests.harness import Harness
from tests.stories.anew import HOST, UBUNTU, ask, disk
from tests.stories.scenario import activated, one_line, sent


async def failed(harness: Harness, **order: object) -> tuple[int, int]:
    """A service in use, whose server was installed over in vain."""
    service_id, server = await activated(harness, hostname=HOST, **order)
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    harness.clock.simulated.advance(600)
    return service_id, server.id


def are_on(harness: Harness, server_id: int) -> set[bool]:
    harness.panel.settle()
    return {port.admin_up for port in harness.panel.server(server_id).network_ports}


async def test_it_is_suspended_and_comes_back_and_is_reinstalled_then(harness: Harness) -> None:
    service_id, server_id = await failed(harness)
    await harness.run(suspend, service_id, requested_by="cron")
    harness.billed(service_id).status = "Suspended"
    assert are_on(harness, server_id) == {False}
    assert (await harness.service(service_id)).state is State.INSTALLING
    installs = len(sent(harness, "os_install"))
    assert "is Suspended in WHMCS by now" in await one_line(harness.run(reinstall, service_id, requested_by="admin"))
    assert len(sent(harness, "os_install")) == installs

    harness.clock.simulated.advance(600)
    await harness.run(unsuspend, service_id, requested_by="cron")
    harness.billed(service_id).status = "Active"
    assert are_on(harness, server_id) == {True}
    assert (await harness.service(service_id)).state is State.INSTALLING
    await harness.run(reinstall, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


async def test_its_power_stays_on_even_where_its_product_has_it_off(harness: Harness) -> None:
    service_id, server_id = await failed(harness, suspension_mode="ports-and-power")
    await harness.run(suspend, service_id, requested_by="cron")
    assert are_on(harness, server_id) == {False}
    service = await harness.service(service_id)
    assert service.state is State.INSTALLING
    assert service.claim is not None
    assert service.claim.powered_off_at is None
    assert sent(harness, "power_off") == []


async def test_its_products_grace_is_kept(harness: Harness) -> None:
    service_id, server_id = await failed(harness, suspension_grace_hours=12)
    await harness.run(suspend, service_id, requested_by="cron")
    assert are_on(harness, server_id) == {True}
    service = await harness.service(service_id)
    assert service.state is State.INSTALLING
    assert service.claim is not None
    assert service.claim.suspends_at is not None


@pytest.mark.parametrize("flow", [suspend, unsuspend])
async def test_an_activation_that_failed_is_neither_suspended_nor_brought_back(harness: Harness, flow: object) -> None:
    service_id = harness.buy()
    harness.panel.hang_next("os_install")
    with pytest.raises(InstallationFailed):
        await harness.run(activate, service_id, order=harness.order())
    writes = len(harness.panel.writes())
    assert f"Service {service_id} is INSTALLING" in await one_line(harness.run(flow, service_id))
    assert len(harness.panel.writes()) == writes
    assert (await harness.service(service_id)).state is State.INSTALLING
