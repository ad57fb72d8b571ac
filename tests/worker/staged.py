"""A worker without a server, whose runs do what the test wants."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from anyio.abc import TaskStatus
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import (
    OrchestrationResult,
    SetStateStatus,
    StateAbortDetails,
    StateAcceptDetails,
    WorkerFlowRunResponse,
)
from prefect.states import Running

from runtime.slots import abort_quietly, slot_released
from tasks.stalled_runs import SeenRun
from worker.execution import REQUEUE_AFTER, Execution
from worker.worker import InProcessConfiguration, InProcessResult, InProcessWorker


class SilentServer:
    """Prefect's server, as far as the worker says something to it."""

    def __init__(self) -> None:
        self.told: dict[UUID, str] = {}
        self.gone = False
        self.state: State[Any] = Running()
        self.gives_runs = True
        self.taken_by: list[str] = []

    async def set_flow_run_state(
        self, run_id: UUID, state: "State[Any]", force: bool = False
    ) -> OrchestrationResult[Any]:
        if self.gone:
            raise httpx.ConnectError("gone")
        if not state.is_pending():
            self.told[run_id] = state.name or ""
        elif not self.gives_runs:
            aborted = StateAbortDetails(reason="Another worker has it.")
            return OrchestrationResult(state=None, status=SetStateStatus.ABORT, details=aborted)
        else:
            self.taken_by.append(state.message or "")
        return OrchestrationResult(state=state, status=SetStateStatus.ACCEPT, details=StateAcceptDetails())

    # Asked by tasks.stalled_runs

    async def get(self, run_id: str) -> SeenRun | None:
        if self.gone:
            raise httpx.ConnectError("gone")
        since = self.state.timestamp
        return SeenRun(run_id=run_id, name="a run", flow="activate", state=self.state.type, since=since)

    async def under_way(self, *, older_than: datetime, but_not: Collection[str]) -> list[SeenRun]:
        raise NotImplementedError

    async def requeue(self, run_id: str, why: str, after: timedelta) -> None:
        assert after == REQUEUE_AFTER
        self.told[UUID(run_id)] = "AwaitingRetry"

    async def fail(self, run_id: str, why: str) -> None:
        self.told[UUID(run_id)] = f"Failed: {why}"

    async def cancel(self, run_id: str, why: str) -> None:
        raise NotImplementedError


class Staged(InProcessWorker):
    """A worker whose runs do what the test wants."""

    type = "staged"

    def __init__(self) -> None:
        super().__init__("pool", name="w")
        self.server = SilentServer()
        self._client = self.server  # type: ignore[assignment]
        self._executions._runs = self.server
        self.waiting: list[FlowRun] = []
        self.asked: list[int] = []
        self.taken: asyncio.Queue[FlowRun] = asyncio.Queue()
        self.may_end = asyncio.Event()
        self.end: BaseException | None = None
        self._pool_is_known = True
        self._incarnation.may_work = True
        self.heartbeat_interval_seconds = 0  # it does not wait for a slot that nobody releases
        self._query_seconds = 0.0

    async def run(
        self, flow_run: FlowRun, configuration: InProcessConfiguration, task_status: TaskStatus[int] | None = None
    ) -> InProcessResult:
        try:
            if "waits" in flow_run.tags:
                async with slot_released():
                    await self.may_end.wait()
            else:
                await self.may_end.wait()
        except asyncio.CancelledError:
            abort_quietly()
            raise
        if self.end is not None:
            raise self.end
        self.server.told[flow_run.id] = "Completed"
        return InProcessResult(status_code=0, identifier="-")

    async def _due(self, limit: int) -> list[WorkerFlowRunResponse]:
        self.asked.append(limit)
        if self.server.gone:
            raise httpx.ConnectError("gone")
        return [
            WorkerFlowRunResponse(work_pool_id=uuid4(), work_queue_id=uuid4(), flow_run=flow_run)
            for flow_run in self.waiting[:limit]
        ]

    def _take(self, run: FlowRun) -> bool:
        taken = super()._take(run)
        if taken:
            self.waiting.remove(run)
            self.taken.put_nowait(run)
        return taken

    @property
    def executing(self) -> dict[UUID, Execution]:
        return self._executions.by_id

    async def all_over(self) -> None:
        """Wait until no run is executed."""
        self.may_end.set()
        await asyncio.gather(*(execution.task for execution in self.executing.values()))


def runs(count: int, queue: str = "default", *tags: str) -> list[FlowRun]:
    return [FlowRun(flow_id=uuid4(), name="a run", work_queue_name=queue, tags=list(tags)) for _ in range(count)]
