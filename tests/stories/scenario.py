"""What the stories have in common: how a run ends, what the panel was asked to change, and a panel that is down."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import groupby
from typing import Any

import pytest

from flows.activate import activate
from ledger import claims, decisions, requests
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Service
from ledger.states import State
from runtime.errors import Unforeseen
from runtime.run_log import EXPECTED
from simulator.panel.model import RecordedRequest
from simulator.panel.models import SimServer
from simulator.panel.profile import XEON
from tests.harness import PANEL, Harness
from tests.ledger.scenario import last_request

DOWN_FOR_CALLS = 200
"""More calls than any run makes before it gives up."""


async def one_line(run: Awaitable[object]) -> str:
    """The line that the run ends with; it must be one of the expected ends."""
    with pytest.raises(EXPECTED) as caught:
        await run
    assert not isinstance(caught.value, Unforeseen)
    text = str(caught.value)
    assert text.strip()
    assert "\n" not in text
    return text


def written(harness: Harness, since: int = 0) -> list[str | None]:
    """What the panel was asked to change, in order, calls of the same kind in a row as one."""
    return [name for name, _ in groupby(call.endpoint for call in harness.panel.writes()[since:])]


def sent(harness: Harness, endpoint: str) -> list[RecordedRequest]:
    """The calls of one endpoint."""
    return [call for call in harness.panel.requests if call.endpoint == endpoint]


def only_fit(harness: Harness, server_id: int) -> SimServer:
    """Leave one server of the ordered configuration for allocation."""
    for server in harness.panel.servers.values():
        if server.configuration == XEON and server.id != server_id:
            harness.panel.admin.protect(server.id)
    return harness.panel.server(server_id)


def take_panel_down(harness: Harness) -> None:
    """From now on every connection to the panel is cut, until `harness.faults.clear()`."""
    for nth in range(1, DOWN_FOR_CALLS):
        harness.faults.refuse_before("*", nth)


async def taken_over(harness: Harness, service_id: int, action: str) -> None:
    """Another run takes the service over: whoever drove it until now must not touch anything any more."""
    await requests.open(
        harness.ledger,
        service_id=service_id,
        panel=PANEL,
        action=action,
        flow_run_id="another",
        requested_by="api",
        silent_after=timedelta(0),
        now=harness.clock.now(),
        takeover=await last_request(harness.ledger, service_id),
    )


def by_client(harness: Harness, service_id: int) -> dict[str, Any]:
    """What WHMCS sends of who asks when the client presses, or has paid."""
    identity = ServiceIdentity(installation="whmcs", client_id=harness.billed(service_id).client_id)
    return {"requested_by": "client", "identity": identity, "asked_at": harness.clock.now()}


async def activated(harness: Harness, **order: object) -> tuple[int, SimServer]:
    """A service with its server."""
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(**order))
    assert (await harness.service(service_id)).state is State.ACTIVE
    return service_id, await harness.server(service_id)


def cancelled_meanwhile(harness: Harness, service_id: int, status: str = "Cancelled") -> None:
    """The service is wanted when its activation begins, and no longer when its OS is installed."""
    harness.faults.admin_acts_before("os_install", 1, lambda: setattr(harness.billed(service_id), "status", status))


async def is_held(harness: Harness, service_id: int, reason: str) -> Service:
    """The service, which waits for a person for that reason and still has its server."""
    service = await harness.service(service_id)
    assert (service.state, service.held_reason) == (State.HELD, reason)
    assert service.claim is not None
    return service


async def let_go_on(harness: Harness, service_id: int, to: State) -> None:
    """A person decides."""
    await decisions.leave_hold(
        harness.ledger, service_id, to=to, who="shift", why="looked at it", now=harness.clock.now()
    )


async def promised(harness: Harness) -> dict[int, int]:
    """The panel's promised servers: server id to service id."""
    return await claims.claimed(harness.ledger, PANEL)


@asynccontextmanager
async def midway(harness: Harness, run: Awaitable[None]) -> "AsyncIterator[asyncio.Future[None]]":
    """A run that stands where it first waits for something, until the block ends; no time passes meanwhile."""
    waits, may_go_on = asyncio.Event(), asyncio.Event()
    sleep = harness.clock.sleep

    async def stand(seconds: float) -> None:
        waits.set()
        await may_go_on.wait()
        await sleep(seconds)

    harness.clock.sleep = stand  # type: ignore[method-assign]
    running = asyncio.ensure_future(run)
    await waits.wait()
    try:
        yield running
    finally:
        may_go_on.set()
        harness.clock.sleep = sleep  # type: ignore[method-assign]
