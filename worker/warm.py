"""The worker type `dciflow`: plays the project's async flows in its own event loop, without a process for each.

Started like any other, `prefect worker start --pool dcimanager`. What shapes it is in docs/adr/0007: it lives in a
thread of its own, where Prefect's engine cannot take SIGTERM away from it; a run that only waits gives up its
seat, so that a hundred installations hold up nobody; and no error of Prefect's server ends it.
"""

import asyncio
import contextvars
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from inspect import isawaitable
from typing import Any
from uuid import UUID

import httpx
import prefect
import uvloop
from anyio.abc import TaskStatus
from prefect import Flow
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.events import emit_event
from prefect.exceptions import Abort, ObjectNotFound, Pause
from prefect.flow_engine import run_flow_async
from prefect.flows import load_flow_from_entrypoint
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.results import aget_default_result_storage
from prefect.settings import (
    PREFECT_CLIENT_RETRY_EXTRA_CODES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK,
    PREFECT_WORKER_QUERY_SECONDS,
    temporary_settings,
)
from prefect.states import AwaitingRetry, Cancelled
from prefect.types._datetime import now
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from ledger import redrives
from tasks.clock import clock
from tasks.connections import close_connections, ledger
from tasks.results import RESULTS
from tasks.seat import Interruption, Room, Seat, sit
from tasks.silent_runs import MOST_REDRIVES
from worker.bell import ring_when_due
from worker.janitor import look_after
from worker.thrift import ThriftyContext

URGENT = "urgent"
"""The work queue of what must bite at once: suspend, unsuspend, power."""

SEATS = 16
"""Runs that work at the same time; those that wait for the panel are not counted. More would make nothing quicker:
Prefect's server and the panel answer a few at a time, and runs that queue there instead would time out."""

KEPT_FOR_URGENT = 8
"""A hundred activations at once leave these seats to suspensions."""

GATHER_SECONDS = 0.05
"""In a burst, what is scheduled or gets free within this time is one question to Prefect."""

CANCEL_SECONDS = 2.0
"""How often the worker asks what shall be cancelled: one small query, with no connection that could be lost unseen."""

DRAIN_SECONDS = 20.0
"""What working runs get to end by themselves when the worker stops; systemd is told to kill after 60 s."""

HAND_BACK_SECONDS = 10.0
"""What interrupted runs get to leave the ledger right."""

SWITCH_SECONDS = 0.0005
"""Prefect sends logs and events from threads of their own: with Python's own 5 ms the event loop waits for those."""

GARBAGE_AFTER = 20_000
"""Objects; Python's own 700 are made many times over in one run, and each time all runs stand still."""

AGAIN_SECONDS = 5.0
"""After so long a run is played again that broke off: what broke it may need a moment."""

LAST_SECONDS = 8.0
"""What Prefect's own clean-up gets once nothing is played any more: it may wait for a connection that never comes."""


class WarmConfiguration(BaseJobConfiguration):
    """Nothing to configure: a run has no process, no command and no environment of its own."""


class WarmResult(BaseWorkerResult):
    """How a run ended, as Prefect's workers tell it."""


@dataclass(frozen=True)
class Playing:
    """A run that this worker plays."""

    run: FlowRun
    seat: Seat
    task: "asyncio.Task[None]"


class WarmWorker(BaseWorker[WarmConfiguration, BaseVariables, WarmResult]):
    """Takes runs from the pool's queues and plays each as a task of one event loop."""

    type = "dciflow"
    job_configuration = WarmConfiguration
    job_configuration_variables = BaseVariables
    _description = "Plays dciflow's flows warm, in the worker's own event loop."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = Room(SEATS, kept_for_urgent=KEPT_FOR_URGENT)
        self._playing: dict[UUID, Playing] = {}
        self._flows: dict[UUID, Flow[..., Any]] = {}
        self._taking = True
        self._context = contextvars.copy_context()
        self._bell = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._query_seconds = float(PREFECT_WORKER_QUERY_SECONDS.value())

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """A template without variables: Prefect's server checks the variables' schema anew for every run."""
        return {"job_configuration": {"env": {}}, "variables": {"type": "object", "properties": {}}}

    # From start to stop

    async def start(
        self, run_once: bool = False, with_healthcheck: bool = False, printer: Callable[..., None] = print
    ) -> None:
        """Take and play runs until SIGTERM or SIGINT; then drain: take no more, let short runs end, hand back the rest.

        A second signal hands everything back at once.
        """
        asked_to_stop: list[Callable[[], object]] = []

        def stop() -> None:
            printer(f"Worker {self.name!r} stops: working runs end, waiting ones are handed back.")
            for ask in asked_to_stop:
                ask()

        async def serve() -> None:
            loop, signals = asyncio.get_running_loop(), asyncio.Semaphore(0)
            asked_to_stop.append(lambda: loop.call_soon_threadsafe(signals.release))
            await self._serve(signals, run_once, with_healthcheck, printer)

        # Also where a shell started us in the background with SIGINT ignored: these are handlers of our own.
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        _print_plainly()
        sys.setswitchinterval(SWITCH_SECONDS)
        # In the main thread Prefect's engine would take SIGTERM over and raise it in any line of any run.
        await asyncio.to_thread(uvloop.run, serve())

    async def _serve(
        self, signals: asyncio.Semaphore, run_once: bool, with_healthcheck: bool, printer: Callable[..., None]
    ) -> None:
        # Prefect's engine keeps a thread for each run's heartbeats; `_tell_alive` does it for all.
        heartbeat = PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value()
        settings = {
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK: RESULTS,
            PREFECT_WORKER_QUERY_SECONDS: GATHER_SECONDS,  # `get_and_submit_flow_runs` waits by itself
        }
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER)
        with temporary_settings(settings):
            async with ThriftyContext() as shared:  # one client for all runs, else each makes its own
                self._thrift = shared.client
                # While Prefect's database restarts a run asks more and more patiently; the worker itself every second.
                with temporary_settings({PREFECT_CLIENT_RETRY_EXTRA_CODES: {httpx.codes.INTERNAL_SERVER_ERROR}}):
                    self._context = contextvars.copy_context()
                # Kept by Prefect from now on; else each run asks the server for its default, and the loop stands still.
                try:
                    await aget_default_result_storage()
                except (ValueError, httpx.HTTPError) as error:
                    self._logger.warning("Prefect has no result storage for us (%s): run `dciflow setup`.", error)
                serving = asyncio.create_task(super().start(run_once, with_healthcheck, printer))
                asked_to_stop = asyncio.create_task(signals.acquire())
                beside = [
                    asked_to_stop,
                    asyncio.create_task(self._watch_states()),
                    asyncio.create_task(look_after(self._work_pool_name, lambda: {str(id) for id in self._playing})),
                ]
                if heartbeat:
                    beside.append(asyncio.create_task(self._tell_alive(heartbeat)))
                await asyncio.wait({serving, asked_to_stop}, return_when=asyncio.FIRST_COMPLETED)
                if not serving.done():
                    await self._drain(signals)
                    _end_within(LAST_SECONDS)
                    serving.cancel()
                for task in [*beside, *filter(None, [self._listener])]:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await serving
                await close_connections()

    async def _drain(self, signals: asyncio.Semaphore) -> None:
        self._taking = False
        hurry = asyncio.create_task(signals.acquire())
        deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        while self._playing and not hurry.done() and asyncio.get_running_loop().time() < deadline:
            for playing in list(self._playing.values()):
                if playing.seat.away:
                    self._interrupt(playing, "handed back")
            await asyncio.wait({hurry}, timeout=0.1)
        hurry.cancel()
        rest = list(self._playing.values())
        for playing in rest:
            self._interrupt(playing, "handed back")
        if rest:
            await asyncio.wait({playing.task for playing in rest}, timeout=HAND_BACK_SECONDS)

    def _interrupt(self, playing: Playing, why: Interruption) -> None:
        if playing.seat.interrupted is None:
            playing.seat.interrupted = why
            playing.task.cancel()

    # Taking runs

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take what is due, as far as there are seats; while more is due, go on as seats get free.

        Whatever Prefect's server says or does not say, the worker lives on and asks again.
        """
        taken: list[FlowRun] = []
        await self._until_the_bell()
        self._last_polled_time = now("UTC")
        try:
            while self._taking and self._has_successfully_synced and (room := self._room.free) > 0:
                due = await self._due(room)
                self._last_polled_time = now("UTC")
                started = [entry.flow_run for entry in due if self._take(entry.flow_run)]
                taken += started
                if len(due) < room or not started:
                    break
                await self._until_more_can_be_taken()
                await asyncio.sleep(GATHER_SECONDS)
        except ObjectNotFound:
            self._logger.warning("The work pool %s is gone: run `dciflow setup`.", self._work_pool_name)
        except httpx.HTTPError as error:
            self._logger.warning("Prefect's server does not say what is due (%s): asking again.", error or type(error))
        return taken

    async def _until_more_can_be_taken(self) -> None:
        """Wait for a seat; where seats are left for urgent runs, for one of those, too.

        Installations whose panel does not answer may hold their own seats for minutes.
        """
        waits = [asyncio.ensure_future(self._room.until_given_up(within_seconds=self.heartbeat_interval_seconds))]
        if self._room.free:
            waits.append(asyncio.ensure_future(self._until_the_bell()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _until_the_bell(self) -> None:
        """Wait until the bell rings; at most so long as nobody minds who hears no bell."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), self._query_seconds)
        self._bell.clear()

    async def sync_with_backend(self) -> None:
        """Tell Prefect that the worker lives. An outage of the server is waited for."""
        try:
            await super().sync_with_backend()
        except httpx.HTTPError as error:
            self._logger.warning(
                "Prefect's server does not take our heartbeat (%s): trying again.", error or type(error)
            )

    async def _due(self, limit: int) -> list[WorkerFlowRunResponse]:
        body: dict[str, Any] = {"limit": limit, "scheduled_before": str(now("UTC") + timedelta(seconds=1))}
        if self._work_queues:
            body["work_queue_names"] = sorted(self._work_queues)
        answer = await self.client.request(
            "POST",
            "/work_pools/{name}/get_scheduled_flow_runs",
            path_params={"name": self._work_pool_name},
            json=body,
        )
        return WorkerFlowRunResponse.model_validate_list(answer.json())

    def _take(self, run: FlowRun) -> bool:
        urgent = run.work_queue_name == URGENT
        if run.id in self._playing or not self._room.take(urgent=urgent):
            return False
        seat = Seat(self._room, urgent=urgent)
        playing = self._play(run, seat)
        task = asyncio.get_running_loop().create_task(playing, name=str(run.id), context=self._context.copy())
        self._playing[run.id] = Playing(run, seat, task)
        return True

    # Playing them

    async def run(
        self, flow_run: FlowRun, configuration: WarmConfiguration, task_status: TaskStatus[int] | None = None
    ) -> WarmResult:
        """Play one run to its end in the running event loop. Raises whatever Prefect's engine raises."""
        flow = await self._flow_of(flow_run)
        if task_status is not None:
            task_status.started(0)
        # With the deployment's id the engine would start a thread with a websocket for each run, to learn of its
        # suspension, and stop the event loop until that is connected. `_watch_states` learns of it for all.
        bare = flow_run.model_copy(update={"deployment_id": None})
        self._thrift.begins(flow_run, bare)
        try:
            await run_flow_async(flow, flow_run=bare, parameters=flow_run.parameters, return_type="state")
        finally:
            self._thrift.ends(flow_run)
        return WarmResult(status_code=0, identifier=str(flow_run.id))

    async def _play(self, run: FlowRun, seat: Seat) -> None:
        sit(seat)
        try:
            if await self._propose_pending_state(run):
                self.get_flow_run_logger(run).info("Played by worker %s", self.name)
                await self.run(run, WarmConfiguration())
        except BaseException as error:  # a run's end, whatever it is, never takes the worker down
            await self._say_how_it_ended(run, seat, error)
        finally:
            self._playing.pop(run.id, None)
            seat.leave()

    async def _say_how_it_ended(self, run: FlowRun, seat: Seat, error: BaseException) -> None:
        state: State[Any] | None = None
        if seat.interrupted == "handed back":
            state = AwaitingRetry(message=f"Handed back by worker {self.name}, which stops.")
        elif seat.interrupted == "cancelled":
            state = Cancelled(message="Cancelled. What was begun on the panel goes on there.")
        elif seat.interrupted == "paused" or isinstance(error, Abort | Pause):
            self._logger.info("Run %s is not played here: %s", run.id, error)
            return
        try:
            if state is not None:
                await self.client.set_flow_run_state(run.id, state, force=True)
            else:
                self._logger.warning("Run %s broke off", run.id, exc_info=error)
                await self._have_it_driven_again(run, type(error).__name__)
        except Exception as lost:  # the janitor finds the run by its silence
            self._logger.warning("Prefect was not told how run %s ended: %s", run.id, lost)
            return
        if state is not None and state.is_cancelled():
            await self._call_hooks(run, state)

    async def _have_it_driven_again(self, run: FlowRun, why: str) -> None:
        """Hand a run back that broke off outside of its flow, as when Prefect's server took no state of it."""
        current = (await self.client.read_flow_run(run.id)).state
        if current is None or not (current.is_pending() or current.is_running()):
            return
        broke_off = f"The run broke off in worker {self.name}: {why}."
        if (await redrives.claim(ledger(), str(run.id), now=clock().now()) or 0) > MOST_REDRIVES:
            await self._propose_crashed_state(run, broke_off)
            return
        again = now("UTC") + timedelta(seconds=AGAIN_SECONDS)
        handed_back: State[Any] = AwaitingRetry(scheduled_time=again, message=f"{broke_off} It is driven again.")
        await self.client.set_flow_run_state(run.id, handed_back, force=True)

    async def _call_hooks(self, run: FlowRun, cancelled: State[Any]) -> None:
        """What Prefect's engine does only where it was the one to cancel: tell who waits for the run."""
        flow = None if run.deployment_id is None else self._flows.get(run.deployment_id)
        if flow is None:
            return  # it was cancelled before it began
        try:
            for hook in flow.on_cancellation_hooks:
                said = hook(flow, run, cancelled)
                if isawaitable(said):
                    await said
        except Exception as error:
            self._logger.warning("Nobody was told that run %s was cancelled: %s", run.id, error)

    async def _flow_of(self, run: FlowRun) -> Flow[..., Any]:
        """The run's flow, imported once. Code that changes is seen by a worker that is started again."""
        if run.deployment_id is None:
            raise ValueError("A run without a deployment cannot be played here.")
        if run.deployment_id not in self._flows:
            deployment = await self.client.read_deployment(run.deployment_id)
            self._flows[run.deployment_id] = load_flow_from_entrypoint(
                str(deployment.entrypoint), use_placeholder_flow=False
            )
        return self._flows[run.deployment_id]

    # What goes on beside

    async def _setup_cancellation_observer(self) -> None:
        """Prefect's own observer stops for good when the server restarts; `_watch_states` does not.

        Called once the pool is known, so this is where its bell is hung up.
        """
        if self._listener is None:
            self._listener = asyncio.create_task(ring_when_due(self.work_pool.id, self._bell))

    async def _watch_states(self) -> None:
        interrupting = FlowRunFilterStateType(any_=[StateType.CANCELLING, StateType.PAUSED])
        pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[self._work_pool_name]))
        while True:
            await asyncio.sleep(CANCEL_SECONDS)
            if not self._playing:
                continue
            # Of ours only: forms that wait for a person are PAUSED, too, and there may be hundreds.
            ours = FlowRunFilterId(any_=list(self._playing))
            wanted = FlowRunFilter(id=ours, state=FlowRunFilterState(type=interrupting))
            with suppress(httpx.HTTPError):
                for run in await self.client.read_flow_runs(flow_run_filter=wanted, work_pool_filter=pool):
                    playing = self._playing.get(run.id)
                    if playing is not None and run.state is not None:
                        self._interrupt(playing, "paused" if run.state.is_paused() else "cancelled")

    async def _tell_alive(self, every_seconds: int) -> None:
        """Send the heartbeats that Prefect's engine would: an event for each run that lives longer than that."""
        while True:
            before = set(self._playing)
            await asyncio.sleep(every_seconds)
            for run_id in before & set(self._playing):
                run = self._playing[run_id].run
                emit_event(
                    event="prefect.flow-run.heartbeat",
                    resource={
                        "prefect.resource.id": f"prefect.flow-run.{run.id}",
                        "prefect.resource.name": run.name,
                        "prefect.version": prefect.__version__,
                    },
                    related=[
                        {"prefect.resource.id": f"prefect.flow.{run.flow_id}", "prefect.resource.role": "flow"},
                        {
                            "prefect.resource.id": f"prefect.deployment.{run.deployment_id}",
                            "prefect.resource.role": "deployment",
                        },
                    ],
                )


def _print_plainly() -> None:
    """Print log lines as they are where nobody sees colours: styling them was a seventh of the worker's work."""
    root = logging.getLogger()
    for styling in [handler for handler in root.handlers if isinstance(handler, PrefectConsoleHandler)]:
        if not styling.console.is_terminal:
            plain = logging.StreamHandler(styling.stream)
            plain.setLevel(styling.level)
            plain.setFormatter(styling.formatter)
            for kept in styling.filters:
                plain.addFilter(kept)
            root.removeHandler(styling)
            root.addHandler(plain)


def _end_within(seconds: float) -> None:
    """End the process after that time if it has not ended by itself."""
    last = threading.Timer(seconds, os._exit, (0,))
    last.daemon = True
    last.start()
