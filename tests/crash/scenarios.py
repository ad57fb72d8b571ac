"""The lifecycles that a driver dies in, and how a harness is brought to where each begins."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from unittest.mock import patch

from prefect import Flow

from flows.activate import activate
from flows.change_addresses import change_addresses
from flows.change_order import change_order
from flows.reinstall import reinstall
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger import permits
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Permit, Service
from ledger.states import State
from runtime.errors import InstallationFailed
from runtime.heartbeat import STALLED_AFTER
from tasks import wipe_delay
from tests.crash.crash_points import Process, ProcessDied
from tests.crash.world import ADDRESSES, NAMED, order, servers_of_the_client
from tests.harness import Harness

Begin = Callable[[Harness], Awaitable[int]]


class Recovery(StrEnum):
    """What finishes the work after a death or a lost commit."""

    RETRY = "the same run again"
    OTHER = "another run after the silence"
    ITSELF = "itself, after a lost commit"


@dataclass(frozen=True)
class Scenario:
    """A lifecycle: where it begins, its flows, and the states that it may end in."""

    name: str
    begin: Begin
    """Brings the harness to the lifecycle's start; returns the service."""
    flows: "tuple[Flow[..., Any], ...]"
    ends_in: frozenset[State | None]
    """None: the ledger does not know the service."""
    recoveries: tuple[Recovery, ...] = tuple(Recovery)
    then: "tuple[Flow[..., Any], ...]" = ()
    """The flows that run in place of those that the death left undone."""
    order: dict[str, Any] = field(default_factory=dict)
    addresses: int = ADDRESSES
    """So many the server has at the end, and at no moment more than that or ADDRESSES."""
    gives_back: bool = False
    """Whether the second address goes back, which its asker names."""
    reinstall: dict[str, Any] = field(default_factory=dict)
    """What a reinstallation is asked for with."""
    by_hand: Callable[[Harness], AbstractContextManager[None]] = lambda harness: nullcontext()
    """What an administrator does meanwhile."""
    gets: int | None = None
    """The server that the service has at the end; None: any."""
    cuts_power: bool = False
    """Whether the product's suspensions switch the power off, too."""
    held_because: HoldReason | None = None
    """The only reason for HELD with which the scenario may end."""
    pause_seconds: float = 0.0
    """So long after a death the same run is executed again."""

    def asks(self, harness: Harness, flow: "Flow[..., Any]") -> dict[str, Any]:
        """What the flow is run with besides the service and the panel."""
        if flow is reinstall:
            return self.reinstall
        if flow is change_addresses:
            return {"ipv4_count": self.addresses, "give_back": NAMED[harness] if self.gives_back else ""}
        if flow is change_order:
            return {"order": order(harness, ipv4_count=self.addresses, **self.order)}
        return {"order": order(harness, **self.order)} if flow is activate else {}

    def accepts(self, error: Exception, service: Service | None, *, interrupted: bool) -> bool:
        """Whether a run may end with that. `interrupted`: a driver has died, or has lost a commit."""
        return self.held_because is not None and service is not None and service.state is State.HELD


async def _ordered(harness: Harness) -> int:
    """A new order, of a service without a password; by hand, something is started on its server as soon as it is on."""
    service_id = harness.buy()
    harness.billed(service_id).password = ""

    def start_something() -> None:
        for server in servers_of_the_client(harness):
            harness.panel.admin.start_operation(server.id)

    harness.faults.admin_acts_after("power_on", 1, start_something)
    return service_id


async def _active(harness: Harness, **changes: Any) -> int:
    service_id = harness.buy()
    await Process(harness).run(activate, service_id, "first activation", order=order(harness, **changes))
    harness.panel.write_tenant_data((await harness.server(service_id)).id, "the client's photographs")
    return service_id


async def _reinstallation_failed(harness: Harness) -> int:
    service_id = await _active(harness)
    harness.panel.hang_next("os_install")
    try:
        await Process(harness).run(reinstall, service_id, "first reinstallation", **ANEW)
    except InstallationFailed:
        return service_id
    raise AssertionError("the reinstallation was to run into its time-out")


async def _of_a_kept_product(harness: Harness) -> int:
    """Its product has a wipe delay."""
    return await _active(harness, wipe_delay_hours=1)


async def _active_with_power_mode(harness: Harness) -> int:
    return await _active(harness, suspension_mode="ports-and-power")


async def _active_with_grace(harness: Harness) -> int:
    return await _active(harness, suspension_grace_hours=1)


async def _switched_off(harness: Harness) -> int:
    service_id = await _active_with_power_mode(harness)
    await Process(harness).run(suspend, service_id, "first suspension")
    return service_id


async def _suspended(harness: Harness) -> int:
    service_id = await _active(harness)
    await Process(harness).run(suspend, service_id, "first suspension")
    return service_id


async def _run_down(harness: Harness) -> int:
    """A server that was suspended, switched off, and is being looked at by hand: its deletion has every write."""
    service_id = await _suspended(harness)
    server = await harness.server(service_id)
    harness.panel.admin.power(server.id, "off")
    harness.panel.admin.start_operation(server.id)
    return service_id


async def _released(harness: Harness) -> int:
    """No server but the one that the service had before is left for it, switched off and with its ports down."""
    service_id = await _active(harness)
    server = await harness.server(service_id)
    await Process(harness).run(terminate, service_id, "first deletion")
    harness.panel.admin.power(server.id, "off")
    harness.panel.admin.switch_port(server.id, "down")
    for other in set(harness.panel.servers) - {server.id}:
        harness.panel.admin.protect(other)
    return service_id


async def _timed_out(harness: Harness) -> int:
    service_id = harness.buy()
    harness.panel.hang_next("os_install")
    try:
        wanted = order(harness, os_install_timeout_minutes=1)
        await Process(harness).run(activate, service_id, "first activation", order=wanted)
    except InstallationFailed:
        return service_id
    raise AssertionError("the installation was to run into its time-out")


async def _half_made(harness: Harness) -> int:
    """An activation that died when the panel had taken its installation on, which goes on for ever."""
    service_id = harness.buy()
    harness.panel.hang_next("os_install")
    process = Process(harness)
    harness.faults.admin_acts_after("os_install", 1, process.die)
    try:
        await process.run(activate, service_id, "first activation", order=order(harness))
    except ProcessDied:
        pass
    harness.clock.simulated.advance(STALLED_AFTER.total_seconds() + 1)
    return service_id


def _give_number_to_another(harness: Harness) -> None:
    """WHMCS is restored from a dump, and the only service's number is another client's."""
    [number] = harness.whmcs.services
    other = harness.whmcs.add_client("other@example.com", "Bob", "Liepa")
    harness.whmcs.give_out_again(number, other.id, harness.product.id, "other.example.com")


async def _given_out_again(harness: Harness) -> int:
    service_id = await _active(harness)
    _give_number_to_another(harness)
    return service_id


@contextmanager
def _given_out_before_the_permit(harness: Harness) -> Iterator[None]:
    """WHMCS gives the number to another client while the owner is taken off the server."""
    harness.faults.admin_acts_before("owner_clear", 1, lambda: _give_number_to_another(harness))
    yield


@contextmanager
def _sold_once_permitted(harness: Harness) -> Iterator[None]:
    """Somebody gives the server to another client right after its wipe was permitted."""
    write = permits.write

    async def written(*args: Any, **kwargs: Any) -> Permit:
        permit = await write(*args, **kwargs)
        harness.panel.admin.set_owner(permit.server_id, "other@example.com")
        return permit

    with patch.object(permits, "write", written):
        yield


ANEW = {"os_template": "Debian-12-x86_64", "hostname_typed": "web1.example.com"}


async def _with_names(harness: Harness) -> int:
    """An active service with two addresses more, whose second one is to go back: neither the first nor the last."""
    service_id = await _active(harness)
    await Process(harness).run(change_addresses, service_id, "first change", ipv4_count=ADDRESSES + 2)
    NAMED[harness] = (await harness.server(service_id)).addresses[1].address
    return service_id


DELIVERED = frozenset[State | None]({State.ACTIVE})
GIVEN_BACK = frozenset[State | None]({State.RELEASED})

RETRY = (Recovery.RETRY,)
"""For scenarios that differ from another only in their start or in manual actions: that one tries every recovery."""

SCENARIOS = [
    Scenario("activate", _ordered, (activate,), DELIVERED),
    Scenario("activate, not waiting", _ordered, (activate, watch_os_install), DELIVERED, order={"wait_for_os": False}),
    Scenario("activate a RELEASED service", _released, (activate,), DELIVERED, RETRY),
    Scenario(
        "activate after a time-out", _timed_out, (activate,), DELIVERED, RETRY, order={"os_install_timeout_minutes": 1}
    ),
    Scenario("reinstall", _active, (reinstall,), DELIVERED, reinstall=ANEW),
    Scenario("reinstall after a time-out", _reinstallation_failed, (reinstall,), DELIVERED, RETRY),
    Scenario("suspend", _active, (suspend,), frozenset({State.SUSPENDED})),
    Scenario("change addresses, more", _active, (change_addresses,), DELIVERED, addresses=ADDRESSES + 2),
    Scenario(
        "change addresses, fewer", _with_names, (change_addresses,), DELIVERED, addresses=ADDRESSES + 1, gives_back=True
    ),
    Scenario(
        "change order",
        _active,
        (change_order,),
        DELIVERED,
        addresses=ADDRESSES + 2,
        order={"os_template": "Ubuntu-24.04-x86_64"},
    ),
    Scenario("unsuspend", _suspended, (unsuspend,), DELIVERED),
    Scenario(
        "suspend with its power",
        _active_with_power_mode,
        (suspend,),
        frozenset({State.SUSPENDED}),
        cuts_power=True,
    ),
    Scenario("unsuspend with its power", _switched_off, (unsuspend,), DELIVERED, cuts_power=True),
    Scenario(
        "suspend with its power, then unsuspend",
        _active_with_power_mode,
        (suspend,),
        DELIVERED,
        (Recovery.OTHER,),
        then=(unsuspend,),
        cuts_power=True,
    ),
    Scenario("suspend after a grace", _active_with_grace, (suspend,), DELIVERED),
    Scenario("terminate", _run_down, (terminate,), GIVEN_BACK),
    Scenario(
        "terminate after a wipe delay",
        _of_a_kept_product,
        (terminate,),
        GIVEN_BACK,
        RETRY,
        by_hand=lambda harness: patch.object(wipe_delay, "LOOK_SECONDS", 1800.0),
    ),
    Scenario("terminate a half-made activation", _half_made, (terminate,), GIVEN_BACK),
    Scenario(
        "activate, then terminate",
        _ordered,
        (activate,),
        frozenset({State.RELEASED, State.NEW, None}),
        (Recovery.OTHER,),
        then=(terminate,),
    ),
    Scenario(
        "terminate, sold by hand meanwhile",
        _run_down,
        (terminate,),
        frozenset({State.HELD}),
        (Recovery.RETRY, Recovery.ITSELF),
        by_hand=_sold_once_permitted,
        held_because=HoldReason.OWNER_CHANGED,
    ),
    Scenario(
        "terminate a number given out again",
        _given_out_again,
        (terminate,),
        frozenset({State.HELD}),
        RETRY,
        held_because=HoldReason.CLIENT_CHANGED,
    ),
    Scenario(
        "terminate, the number given out again meanwhile",
        _run_down,
        (terminate,),
        frozenset({State.HELD}),
        RETRY,
        by_hand=_given_out_before_the_permit,
        held_because=HoldReason.CLIENT_CHANGED,
    ),
]
