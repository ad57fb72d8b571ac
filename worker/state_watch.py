"""Interrupts the runs of this process that a person cancelled or paused."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType

from worker.execution import Execution

LOOK_SECONDS = 2.0
"""One small query for all runs, on no connection that could be lost unseen."""


async def watch_states(client: Callable[[], PrefectClient], pool: str, executing: Mapping[UUID, Execution]) -> NoReturn:
    """Ask every two seconds which of the runs in `executing` are CANCELLING or PAUSED, and interrupt those.

    An outage of Prefect's server is waited for.
    """
    interrupting = FlowRunFilterStateType(any_=[StateType.CANCELLING, StateType.PAUSED])
    in_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if not executing:
            continue
        # By id: forms that wait for a person are PAUSED, too, and there may be hundreds.
        ours = FlowRunFilterId(any_=list(executing))
        wanted = FlowRunFilter(id=ours, state=FlowRunFilterState(type=interrupting))
        with suppress(httpx.HTTPError):
            for run in await client().read_flow_runs(flow_run_filter=wanted, work_pool_filter=in_pool):
                execution = executing.get(run.id)
                if execution is not None and run.state is not None:
                    execution.interrupt("paused" if run.state.is_paused() else "cancelled")
