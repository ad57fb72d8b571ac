"""The worker type `dciflow`: executes the project's async flows in its own event loop, without a process for each.

Started as any other worker: `prefect worker start --pool dcimanager`. docs/adr/0007 has the reasons for its shape: its
loop lives in a thread, where Prefect's engine cannot take SIGTERM over; a run that only waits releases its slot, so
that a hundred installations hold up nobody; no error of Prefect's server ends the worker.
"""

import asyncio
import contextvars
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvloop
from anyio.abc import TaskStatus
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.results import aget_default_result_storage
from prefect.settings import (
    PREFECT_CLIENT_RETRY_EXTRA_CODES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK,
    PREFECT_WORKER_ENABLE_CANCELLATION,
    PREFECT_WORKER_QUERY_SECONDS,
    temporary_settings,
)
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from runtime.alerts import emit_alert, standstill_alert
from runtime.connections import close_connections
from runtime.result_storage import RESULTS
from runtime.run_log import escape_printed_lines
from runtime.slots import Slot, SlotPool
from tasks.stalled_runs import PrefectRuns
from worker.execution import Executions, holder_of
from worker.incarnation import IncarnationWatch
from worker.janitor import look_after
from worker.limits import (
    DRAIN_SECONDS,
    FOR_TURNS,
    GATHER_SECONDS,
    KEPT_FOR_URGENT,
    LAST_SECONDS,
    LOOK_PAST_SECONDS,
    MOST_ASKED,
    RETURN_SECONDS,
    SLOTS,
    STUCK_AFTER_SECONDS,
)
from worker.listener import listen_for_scheduled_runs
from worker.prefect_client import LeanClientContext, LeanPrefectClient
from worker.process import end_process_within, print_plainly, tune_process
from worker.state_watch import watch_states
from worker.watchdog import Watchdog


class InProcessConfiguration(BaseJobConfiguration):
    """Nothing to configure: a run has no process, no command and no environment of its own."""


class InProcessResult(BaseWorkerResult):
    """How a run ended, in the form that Prefect's workers use."""


class InProcessWorker(BaseWorker[InProcessConfiguration, BaseVariables, InProcessResult]):
    """Takes runs from the pool's queues and executes each as a task of one event loop."""

    type = "dciflow"
    job_configuration = InProcessConfiguration
    job_configuration_variables = BaseVariables
    _description = "Executes dciflow's flows in the worker's own event loop."

    def __init__(self, work_pool_name: str, work_queues: Collection[str] | None = None, **kwargs: Any) -> None:
        super().__init__(work_pool_name, list(work_queues or ()), **kwargs)
        self._pool = work_pool_name
        self._queues = sorted(work_queues or ())
        self._log = get_logger(f"workers.{self.type}.{self.name.lower()}")
        self._slots = SlotPool(SLOTS, kept_for_urgent=KEPT_FOR_URGENT)
        self._executions = Executions(
            self.name,
            client=lambda: self.client,
            runs=PrefectRuns(work_pool_name),
            run=lambda flow_run: self.run(flow_run, InProcessConfiguration()),
        )
        self._taking = True
        self._incarnation = IncarnationWatch(stop=self._return_all)
        self._passed_over = False
        self._looked_past = 0.0
        self._run_scheduled = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._pool_is_known = False
        self._query_seconds = float(PREFECT_WORKER_QUERY_SECONDS.value())
        self._asked_at = time.monotonic()
        self._context = contextvars.copy_context()
        self._lean_client: LeanPrefectClient | None = None

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """A template without variables: Prefect's server checks the variables' schema anew for every run."""
        return {"job_configuration": {"env": {}}, "variables": {"type": "object", "properties": {}}}

    # Start

    async def start(
        self, run_once: bool = False, with_healthcheck: bool = False, printer: Callable[..., None] = print
    ) -> None:
        """Take and execute runs until SIGTERM or SIGINT, then drain and stop.

        Draining takes no more runs, lets short ones end and returns the rest to the queue. A second signal returns
        everything at once.
        """
        on_signal: list[Callable[[], object]] = []

        def stop() -> None:
            printer(f"Worker {self.name!r} stops: working runs end, waiting ones are returned to the queue.")
            for ask in on_signal:
                ask()

        async def serve() -> None:
            loop, signals = asyncio.get_running_loop(), asyncio.Semaphore(0)
            on_signal.append(lambda: loop.call_soon_threadsafe(signals.release))
            await self._serve(signals, run_once, with_healthcheck, printer)

        # Also where a shell started us in the background with SIGINT ignored: these are handlers of our own.
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        print_plainly()
        escape_printed_lines()
        tune_process()
        # In the main thread Prefect's engine would take SIGTERM over and raise it in any line of any run.
        await asyncio.to_thread(uvloop.run, serve())

    async def _serve(
        self, signals: asyncio.Semaphore, run_once: bool, with_healthcheck: bool, printer: Callable[..., None]
    ) -> None:
        settings = {
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # a thread for each run, and nobody hears these heartbeats
            PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK: RESULTS,
            PREFECT_WORKER_ENABLE_CANCELLATION: False,  # `watch_states` does it, and outlives the server's restarts
            PREFECT_WORKER_QUERY_SECONDS: GATHER_SECONDS,  # `get_and_submit_flow_runs` waits by itself
        }
        # One client for all runs: otherwise each makes its own.
        with temporary_settings(settings):
            async with LeanClientContext() as shared:
                self._lean_client = shared.client
                # While Prefect's database restarts a run asks at growing intervals; the worker itself every second.
                with temporary_settings({PREFECT_CLIENT_RETRY_EXTRA_CODES: {httpx.codes.INTERNAL_SERVER_ERROR}}):
                    self._context = contextvars.copy_context()
                await self._load_result_storage()
                serving = asyncio.create_task(super().start(run_once, with_healthcheck, printer))
                first_signal = asyncio.create_task(signals.acquire())
                executing = self._executions.by_id
                beside = [
                    first_signal,
                    asyncio.create_task(watch_states(lambda: self.client, self._pool, executing)),
                    asyncio.create_task(self._incarnation.watch()),
                    asyncio.create_task(
                        look_after(
                            self._pool,
                            lambda: {str(run_id) for run_id in executing},
                            may_look=lambda: self._incarnation.may_work,
                        )
                    ),
                    asyncio.create_task(Watchdog(self._tell_of_standstill).watch()),
                ]
                await asyncio.wait({serving, first_signal}, return_when=asyncio.FIRST_COMPLETED)
                if not serving.done():
                    await self._drain(signals)
                    end_process_within(LAST_SECONDS)
                    serving.cancel()
                for task in [*beside, *filter(None, [self._listener])]:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await serving
                await close_connections()

    def _tell_of_standstill(self, seconds: float, places: str) -> None:
        emit_alert(standstill_alert(self.name, seconds, places))

    async def _load_result_storage(self) -> None:
        """Let Prefect load and keep its default storage; otherwise each run asks for it, and the loop stands still."""
        try:
            await aget_default_result_storage()
        except (ValueError, httpx.HTTPError) as error:
            self._log.warning("Prefect has no result storage for us (%s): run `dciflow setup`.", error)

    async def sync_with_backend(self) -> None:
        """Send the worker's heartbeat; once the work pool is known, listen for its scheduled runs and take them.

        An outage of the server is waited for.
        """
        try:
            await super().sync_with_backend()
        except httpx.HTTPError as error:
            self._log.warning("Prefect's server does not take our heartbeat (%s): trying again.", error or type(error))
            return
        if self._listener is None:
            with suppress(RuntimeError):  # the server does not know the pool yet: the next heartbeat asks again
                listening = listen_for_scheduled_runs(self.work_pool.id, self._run_scheduled)
                self._listener = asyncio.create_task(listening)
                self._pool_is_known = True

    def is_worker_still_polling(self, query_interval_seconds: float) -> bool:
        """Whether the worker asked for runs within the last five minutes; what the health check answers."""
        return time.monotonic() - self._asked_at < STUCK_AFTER_SECONDS

    # Take

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take the runs that are due, as far as there are slots; while more are due, go on as slots are released.

        No error of Prefect's server ends the worker: it asks again.
        """
        taken: list[FlowRun] = []
        await self._until_run_scheduled()
        self._asked_at = time.monotonic()
        try:
            while self._may_take and (free := self._slots.free) > 0:
                limit = self._how_many(free)
                due = await self._due(limit)
                self._asked_at = time.monotonic()
                runs = [entry.flow_run for entry in due]
                turns = self._slots.in_turn([holder_of(run) for run in runs])
                started = [runs[place] for place in turns if self._take(runs[place])]
                taken += started
                if not started or (len(due) < limit and len(started) == len(due)):
                    break
                await self._until_more_can_be_taken()
                await asyncio.sleep(GATHER_SECONDS)
        except ObjectNotFound:
            self._log.warning("The work pool %s is gone: run `dciflow setup`.", self._pool)
        except httpx.HTTPError as error:
            self._log.warning("Prefect's server does not say what is due (%s): asking again.", error or type(error))
        return taken

    @property
    def _may_take(self) -> bool:
        """While a side was restored runs stay scheduled."""
        return self._taking and self._pool_is_known and self._incarnation.may_work

    async def _until_run_scheduled(self) -> None:
        """Wait for a scheduled-run event, at most one poll interval (1 s)."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._run_scheduled.wait(), self._query_seconds)
        self._run_scheduled.clear()

    async def _until_more_can_be_taken(self) -> None:
        """Wait for a slot; where slots are left for urgent runs, for a scheduled run, too.

        Installations whose panel does not answer may hold their own slots for minutes.
        """
        waits = [asyncio.ensure_future(self._slots.until_released(within_seconds=self.heartbeat_interval_seconds))]
        if self._slots.free:
            waits.append(asyncio.ensure_future(self._until_run_scheduled()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _due(self, limit: int) -> list[WorkerFlowRunResponse]:
        # The client's own method has no limit.
        body: dict[str, Any] = {"limit": limit, "scheduled_before": str(datetime.now(UTC) + timedelta(seconds=1))}
        if self._queues:
            body["work_queue_names"] = self._queues
        answer = await self.client.request(
            "POST", "/work_pools/{name}/get_scheduled_flow_runs", path_params={"name": self._pool}, json=body
        )
        return WorkerFlowRunResponse.model_validate_list(answer.json())

    def _how_many(self, free: int) -> int:
        """How many due runs to ask for: more than are free where panels take turns, and where some were passed over."""
        now = time.monotonic()
        if not self._passed_over or now - self._looked_past < LOOK_PAST_SECONDS:
            return max(free, FOR_TURNS) if self._slots.serves_many else free
        self._passed_over, self._looked_past = False, now
        return MOST_ASKED

    def _take(self, run: FlowRun) -> bool:
        if run.id in self._executions.by_id:
            return False
        holder = holder_of(run)
        if not self._slots.take(**holder._asdict()):
            self._passed_over = self._passed_over or self._slots.has_room(urgent=holder.urgent)
            return False
        self._executions.begin(run, Slot(self._slots, **holder._asdict()), self._context.copy())
        return True

    async def run(
        self, flow_run: FlowRun, configuration: InProcessConfiguration, task_status: TaskStatus[int] | None = None
    ) -> InProcessResult:
        """Execute one run to its end in the running event loop. Raises whatever Prefect's engine raises."""
        if self._lean_client is None:
            raise RuntimeError("The worker was not started.")
        if task_status is not None:
            task_status.started(0)
        await self._executions.run_flow(flow_run, self._lean_client)
        return InProcessResult(status_code=0, identifier=str(flow_run.id))

    # Drain and stop

    def _return_all(self) -> None:
        """Give every run back to the queue, where it waits."""
        for execution in list(self._executions.by_id.values()):
            # Soon: a task that is cancelled before its first step would release no slot.
            asyncio.get_running_loop().call_soon(execution.interrupt, "returned to the queue")

    async def _drain(self, signals: asyncio.Semaphore) -> None:
        """Take no more; return waiting runs to the queue at once, working ones after 20 s or at a second signal."""
        self._taking = False
        executing = self._executions.by_id
        hurry = asyncio.create_task(signals.acquire())
        deadline = time.monotonic() + DRAIN_SECONDS
        while executing and not hurry.done() and time.monotonic() < deadline:
            for execution in list(executing.values()):
                if execution.slot.away:
                    execution.interrupt("returned to the queue")
            await asyncio.wait({hurry}, timeout=0.1)
        hurry.cancel()
        rest = list(executing.values())
        for execution in rest:
            execution.interrupt("returned to the queue")
        if rest:
            await asyncio.wait({execution.task for execution in rest}, timeout=RETURN_SECONDS)
