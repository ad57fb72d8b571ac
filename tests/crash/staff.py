"""What staff do by a command that dies: they see how far it came, and do the rest of it again.

A command is a flow here, so that it has the points that a lifecycle has.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from prefect import Flow, flow

from flows.activate import activate
from flows.terminate import terminate
from flows.watch_os_install import watch_os_install
from ledger import leftovers, server_notes
from ledger.database import Ledger
from ledger.errors import IllegalMove
from runtime.clock import clock
from runtime.connections import ledger
from runtime.errors import StepRefused
from tasks import wipe_delay
from tasks.exchange import exchange
from tests.crash.crash_points import Process
from tests.crash.scenarios import DELIVERED, RETRY, Scenario, _active, _ordered
from tests.crash.world import NEIGHBOUR, order
from tests.harness import PANEL, Harness

RESERVED = 3
"""A free server that is kept for the service."""
WHO: dict[str, Any] = {"who": "anna", "why": "its fan screams"}


@flow(name="server exchange", validate_parameters=False)
async def exchange_server(service_id: int, panel: str) -> None:
    """Exchange the service's server, unless that is done already."""
    try:
        await exchange(service_id, **WHO, to=None, wipe_after_days=1)
    except StepRefused as refused:
        if "is NEW: a server is exchanged for an ACTIVE service" not in str(refused):
            raise


@flow(name="leftover given up", validate_parameters=False)
async def give_up_leftovers(service_id: int, panel: str) -> None:
    """The run that was started with the exchange, or that staff start."""
    for number in await leftovers.of_service(ledger(), service_id):
        await terminate.fn(service_id=number, panel=panel, requested_by="admin")


@flow(name="server reserve", validate_parameters=False)
async def reserve(service_id: int, panel: str) -> None:
    """Keep a server for the service."""
    await _keep_for(ledger(), service_id, clock().now())


async def _keep_for(ledger: Ledger, service_id: int, now: datetime) -> None:
    await server_notes.reserve(ledger, panel=PANEL, server_id=RESERVED, service_id=service_id, **WHO, now=now)


@flow(name="server release", validate_parameters=False)
async def release(service_id: int, panel: str) -> None:
    """End the reserve, unless that is done already."""
    try:
        await server_notes.release(ledger(), panel=panel, server_id=RESERVED, **WHO, now=clock().now())
    except IllegalMove as refused:
        if "is not reserved" not in str(refused):
            raise


class Exchange(Scenario):
    """An exchange, whose activation has the order that the ledger has."""

    def asks(self, harness: Harness, flow: "Flow[..., Any]") -> dict[str, Any]:
        """Nothing: WHMCS sends no order."""
        return {}


def _six_hours_a_look(harness: Harness) -> AbstractContextManager[None]:
    """A day in steps of six hours."""
    return _patched(LOOK_SECONDS=6 * 3600.0, MOST_A_LOOK=timedelta(hours=7))


@contextmanager
def _patched(**values: object) -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in values.items():
            stack.enter_context(patch.object(wipe_delay, name, value))
        yield


async def _without_a_server(harness: Harness) -> int:
    """An order that no server was free for, though some are by now."""
    service_id = await _ordered(harness)
    free = set(harness.panel.servers) - {NEIGHBOUR}
    for server_id in free:
        harness.panel.admin.protect(server_id)
    try:
        await Process(harness).run(activate, service_id, "first activation", order=order(harness))
    except StepRefused:
        for server_id in free:
            harness.panel.admin.protect(server_id, on=False)
        return service_id
    raise AssertionError("there was to be no server for it")


async def _reserved_for_another(harness: Harness) -> int:
    """The only server that is free is kept for another service."""
    service_id = await _without_a_server(harness)
    for server_id in set(harness.panel.servers) - {RESERVED}:
        harness.panel.admin.protect(server_id)
    await _keep_for(harness.ledger, 4711, harness.clock.now())
    return service_id


async def _installing_on_its_reserve(harness: Harness) -> int:
    """The server that was kept for it is being installed, and the run that watches has begun."""
    service_id = harness.buy()
    await _keep_for(harness.ledger, service_id, harness.clock.now())
    await Process(harness).run(activate, service_id, "first activation", order=order(harness, wait_for_os=False))
    return service_id


STAFF_SCENARIOS: list[Scenario] = [
    Exchange(
        "exchange",
        _active,
        (exchange_server,),
        DELIVERED,
        RETRY,
        then=(exchange_server, activate, give_up_leftovers),
        by_hand=_six_hours_a_look,
    ),
    Scenario("reserve", _without_a_server, (reserve,), DELIVERED, RETRY, then=(reserve, activate), gets=RESERVED),
    Scenario("release", _reserved_for_another, (release,), DELIVERED, RETRY, then=(release, activate), gets=RESERVED),
    Scenario("end a reserve", _installing_on_its_reserve, (watch_os_install,), DELIVERED, gets=RESERVED),
]
