"""What the stories have in common: how a run ends, what the panel was asked to change, and a panel that is down."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import groupby

import pytest

from flows.activate import activate
from ledger import claims, decisions, requests
from ledger.lifecycle import State
from ledger.snapshots import Service
from simulator.panel import Recorded
from simulator.profile import XEON
from simulator.things import SimServer
from tasks.log import EXPECTED
from tasks.outcomes import Unforeseen
from tests.stage import PANEL, Stage

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


def written(stage: Stage, since: int = 0) -> list[str | None]:
    """What the panel was asked to change, in order, calls of the same kind in a row as one."""
    return [name for name, _ in groupby(call.endpoint for call in stage.panel.writes()[since:])]


def sent(stage: Stage, endpoint: str) -> list[Recorded]:
    """The calls of one endpoint."""
    return [call for call in stage.panel.requests if call.endpoint == endpoint]


def only_fit(stage: Stage, server_id: int) -> SimServer:
    """Leave one server of the ordered configuration for allocation."""
    for server in stage.panel.servers.values():
        if server.configuration == XEON and server.id != server_id:
            stage.panel.by_hand.protect(server.id)
    return stage.panel.server(server_id)


def take_panel_down(stage: Stage) -> None:
    """From now on every connection to the panel is cut, until `stage.faults.clear()`."""
    for nth in range(1, DOWN_FOR_CALLS):
        stage.faults.refuse_before("*", nth)


async def taken_over(stage: Stage, service_id: int, action: str) -> None:
    """Another run takes the service over: whoever drove it until now must not touch anything any more."""
    await requests.open(
        stage.ledger,
        service_id=service_id,
        panel=PANEL,
        action=action,
        flow_run_id="another",
        requested_by="api",
        silent_after=timedelta(0),
        now=stage.clock.now(),
        takeover=await requests.last(stage.ledger, service_id),
    )


async def activated(stage: Stage, **order: object) -> tuple[int, SimServer]:
    """A service with its server."""
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(**order))
    assert (await stage.service(service_id)).state is State.ACTIVE
    return service_id, await stage.server(service_id)


def cancelled_meanwhile(stage: Stage, service_id: int, status: str = "Cancelled") -> None:
    """The service is wanted when its activation begins, and no longer when its OS is installed."""
    stage.faults.admin_acts_before("os_install", 1, lambda: setattr(stage.billed(service_id), "status", status))


async def is_held(stage: Stage, service_id: int, reason: str) -> Service:
    """The service, which waits for a person for that reason and still has its server."""
    service = await stage.service(service_id)
    assert (service.state, service.held_reason) == (State.HELD, reason)
    assert service.claim is not None
    return service


async def let_go_on(stage: Stage, service_id: int, to: State) -> None:
    """A person decides."""
    await decisions.leave_hold(stage.ledger, service_id, to=to, who="shift", why="looked at it", now=stage.clock.now())


async def promised(stage: Stage) -> dict[int, int]:
    """The panel's promised servers: server id to service id."""
    return await claims.claimed(stage.ledger, PANEL)


@asynccontextmanager
async def midway(stage: Stage, run: Awaitable[None]) -> "AsyncIterator[asyncio.Future[None]]":
    """A run that stands where it first waits for something, until the block ends; no time passes meanwhile."""
    waits, may_go_on = asyncio.Event(), asyncio.Event()
    sleep = stage.clock.sleep

    async def stand(seconds: float) -> None:
        waits.set()
        await may_go_on.wait()
        await sleep(seconds)

    stage.clock.sleep = stand  # type: ignore[method-assign]
    running = asyncio.ensure_future(run)
    await waits.wait()
    try:
        yield running
    finally:
        may_go_on.set()
        stage.clock.sleep = sleep  # type: ignore[method-assign]
