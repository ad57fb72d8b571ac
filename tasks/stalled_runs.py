"""Stalled runs: their worker died, or could not say how they ended. They are re-queued as the same flow run.

Prefect is not durable execution (safety rule 13): a run whose worker dies stays PENDING or RUNNING for ever. The ledger
shows it, since every run of a service sends its heartbeats there. docs/retries.md has all ways in which a run goes on.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
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

from ledger import overview, requests
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Request
from runtime.alerts import emit_alert, hold_alert
from runtime.clock import clock
from runtime.connections import ledger
from runtime.driver import ERRANDS
from runtime.flow_run import asking_prefect, run_id
from runtime.heartbeat import HEARTBEAT_SECONDS, STALLED_AFTER
from runtime.run_log import run_log
from runtime.slots import slot_released
from runtime.steps import ensures

UNACCOUNTED_AFTER = timedelta(seconds=180)
"""A run opens its request within seconds of its start; a watcher waits up to two minutes for its activation to end."""

WITH_HEARTBEAT = frozenset(
    {
        "activate",
        "suspend",
        "unsuspend",
        "terminate",
        "watch-os-install",
        "reinstall",
        "rehearse",
        "reconcile",
        *ERRANDS,
    }
)
"""The flows whose live runs the ledger knows: by an open request, or by the lease on a panel."""

WITHOUT_HEARTBEAT_AFTER = timedelta(hours=1)
"""Flows without a heartbeat (catalogue, traffic, check, adopt) count as stalled after this; they take minutes."""

MAX_REQUEUES = 5
"""A run that was interrupted more often than this may be what kills its worker: a person has to look."""

UNDER_WAY = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
INTERRUPTED = (StateType.PENDING, StateType.RUNNING, StateType.FAILED, StateType.CRASHED)
"""FAILED and CRASHED, too: while its request is open, WHMCS was not told of an end, so the run was interrupted."""


class SeenRun(BaseModel):
    """A flow run as Prefect shows it."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    name: str
    flow: str
    state: StateType
    since: datetime


class Runs(Protocol):
    """What is asked of Prefect."""

    async def get(self, run_id: str) -> SeenRun | None: ...
    async def under_way(self, *, older_than: datetime, but_not: Collection[str]) -> list[SeenRun]: ...
    async def requeue(self, run_id: str, why: str, after: timedelta) -> None: ...
    async def fail(self, run_id: str, why: str) -> None: ...
    async def cancel(self, run_id: str, why: str) -> None: ...


class StalledRuns:
    """Looks for stalled runs; each `look` returns what it did, a line each.

    A request counts as stalled when two looks in a row saw no heartbeat between them: after an outage of the ledger all
    heartbeats are old for a moment. `executing`: the ids of the runs that the caller itself executes.
    """

    def __init__(self, runs: Runs, executing: Callable[[], Collection[str]] = frozenset) -> None:
        self._runs = runs
        self._executing = executing
        self._heard: dict[str, datetime] = {}

    def suspects(self) -> bool:
        """Whether the last look saw an old heartbeat that a second look may confirm."""
        now = clock().now()
        return any(now - heard > STALLED_AFTER for heard in self._heard.values())

    async def look(self) -> list[str]:
        """One look. Raises LedgerError, httpx.HTTPError: ledger or Prefect cannot be asked; nothing was concluded."""
        heard, self._heard = self._heard, {}
        now = clock().now()
        open_ones = await requests.open_requests(ledger())
        said = []
        for request in open_ones:
            silent = now - request.heartbeat_at > STALLED_AFTER and heard.get(request.id) == request.heartbeat_at
            if silent and request.flow_run_id not in self._executing():
                said += await self._is_silent(request, now)
        accounted = {request.flow_run_id for request in open_ones} | set(self._executing())
        accounted |= await overview.comparing_now(ledger(), now)  # a reconciliation is no service's
        for run in await self._runs.under_way(older_than=now - UNACCOUNTED_AFTER, but_not=accounted):
            may_be_executed = run.state is StateType.RUNNING and run.flow not in WITH_HEARTBEAT
            if now - run.since > (WITHOUT_HEARTBEAT_AFTER if may_be_executed else UNACCOUNTED_AFTER):
                said += await self._is_unaccounted(run)
        self._heard = {request.id: request.heartbeat_at for request in open_ones}
        return said

    async def _is_silent(self, request: Request, now: datetime) -> list[str]:
        run = await self._runs.get(request.flow_run_id)
        what = f"{request.action} of service {request.service_id}"
        if run is None:
            await requests.abandon(ledger(), request, outcome="abandoned", message="Its flow run is gone.", now=now)
            return [f"{what}: its flow run was deleted, its request is closed"]
        if run.state in INTERRUPTED:
            return await self._requeue(run, f"silent since {request.heartbeat_at:%H:%M:%S} UTC", request)
        if run.state is StateType.CANCELLING:
            await self._runs.cancel(run.run_id, "Cancelled while no worker executed it.")
        if run.state in (StateType.CANCELLING, StateType.CANCELLED):
            await requests.abandon(ledger(), request, outcome="cancelled", message="cancelled by hand", now=now)
            return [f"{what}: cancelled while no worker executed it"]
        if run.state is StateType.COMPLETED:
            message = "Its flow run ended without closing it."
            await requests.abandon(ledger(), request, outcome="abandoned", message=message, now=now)
            return [f"{what}: its flow run is over, its request is closed"]
        return []  # scheduled: it will be executed

    async def _is_unaccounted(self, run: SeenRun) -> list[str]:
        if run.state is StateType.CANCELLING:
            await self._runs.cancel(run.run_id, "Cancelled while no worker executed it.")
            return [f"{run.name}: cancelled while no worker executed it"]
        return await self._requeue(run, f"{run.state.value} since {run.since:%H:%M:%S} UTC, executed by nobody")

    async def _requeue(self, run: SeenRun, why: str, request: Request | None = None) -> list[str]:
        line = await _requeue_or_hold(self._runs, run, why, request, not_within=STALLED_AFTER)
        return [] if line is None else [line]


async def requeue_interrupted(runs: Runs, run_id: str, why: str, *, after: timedelta) -> str | None:
    """Re-queue a run that an error interrupted outside of its flow, as when Prefect's server took no state of it.

    Returns what was done, in one line; None: the run has ended, or is scheduled already.
    Raises LedgerError, httpx.HTTPError: ledger or Prefect cannot be asked, and the janitor will find the run.
    """
    run = await runs.get(run_id)
    if run is None or run.state not in (StateType.PENDING, StateType.RUNNING):
        return None
    requests_of_run = [one for one in await requests.open_requests(ledger()) if one.flow_run_id == run_id]
    return await _requeue_or_hold(runs, run, why, next(iter(requests_of_run), None), after=after)


async def _requeue_or_hold(
    runs: Runs,
    run: SeenRun,
    why: str,
    request: Request | None,
    *,
    not_within: timedelta = timedelta(0),
    after: timedelta = timedelta(0),
) -> str | None:
    """Re-queue the run; a run that was interrupted too often FAILS instead, and the service of its request is HELD.

    Returns what was done, in one line; None: somebody re-queued it less than `not_within` ago.
    """
    times = await requests.claim_requeue(ledger(), run.run_id, not_within=not_within, now=clock().now())
    if times is None:
        return None
    if times > MAX_REQUEUES:
        line = f"It was interrupted {times} times, the last time {why}. Look at the worker's log; it is not re-queued."
        if request is not None:
            await _hold(request, line)
        await runs.fail(run.run_id, line)
        return f"{run.name}: {line}"
    await runs.requeue(run.run_id, f"The run was interrupted ({why}).", after)
    return f"{run.name}: {why}; re-queued ({times} of {MAX_REQUEUES})"


async def _hold(request: Request, evidence: str) -> None:
    now = clock().now()
    driver, _ = await requests.open(
        ledger(),
        service_id=request.service_id,
        panel=request.panel,
        action=request.action,
        flow_run_id=request.flow_run_id,
        requested_by=request.requested_by,
        who=request.who,
        now=now,
        silent_after=STALLED_AFTER,
    )
    await requests.hold_and_close(ledger(), driver, reason=HoldReason.BREAKS_OFF, evidence=evidence, now=now)
    emit_alert(
        hold_alert(request.action, request.service_id, request.panel, HoldReason.BREAKS_OFF, request.flow_run_id)
    )


class PrefectRuns:
    """Prefect's server, asked about the runs of one work pool. Every method raises httpx.HTTPError."""

    def __init__(self, pool: str) -> None:
        self._pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))

    async def get(self, run_id: str) -> SeenRun | None:
        """A run; None when it was deleted."""
        async with get_client() as client:
            try:
                run = await client.read_flow_run(UUID(run_id))
            except ObjectNotFound:
                return None
            seen = await _seen(client, [run])
        return seen[0] if seen else None

    async def under_way(self, *, older_than: datetime, but_not: Collection[str]) -> list[SeenRun]:
        """The runs that should have started before `older_than`, are not over, and are not among those."""
        wanted = FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(UNDER_WAY))),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=older_than),
            id=FlowRunFilterId(not_any_=[UUID(one) for one in but_not]),
        )
        async with get_client() as client:
            return await _seen(client, await client.read_flow_runs(flow_run_filter=wanted, work_pool_filter=self._pool))

    async def requeue(self, run_id: str, why: str, after: timedelta) -> None:
        """Schedule the same run again, that much later (docs/sources.md, Prefect 1.5).

        Not by way of CRASHED: whoever waits for the run's end would take that for it.
        """
        begins = datetime.now(UTC) + after  # Prefect's server compares it with the real time
        await self._set(run_id, AwaitingRetry(scheduled_time=begins, message=f"{why} It is re-queued."))

    async def fail(self, run_id: str, why: str) -> None:
        """End a run as FAILED."""
        await self._set(run_id, Failed(message=why))

    async def cancel(self, run_id: str, why: str) -> None:
        """End a run as CANCELLED."""
        await self._set(run_id, Cancelled(message=why))

    async def _set(self, run_id: str, state: "State[None]") -> None:
        async with get_client() as client:
            await client.set_flow_run_state(UUID(run_id), state)


async def _seen(client: PrefectClient, runs: Sequence[FlowRun]) -> list[SeenRun]:
    if not runs:
        return []
    wanted = FlowFilter(id=FlowFilterId(any_=list({run.flow_id for run in runs})))
    names = {flow.id: flow.name for flow in await client.read_flows(flow_filter=wanted)}
    return [
        SeenRun(
            run_id=str(run.id),
            name=run.name,
            flow=names.get(run.flow_id, ""),
            state=run.state.type,
            since=run.state.timestamp,
        )
        for run in runs
        if run.state is not None
    ]


@ensures("stalled runs are re-queued", run_name="look for stalled runs")
async def requeue_stalled_runs() -> None:
    """Re-queue stalled runs once, as each worker's janitor does all the time. Outside of a work pool there are none."""
    context = FlowRunContext.get()
    pool = None if context is None or context.flow_run is None else context.flow_run.work_pool_name
    if pool is not None:
        with asking_prefect():
            await look_twice(StalledRuns(PrefectRuns(pool), lambda: [run_id()]))


async def look_twice(stalled_runs: StalledRuns) -> None:
    """Look, and once more after two heartbeats if a run seems to be stalled: one look concludes nothing."""
    said = await stalled_runs.look()
    if stalled_runs.suspects():
        async with slot_released():
            await asyncio.sleep(2 * HEARTBEAT_SECONDS)  # real seconds, as heartbeats are
        said += await stalled_runs.look()
    for line in said:
        run_log().warning("%s", line)
