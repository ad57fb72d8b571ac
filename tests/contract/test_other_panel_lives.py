"""Services live on a panel that is not our simulator, through an endpoints file alone."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.hold_reasons import HoldReason
from ledger.states import State
from runtime.errors import Held, InstallationFailed
from tests.contract.other_panel import operations
from tests.contract.other_panel.harness import OtherHarness
from tests.contract.other_panel.state import Machine, Operation
from tests.contract.other_panel.stock import CLIENTS, EPYC, IMAGE, NARVA, RYZEN
from tests.harness import open_ledger, trust_panel
from tests.stories.scenario import promised


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[OtherHarness]:
    ledger = await open_ledger(tmp_path)
    harness = OtherHarness(ledger)
    await trust_panel(ledger, harness.dialect)
    opened = harness.connect()
    yield harness
    await opened.aclose()
    await ledger.dispose()


def network_ports(machine: Machine) -> list[bool]:
    return [port.enabled for port in machine.interfaces if not port.bmc]


async def activated(other: OtherHarness, **order: object) -> tuple[int, Machine]:
    service_id = other.buy()
    await other.run(activate, service_id, order=other.order(**order))
    assert (await other.service(service_id)).state is State.ACTIVE
    return service_id, await other.machine(service_id)


async def live(other: OtherHarness) -> Machine:
    """A whole life of one service on the panel; the server that it had."""
    service_id, machine = await activated(other, ipv4_count=2)
    owner = other.other.world.account(machine.account_id or 0)
    assert (owner.email, owner.role) == (other.client.email, "@user")
    assert machine.powered
    assert machine.disk == IMAGE
    assert [(given.pool_id, given.status) for given in machine.addresses] == [(CLIENTS, "used")] * 2
    assert other.billed(service_id).status == "Active"
    assert sorted(other.billed(service_id).assigned_ips.split()) == sorted(
        given.address for given in machine.addresses
    )  # fmt: skip
    machine.disk = "the client's photographs"

    await other.run(suspend, service_id)
    assert not any(network_ports(machine))
    assert all(port.enabled for port in machine.interfaces if port.bmc)
    await other.run(unsuspend, service_id)
    assert all(network_ports(machine))
    assert machine.disk == "the client's photographs"

    await other.run(terminate, service_id)
    assert (await other.service(service_id)).state is State.RELEASED
    assert (await other.service(service_id)).claim is None
    assert other.other.world.alarms == []
    return machine


def is_clear(machine: Machine) -> bool:
    """The last thing done to the server was an erasure that ended well, without an owner; nothing of it is left."""
    last = machine.deeds[-1]
    return (
        (last.what, last.account_id, machine.disk, machine.account_id) == ("erased", None, None, None)
        and machine.operation is not None
        and (machine.operation.id, machine.operation.status) == (last.operation_id, "ok")
    )


async def test_a_service_is_activated_suspended_reactivated_and_deleted(other: OtherHarness) -> None:
    machine = await live(other)
    assert is_clear(machine)
    assert machine.addresses == []


async def test_a_returned_server_is_given_out_again(other: OtherHarness) -> None:
    for machine in list(other.other.world.machines.values()):
        if machine.configuration == EPYC and machine.id != 502:
            machine.configuration = RYZEN
    first = await live(other)
    service_id, second = await activated(other)
    assert second is first
    assert (await other.service(service_id)).claim is not None


async def test_the_location_of_the_order_is_kept(other: OtherHarness) -> None:
    _, machine = await activated(other, location_id=NARVA)
    assert (machine.id, machine.image_id) == (503, 3)


async def test_a_session_that_ends_between_two_actions_is_renewed(other: OtherHarness) -> None:
    service_id, machine = await activated(other)
    other.other.end_sessions()
    await other.run(suspend, service_id)
    assert not any(network_ports(machine))


async def test_an_installation_that_takes_too_long_is_ended_and_begun_again(other: OtherHarness) -> None:
    service_id = other.buy()
    with pytest.raises(InstallationFailed):
        await other.run(activate, service_id, order=other.order(os_install_timeout_minutes=10))
    machine = await other.machine(service_id)
    assert machine.operation is not None
    assert machine.operation.status == "canceled"
    await other.run(activate, service_id, order=other.order(os_install_timeout_minutes=40))
    assert (await other.service(service_id)).state is State.ACTIVE
    assert machine.disk == IMAGE


def when(other: OtherHarness, deed: str, act: Callable[[Operation], None]) -> None:
    """Let somebody act on the panel at the moment at which something is done to a server."""
    world, remember = other.other.world, other.other.world.remember

    def remembered(machine: Machine, what: str, operation: Operation | None = None) -> None:
        remember(machine, what, operation)
        if what == deed and operation is not None:
            act(operation)

    world.remember = remembered  # type: ignore[method-assign]


async def test_an_installation_that_breaks_is_not_taken_for_a_good_one(other: OtherHarness) -> None:
    when(other, "installation begun", lambda operation: setattr(operation, "status", "broken"))
    service_id = other.buy()
    with pytest.raises(InstallationFailed, match="broken"):
        await other.run(activate, service_id, order=other.order())
    assert (await other.service(service_id)).state is State.INSTALLING


async def test_a_wipe_that_somebody_cancels_returns_no_server(other: OtherHarness) -> None:
    service_id, machine = await activated(other)
    when(other, "diagnostics begun", lambda operation: operations.cancel(other.other.world, str(operation.id)))
    with pytest.raises(Held, match="canceled"):
        await other.run(terminate, service_id)
    assert (await other.service(service_id)).held_reason == HoldReason.WIPE_UNPROVEN
    assert machine.disk == IMAGE
    assert other.other.world.alarms == []


async def test_a_word_that_the_file_does_not_have_proves_no_wipe(other: OtherHarness) -> None:
    service_id, machine = await activated(other)
    when(other, "erased", lambda operation: setattr(operation, "status", "all good"))
    with pytest.raises(Held, match="all good"):
        await other.run(terminate, service_id)
    assert machine.id in await promised(other)
