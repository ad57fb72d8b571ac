"""The lifecycles that a driver dies in, and how a stage is brought to where each begins."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from unittest.mock import patch

from prefect import Flow

from flows.activate import activate
from flows.lifecycle import SILENT_AFTER
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger import permits
from ledger.lifecycle import State
from ledger.orders import Order
from ledger.snapshots import Permit
from simulator.profile import XEON, Batch
from simulator.things import SimServer
from tasks import wipe_delay
from tasks.outcomes import InstallationFailed, Reason
from tests.crash.points import Died, Process
from tests.stage import QUICK, Stage

ADDRESSES = 2

FLEET = QUICK.model_copy(
    update={
        "fleet": (Batch(configuration=XEON, location="Riga", servers=3),),
        "stale_address_every": 1,
        "ports_down_every": 1,
    }
)
"""Equal servers, each with an old address and its ports down, so that whichever is taken has every write to it."""

NEIGHBOUR = 1
"""A server of somebody else: nothing that happens here may touch it."""

Begin = Callable[[Stage], Awaitable[int]]


class Comeback(StrEnum):
    """Who comes after the death, or goes on."""

    RETRY = "the same run again"
    OTHER = "another run after the silence"
    ITSELF = "itself, after a lost commit"


@dataclass(frozen=True)
class Life:
    """A lifecycle: where it begins, its flows, and the states that it may end in."""

    name: str
    begin: Begin
    """Brings the stage to the lifecycle's start; returns the service."""
    flows: "tuple[Flow[..., Any], ...]"
    ends_in: frozenset[State | None]
    """None: the ledger does not know the service."""
    comebacks: tuple[Comeback, ...] = tuple(Comeback)
    then: "tuple[Flow[..., Any], ...]" = ()
    """What comes in place of the flows that the death left undone."""
    order: dict[str, Any] = field(default_factory=dict)
    by_hand: Callable[[Stage], AbstractContextManager[None]] = lambda stage: nullcontext()
    """What an administrator does meanwhile."""
    held_because: Reason | None = None
    """The one reason for which this life has to end HELD."""

    def asks(self, stage: Stage, flow: "Flow[..., Any]") -> dict[str, Any]:
        """What the flow is run with besides the service and the panel."""
        return {"order": order(stage, **self.order)} if flow is activate else {}


def order(stage: Stage, **changes: Any) -> Order:
    """What the client ordered."""
    return stage.order(ipv4_count=ADDRESSES, hostname="web1.example.com", **changes)


def open_stage(stage: Stage) -> Stage:
    """The data centre before anything happens: a neighbour, and free servers that are switched off."""
    stage.panel.by_hand.set_owner(NEIGHBOUR, "neighbour@example.com")
    stage.panel.write_tenant_data(NEIGHBOUR, "the neighbour's photographs")
    for server in stage.panel.servers.values():
        stage.panel.by_hand.power(server.id, "on" if server.id == NEIGHBOUR else "off")
    return stage


def servers_of_the_client(stage: Stage) -> list[SimServer]:
    """The servers that the panel says are the client's."""
    return [server for server in stage.panel.servers.values() if stage.panel.owner_of(server.id) == stage.client.email]


async def _ordered(stage: Stage) -> int:
    """A new order, of a service without a password; by hand, something is started on its server as soon as it is on."""
    service_id = stage.buy()
    stage.billed(service_id).password = ""

    def start_something() -> None:
        for server in servers_of_the_client(stage):
            stage.panel.by_hand.start_operation(server.id)

    stage.faults.admin_acts_after("power_on", 1, start_something)
    return service_id


async def _active(stage: Stage) -> int:
    service_id = stage.buy()
    await Process(stage).run(activate, service_id, "first activation", order=order(stage))
    stage.panel.write_tenant_data((await stage.server(service_id)).id, "the client's photographs")
    return service_id


async def _of_a_kept_product(stage: Stage) -> int:
    """Its product has a wipe delay."""
    service_id = stage.buy()
    await Process(stage).run(activate, service_id, "first activation", order=order(stage, wipe_delay_hours=1))
    stage.panel.write_tenant_data((await stage.server(service_id)).id, "the client's photographs")
    return service_id


async def _suspended(stage: Stage) -> int:
    service_id = await _active(stage)
    await Process(stage).run(suspend, service_id, "first suspension")
    return service_id


async def _run_down(stage: Stage) -> int:
    """A server that was suspended, switched off, and is being looked at by hand: its deletion has every write."""
    service_id = await _suspended(stage)
    server = await stage.server(service_id)
    stage.panel.by_hand.power(server.id, "off")
    stage.panel.by_hand.start_operation(server.id)
    return service_id


async def _released(stage: Stage) -> int:
    """No server but the one that the service had before is left for it, switched off and with its ports down."""
    service_id = await _active(stage)
    server = await stage.server(service_id)
    await Process(stage).run(terminate, service_id, "first deletion")
    stage.panel.by_hand.power(server.id, "off")
    stage.panel.by_hand.switch_port(server.id, "down")
    for other in set(stage.panel.servers) - {server.id}:
        stage.panel.by_hand.protect(other)
    return service_id


async def _timed_out(stage: Stage) -> int:
    service_id = stage.buy()
    stage.panel.hang_next("os_install")
    try:
        wanted = order(stage, os_install_timeout_minutes=1)
        await Process(stage).run(activate, service_id, "first activation", order=wanted)
    except InstallationFailed:
        return service_id
    raise AssertionError("the installation was to run into its time-out")


async def _half_made(stage: Stage) -> int:
    """An activation that died when the panel had taken its installation on, which goes on for ever."""
    service_id = stage.buy()
    stage.panel.hang_next("os_install")
    process = Process(stage)
    stage.faults.admin_acts_after("os_install", 1, process.die)
    try:
        await process.run(activate, service_id, "first activation", order=order(stage))
    except Died:
        pass
    stage.clock.simulated.advance(SILENT_AFTER.total_seconds() + 1)
    return service_id


@contextmanager
def _sold_once_permitted(stage: Stage) -> Iterator[None]:
    """Somebody gives the server to another client right after its wipe was permitted."""
    write = permits.write

    async def written(*args: Any, **kwargs: Any) -> Permit:
        permit = await write(*args, **kwargs)
        stage.panel.by_hand.set_owner(permit.server_id, "other@example.com")
        return permit

    with patch.object(permits, "write", written):
        yield


DELIVERED = frozenset[State | None]({State.ACTIVE})
GIVEN_BACK = frozenset[State | None]({State.RELEASED})

RETRY = (Comeback.RETRY,)
"""For lives that differ from another one only in where they begin, or in a hand: who comes back was seen there."""

LIVES = [
    Life("activate", _ordered, (activate,), DELIVERED),
    Life("activate, not waiting", _ordered, (activate, watch_os_install), DELIVERED, order={"wait_for_os": False}),
    Life("activate a RELEASED service", _released, (activate,), DELIVERED, RETRY),
    Life(
        "activate after a time-out", _timed_out, (activate,), DELIVERED, RETRY, order={"os_install_timeout_minutes": 1}
    ),
    Life("suspend", _active, (suspend,), frozenset({State.SUSPENDED})),
    Life("unsuspend", _suspended, (unsuspend,), DELIVERED),
    Life("terminate", _run_down, (terminate,), GIVEN_BACK),
    Life(
        "terminate after a wipe delay",
        _of_a_kept_product,
        (terminate,),
        GIVEN_BACK,
        RETRY,
        by_hand=lambda stage: patch.object(wipe_delay, "LOOK_SECONDS", 1800.0),
    ),
    Life("terminate a half-made activation", _half_made, (terminate,), GIVEN_BACK),
    Life(
        "activate, then terminate",
        _ordered,
        (activate,),
        frozenset({State.RELEASED, State.NEW, None}),
        (Comeback.OTHER,),
        then=(terminate,),
    ),
    Life(
        "terminate, sold by hand meanwhile",
        _run_down,
        (terminate,),
        frozenset({State.HELD}),
        (Comeback.RETRY, Comeback.ITSELF),
        by_hand=_sold_once_permitted,
        held_because=Reason.OWNER_CHANGED,
    ),
]
