"""Runs that broke off: their worker died, or could not say how they ended. They are driven again, in place.

Prefect is not durable execution (safety rule 13): a run whose worker dies stays PENDING or RUNNING for ever. The ledger
knows better, since every run of a service beats in it.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Failed
from pydantic import BaseModel, ConfigDict

from ledger import overview, redrives, requests
from ledger.snapshots import Request
from tasks.alerts import of_hold, sound
from tasks.clock import clock
from tasks.connections import ledger
from tasks.effects import ensures
from tasks.heart import HEARTBEAT_SECONDS, SILENT_AFTER
from tasks.log import run_log
from tasks.outcomes import Reason
from tasks.run import asking_prefect, run_id
from tasks.seat import away

UNACCOUNTED_AFTER = timedelta(seconds=180)
"""A run opens its request within seconds of its start; a watcher waits up to two minutes for its activation to end."""

SIGNS = frozenset({"activate", "suspend", "unsuspend", "terminate", "watch-os-install", "reconcile"})
"""The flows whose live runs the ledger knows: by an open request, or by the lease on a panel."""

UNSIGNED_AFTER = timedelta(hours=1)
"""A catalogue or a month's traffic takes minutes and signs nowhere: another worker may be playing it."""

MOST_REDRIVES = 5
"""A run that broke off more often than this breaks its worker: a person has to look."""

UNDER_WAY = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
BROKE_OFF = (StateType.PENDING, StateType.RUNNING, StateType.FAILED, StateType.CRASHED)
"""FAILED and CRASHED, too: with its request still open nobody was told, so it did not end but was cut off."""


class Seen(BaseModel):
    """A flow run as Prefect shows it."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    name: str
    flow: str
    state: StateType
    since: datetime


class Runs(Protocol):
    """What is asked of Prefect."""

    async def get(self, run_id: str) -> Seen | None: ...
    async def under_way(self, *, older_than: datetime, but_not: Collection[str]) -> list[Seen]: ...
    async def drive_again(self, run_id: str, why: str) -> None: ...
    async def fail(self, run_id: str, why: str) -> None: ...
    async def cancel(self, run_id: str, why: str) -> None: ...


class SilentRuns:
    """Looks for runs that broke off, again and again; each `look` says what it did, a line each.

    A request counts as silent when two looks in a row saw no heartbeat between them: after an outage of the ledger all
    heartbeats are old for a moment. `playing`: the ids of the runs that the caller itself plays.
    """

    def __init__(self, runs: Runs, playing: Callable[[], Collection[str]] = frozenset) -> None:
        self._runs = runs
        self._playing = playing
        self._heard: dict[str, datetime] = {}

    def suspects(self) -> bool:
        """Whether the last look saw a silence that a second one may confirm."""
        now = clock().now()
        return any(now - heard > SILENT_AFTER for heard in self._heard.values())

    async def look(self) -> list[str]:
        """One look. Raises LedgerError, httpx.HTTPError: ledger or Prefect cannot be asked; nothing was concluded."""
        heard, self._heard = self._heard, {}
        now = clock().now()
        open_ones = await requests.open_requests(ledger())
        said = []
        for request in open_ones:
            silent = now - request.heartbeat_at > SILENT_AFTER and heard.get(request.id) == request.heartbeat_at
            if silent and request.flow_run_id not in self._playing():
                said += await self._is_silent(request, now)
        accounted = {request.flow_run_id for request in open_ones} | set(self._playing())
        accounted |= await overview.comparing_now(ledger(), now)  # a reconciliation is no service's
        for run in await self._runs.under_way(older_than=now - UNACCOUNTED_AFTER, but_not=accounted):
            may_be_played = run.state is StateType.RUNNING and run.flow not in SIGNS
            if now - run.since > (UNSIGNED_AFTER if may_be_played else UNACCOUNTED_AFTER):
                said += await self._is_unaccounted(run, now)
        self._heard = {request.id: request.heartbeat_at for request in open_ones}
        return said

    async def _is_silent(self, request: Request, now: datetime) -> list[str]:
        run = await self._runs.get(request.flow_run_id)
        what = f"{request.action} of service {request.service_id}"
        if run is None:
            await requests.abandon(ledger(), request, outcome="abandoned", message="Its flow run is gone.", now=now)
            return [f"{what}: its flow run was deleted, its request is closed"]
        if run.state in BROKE_OFF:
            return await self._drive_again(run, f"silent since {request.heartbeat_at:%H:%M:%S} UTC", now, request)
        if run.state is StateType.CANCELLING:
            await self._runs.cancel(run.run_id, "Cancelled while no worker played it.")
        if run.state in (StateType.CANCELLING, StateType.CANCELLED):
            await requests.abandon(ledger(), request, outcome="cancelled", message="cancelled by hand", now=now)
            return [f"{what}: cancelled while no worker played it"]
        if run.state is StateType.COMPLETED:
            message = "Its flow run ended without closing it."
            await requests.abandon(ledger(), request, outcome="abandoned", message=message, now=now)
            return [f"{what}: its flow run is over, its request is closed"]
        return []  # scheduled: it will be played

    async def _is_unaccounted(self, run: Seen, now: datetime) -> list[str]:
        if run.state is StateType.CANCELLING:
            await self._runs.cancel(run.run_id, "Cancelled while no worker played it.")
            return [f"{run.name}: cancelled while no worker played it"]
        return await self._drive_again(run, f"{run.state.value} since {run.since:%H:%M:%S} UTC, played by nobody", now)

    async def _drive_again(self, run: Seen, why: str, now: datetime, request: Request | None = None) -> list[str]:
        times = await redrives.claim(ledger(), run.run_id, not_within=SILENT_AFTER, now=now)
        if times is None:
            return []
        if times > MOST_REDRIVES:
            line = f"It broke off {times} times, the last time {why}. Look at the worker's log; it is not driven again."
            if request is not None:
                await _hold(request, line, now)
            await self._runs.fail(run.run_id, line)
            return [f"{run.name}: {line}"]
        await self._runs.drive_again(run.run_id, f"The run broke off ({why}).")
        return [f"{run.name}: {why}; driven again ({times} of {MOST_REDRIVES})"]


async def _hold(request: Request, evidence: str, now: datetime) -> None:
    driver, _ = await requests.open(
        ledger(),
        service_id=request.service_id,
        panel=request.panel,
        action=request.action,
        flow_run_id=request.flow_run_id,
        requested_by=request.requested_by,
        now=now,
        silent_after=SILENT_AFTER,
    )
    await requests.hold_and_close(ledger(), driver, reason=Reason.BREAKS_OFF, evidence=evidence, now=now)
    sound(of_hold(request.action, request.service_id, request.panel, Reason.BREAKS_OFF, request.flow_run_id))


class PrefectRuns:
    """Prefect's server, asked about the runs of one work pool. Every method raises httpx.HTTPError."""

    def __init__(self, pool: str) -> None:
        self._pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))

    async def get(self, run_id: str) -> Seen | None:
        """A run; None when it was deleted."""
        async with get_client() as client:
            try:
                run = await client.read_flow_run(UUID(run_id))
            except ObjectNotFound:
                return None
            seen = await _seen(client, [run])
        return seen[0] if seen else None

    async def under_way(self, *, older_than: datetime, but_not: Collection[str]) -> list[Seen]:
        """The runs that should have started before `older_than`, are not over, and are not among those."""
        wanted = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(UNDER_WAY))),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=older_than),
            id=FlowRunFilterId(not_any_=[UUID(one) for one in but_not]),
        )
        async with get_client() as client:
            return await _seen(client, await client.read_flow_runs(flow_run_filter=wanted, work_pool_filter=self._pool))

    async def drive_again(self, run_id: str, why: str) -> None:
        """Resume a dead run in place (dossier "Prefect 3", section 1.5).

        Not by way of CRASHED: whoever waits for the run's end would take that for it.
        """
        await self._set(run_id, AwaitingRetry(message=f"{why} It is driven again."))

    async def fail(self, run_id: str, why: str) -> None:
        """End a run as FAILED."""
        await self._set(run_id, Failed(message=why))

    async def cancel(self, run_id: str, why: str) -> None:
        """End a run as CANCELLED."""
        await self._set(run_id, Cancelled(message=why))

    async def _set(self, run_id: str, state: "State[None]") -> None:
        async with get_client() as client:
            await client.set_flow_run_state(UUID(run_id), state)


async def _seen(client: PrefectClient, runs: Sequence[FlowRun]) -> list[Seen]:
    if not runs:
        return []
    wanted = FlowFilter(id=FlowFilterId(any_=list({run.flow_id for run in runs})))
    names = {flow.id: flow.name for flow in await client.read_flows(flow_filter=wanted)}
    return [
        Seen(
            run_id=str(run.id),
            name=run.name,
            flow=names.get(run.flow_id, ""),
            state=run.state.type,
            since=run.state.timestamp,
        )
        for run in runs
        if run.state is not None
    ]


@ensures("runs that broke off are driven again", run_name="look for runs that broke off")
async def drive_silent_runs() -> None:
    """Do once what the janitor of each live worker does all the time; outside of a work pool there is nothing to do."""
    context = FlowRunContext.get()
    pool = None if context is None or context.flow_run is None else context.flow_run.work_pool_name
    if pool is not None:
        with asking_prefect():
            await look_twice(SilentRuns(PrefectRuns(pool), lambda: [run_id()]))


async def look_twice(silent_runs: SilentRuns) -> None:
    """Look, and once more after two heartbeats if somebody seems to be silent: one look concludes nothing."""
    said = await silent_runs.look()
    if silent_runs.suspects():
        async with away():
            await asyncio.sleep(2 * HEARTBEAT_SECONDS)  # real seconds, as heartbeats are
        said += await silent_runs.look()
    for line in said:
        run_log().warning("%s", line)
