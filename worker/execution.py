"""One run in this process: begun as a task of the worker's event loop, and what Prefect is told of its end.

How a run may end, and who says so to Prefect's server:

    the flow ends, well or not         Prefect's engine, as in any worker
    a person cancelled it              here: CANCELLED, and the flow's cancellation hooks are called
    a person paused it                 nobody: it is PAUSED already
    the worker stops                   here: AwaitingRetry; another worker, or the next one, goes on
    an error outside of the flow       here: AwaitingRetry after 5 s, or HELD if that happened too often
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from inspect import isawaitable
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort, Pause
from prefect.flow_engine import run_flow_async
from prefect.flows import load_flow_from_entrypoint
from prefect.logging import get_logger
from prefect.states import AwaitingRetry, Cancelled, Pending
from prefect.utilities.engine import propose_state

from runtime.slots import Holder, Interruption, Slot, bind_slot
from tasks.stalled_runs import Runs, requeue_interrupted
from worker.limits import LONGEST_NAME, URGENT
from worker.prefect_client import LeanPrefectClient

REQUEUE_AFTER = timedelta(seconds=5)
"""Delay before an interrupted run is executed again: what interrupted it may need a moment."""


@dataclass(frozen=True)
class Execution:
    """A run that this process executes."""

    run: FlowRun
    slot: Slot
    task: "asyncio.Task[None]"

    def interrupt(self, why: Interruption) -> None:
        """Cancel the run's task. The first reason counts."""
        if self.slot.interrupted is None:
            self.slot.interrupted = why
            self.task.cancel()


class Executions:
    """All runs that this process executes, by id; and the flows that they are runs of, each imported once.

    client: the worker's own client, once it is started. run: what executes one run to its end.
    """

    def __init__(
        self,
        worker: str,
        *,
        client: Callable[[], PrefectClient],
        runs: Runs,
        run: Callable[[FlowRun], Awaitable[object]],
    ) -> None:
        self.by_id: dict[UUID, Execution] = {}
        self._worker = worker
        self._client = client
        self._runs = runs
        self._run = run
        self._flows: dict[UUID, Flow[..., Any]] = {}
        self._log: logging.Logger = get_logger("workers.dciflow.execution")

    def begin(self, run: FlowRun, slot: Slot, context: Context) -> None:
        """Execute a run in a task of its own, in that context. The slot is released at its end."""
        executing = self._execute(run, slot)
        task = asyncio.get_running_loop().create_task(executing, name=str(run.id), context=context)
        self.by_id[run.id] = Execution(run, slot, task)

    async def _execute(self, run: FlowRun, slot: Slot) -> None:
        bind_slot(slot)
        try:
            if await self._may_begin(run):
                await self._run(run)
        except BaseException as error:  # however a run ends, it never takes the worker down
            await self._report_end(run, slot, error)
        finally:
            self.by_id.pop(run.id, None)
            slot.release()

    async def _may_begin(self, run: FlowRun) -> bool:
        """Whether Prefect's server gives this worker the run: another one may have it, or a person cancelled it."""
        try:
            state = await propose_state(self._client(), Pending(message=f"Taken by worker {self._worker}."), run.id)
        except Abort as abort:
            self._log.info("Run %s does not begin here: %s", run.id, abort)
            return False
        except Exception as error:  # it stays scheduled, or the janitor finds it PENDING
            self._log.warning("Prefect's server did not say whether run %s may begin (%s)", run.id, error)
            return False
        return state.is_pending()

    async def run_flow(self, run: FlowRun, client: LeanPrefectClient) -> None:
        """Execute the run's flow by Prefect's engine. Raises whatever the engine raises."""
        flow = await self._flow_of(run)
        # With the deployment's id the engine would start a thread with a websocket for each run, to learn of its
        # suspension, and block the event loop until that is connected. `watch_states` learns of it for all runs.
        without_deployment = run.model_copy(update={"deployment_id": None})
        client.begins(run, without_deployment)
        try:
            await run_flow_async(
                flow, flow_run=without_deployment, parameters=run.parameters or {}, return_type="state"
            )
        finally:
            client.ends(run)

    async def _flow_of(self, run: FlowRun) -> Flow[..., Any]:
        """The run's flow, imported once. Code that changes is seen by a worker that is started again."""
        if run.deployment_id is None:
            raise ValueError("A run without a deployment cannot be executed here.")
        if run.deployment_id not in self._flows:
            deployment = await self._client().read_deployment(run.deployment_id)
            self._flows[run.deployment_id] = load_flow_from_entrypoint(
                str(deployment.entrypoint), use_placeholder_flow=False
            )
        return self._flows[run.deployment_id]

    async def _report_end(self, run: FlowRun, slot: Slot, error: BaseException) -> None:
        if slot.interrupted == "paused" or (slot.interrupted is None and isinstance(error, Abort | Pause)):
            self._log.info("Run %s is not executed here: %s", run.id, error)
            return
        try:
            if slot.interrupted == "returned to the queue":
                state: State[Any] = AwaitingRetry(
                    message=f"Returned to the queue by worker {self._worker}, which stops."
                )
                await self._client().set_flow_run_state(run.id, state, force=True)
            elif slot.interrupted == "cancelled":
                state = Cancelled(message="Cancelled. What was begun on the panel goes on there.")
                await self._client().set_flow_run_state(run.id, state, force=True)
                await self._call_cancellation_hooks(run, state)
            else:
                self._log.warning("Run %s was interrupted", run.id, exc_info=error)
                why = f"in worker {self._worker}: {type(error).__name__}"
                await requeue_interrupted(self._runs, str(run.id), why, after=REQUEUE_AFTER)
        except Exception as lost:  # the janitor finds the run by its silence
            self._log.warning("Prefect was not told how run %s ended: %s", run.id, lost)

    async def _call_cancellation_hooks(self, run: FlowRun, cancelled: State[Any]) -> None:
        """Tell WHMCS. Prefect's engine calls these hooks only where it was the one to cancel."""
        flow = None if run.deployment_id is None else self._flows.get(run.deployment_id)
        if flow is None:
            return  # it was cancelled before it began
        try:
            for hook in flow.on_cancellation_hooks:
                called = hook(flow, run, cancelled)
                if isawaitable(called):
                    await called
        except Exception as error:
            self._log.warning("Nobody was told that run %s was cancelled: %s", run.id, error)


def holder_of(run: FlowRun) -> Holder:
    """Who has the slot that the run takes: its panel, its flow, and whether it is urgent."""
    panel = (run.parameters or {}).get("panel") or ""
    return Holder(run.work_queue_name == URGENT, str(panel)[:LONGEST_NAME], str(run.flow_id))
