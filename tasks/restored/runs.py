"""Prefect's runs when a side was restored: those of before are ended, so that none goes on with what is not so."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled
from pydantic import BaseModel, ConfigDict

from ledger.incarnation import Side
from runtime.flow_run import asking_prefect

NOT_OVER = (
    StateType.SCHEDULED,
    StateType.PENDING,
    StateType.RUNNING,
    StateType.PAUSED,
    StateType.CANCELLING,
)
AT_WORK = (StateType.PENDING, StateType.RUNNING)

DECISIONS = "decide-held"
"""A decision is on what a person saw: of before, it is none on what is there now."""

RETURNS = "unsuspend"
"""What puts a client who paid back on the network."""

PAGE = 200


class OpenRun(BaseModel):
    """A run that is not over."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    name: str
    flow: str
    created: datetime
    began: bool
    """Somebody began to execute it."""
    is_scheduled_again: bool
    """Prefect makes it by itself, on a schedule: it has no memory of its own."""
    at_work: bool = False
    """A worker may have it in its hands: it is Pending or Running."""
    was_returned: bool = False
    """It began, and is scheduled once more: a worker gave it back."""


class OpenRuns(Protocol):
    """What is asked of Prefect."""

    async def not_over(self) -> list[OpenRun]: ...
    async def end(self, run: OpenRun, why: str) -> None: ...


def is_of_before(run: OpenRun, side: Side, last_seen: datetime | None) -> bool:
    """Whether the run is ended. One that nobody began goes on: WHMCS is asked whether it is still wanted (rule 17).

    So does an unsuspension that a worker gave back: its client would stay off the network, and it destroys nothing.
    In a Prefect that was restored that is so only of runs that came since; `last_seen`: when the back-up was taken at
    the latest, None: there is no run of before.
    """
    if run.is_scheduled_again and not run.began:
        return False
    goes_back = run.flow == RETURNS and run.was_returned
    if (run.began and not goes_back) or run.flow == DECISIONS:
        return True
    return side == "prefect" and last_seen is not None and run.created <= last_seen


class PrefectOpenRuns:
    """Prefect's server, asked about the runs of one work pool. Every method raises PrefectUnreachable."""

    def __init__(self, pool: str) -> None:
        self._pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))

    async def not_over(self) -> list[OpenRun]:
        """All runs of the pool that are not over."""
        wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(NOT_OVER))))
        found: list[FlowRun] = []
        with asking_prefect():
            async with get_client() as client:
                while True:
                    page = await client.read_flow_runs(
                        flow_run_filter=wanted, work_pool_filter=self._pool, limit=PAGE, offset=len(found)
                    )
                    found += page
                    if len(page) < PAGE:
                        break
                if not found:
                    return []
                of = FlowFilter(id=FlowFilterId(any_=list({run.flow_id for run in found})))
                names = {flow.id: flow.name for flow in await client.read_flows(flow_filter=of)}
        return [_open_run(run, names.get(run.flow_id, "")) for run in found]

    async def end(self, run: OpenRun, why: str) -> None:
        """End a run as cancelled."""
        with asking_prefect():
            async with get_client() as client:
                await client.set_flow_run_state(UUID(run.run_id), Cancelled(message=why), force=True)


def _open_run(run: FlowRun, flow: str) -> OpenRun:
    scheduled = run.state is not None and run.state.is_scheduled()
    return OpenRun(
        run_id=str(run.id),
        name=run.name,
        flow=flow,
        created=run.created or run.expected_start_time or datetime.max,
        began=run.run_count > 0 or not scheduled,
        is_scheduled_again=run.auto_scheduled,
        at_work=run.state is not None and run.state.type in AT_WORK,
        was_returned=run.run_count > 0 and scheduled,
    )
