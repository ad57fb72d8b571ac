"""The worker without a server: what it takes, and that no run's end takes it down."""

import asyncio
import io
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from anyio.abc import TaskStatus
from prefect import Flow, flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import Pause
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from prefect.states import Cancelling, Completed, Failed, Pending, Running, Scheduled, Suspended

from tasks.seat import away, stop_quietly
from tasks.silent_runs import MOST_REDRIVES
from worker.warm import KEPT_FOR_URGENT, SEATS, URGENT, WarmConfiguration, WarmResult, WarmWorker, _print_plainly


class Server:
    """Prefect's server, as far as the worker says something to it."""

    def __init__(self) -> None:
        self.told: dict[UUID, str] = {}
        self.gone = False
        self.state: State[Any] = Running()

    async def read_flow_run(self, run_id: UUID) -> FlowRun:
        if self.gone:
            raise httpx.ConnectError("gone")
        return FlowRun(id=run_id, flow_id=uuid4(), state=self.state)

    async def set_flow_run_state(self, run_id: UUID, state: "State[Any]", force: bool = False) -> None:
        if self.gone:
            raise httpx.ConnectError("gone")
        self.told[run_id] = state.name or ""


class Staged(WarmWorker):
    """A worker whose runs do what the test wants."""

    type = "staged"

    def __init__(self) -> None:
        super().__init__("pool", name="w")
        self.server = Server()
        self._client = self.server  # type: ignore[assignment]
        self.waiting: list[FlowRun] = []
        self.asked: list[int] = []
        self.taken: asyncio.Queue[FlowRun] = asyncio.Queue()
        self.may_end = asyncio.Event()
        self.end: BaseException | None = None
        self.pending = True
        self._has_successfully_synced = True
        self.heartbeat_interval_seconds = 0  # it does not wait for a seat that nobody gives up
        self._query_seconds = 0.0

    async def run(
        self, flow_run: FlowRun, configuration: WarmConfiguration, task_status: TaskStatus[int] | None = None
    ) -> WarmResult:
        try:
            if "waits" in flow_run.tags:
                async with away():
                    await self.may_end.wait()
            else:
                await self.may_end.wait()
        except asyncio.CancelledError:
            stop_quietly()
            raise
        if self.end is not None:
            raise self.end
        self.server.told[flow_run.id] = "Completed"
        return WarmResult(status_code=0, identifier="-")

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

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        return self.pending

    async def _propose_crashed_state(self, flow_run: FlowRun, message: str, client: Any = None) -> None:
        if self.server.gone:
            raise httpx.ConnectError("gone")
        self.server.told[flow_run.id] = f"Crashed: {message}"

    async def all_over(self) -> None:
        """Wait until no run is played."""
        self.may_end.set()
        await asyncio.gather(*(playing.task for playing in self._playing.values()))


def runs(count: int, queue: str = "default", *tags: str) -> list[FlowRun]:
    return [FlowRun(flow_id=uuid4(), name="a run", work_queue_name=queue, tags=list(tags)) for _ in range(count)]


@pytest.fixture
def worker() -> Iterator[Staged]:
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield Staged()


async def test_installations_leave_seats_to_suspensions_and_those_that_wait_have_none(worker: Staged) -> None:
    worker.waiting = runs(SEATS)
    assert len(await worker.get_and_submit_flow_runs()) == SEATS - KEPT_FOR_URGENT
    worker.waiting = runs(SEATS, URGENT)
    assert len(await worker.get_and_submit_flow_runs()) == KEPT_FOR_URGENT
    assert worker._room.free == 0
    asked = len(worker.asked)
    assert await worker.get_and_submit_flow_runs() == []
    assert len(worker.asked) == asked
    await worker.all_over()
    assert worker._room.free == SEATS


async def test_a_hundred_that_wait_hold_up_nobody(worker: Staged) -> None:
    for _ in range(20):
        worker.waiting = runs(5, "default", "waits")
        await worker.get_and_submit_flow_runs()
        await asyncio.sleep(0)
    assert len(worker._playing) == 100
    assert worker._room.free == SEATS
    worker.waiting = runs(1, URGENT)
    assert len(await worker.get_and_submit_flow_runs()) == 1
    await worker.all_over()


@pytest.mark.timeout(20)  # less than it would wait for a seat whose giving up it missed
async def test_a_burst_is_taken_as_seats_get_free_without_waiting_for_the_next_look(worker: Staged) -> None:
    worker.waiting = runs(3 * SEATS, URGENT)
    worker.heartbeat_interval_seconds = 30
    worker.may_end.set()
    assert len(await worker.get_and_submit_flow_runs()) == 3 * SEATS
    await worker.all_over()
    assert list(worker.server.told.values()) == ["Completed"] * 3 * SEATS


async def test_the_bell_makes_it_look_at_once(worker: Staged) -> None:
    worker._query_seconds = 3600
    looking = asyncio.create_task(worker.get_and_submit_flow_runs())
    await asyncio.sleep(0)
    assert worker.asked == []
    worker._bell.set()
    await looking
    assert len(worker.asked) == 1
    assert not worker._bell.is_set()


async def test_a_suspension_is_taken_while_more_installations_are_due_than_have_seats(worker: Staged) -> None:
    worker.heartbeat_interval_seconds = 3600
    worker._query_seconds = 3600
    worker.waiting = runs(3 * SEATS)
    worker._bell.set()
    looking = asyncio.create_task(worker.get_and_submit_flow_runs())
    for _ in range(SEATS - KEPT_FOR_URGENT):
        await worker.taken.get()
    (urgent,) = runs(1, URGENT)
    worker.waiting.insert(0, urgent)  # Prefect's server says first what is in the queue of the higher priority
    worker._bell.set()
    assert await worker.taken.get() is urgent
    looking.cancel()
    await worker.all_over()


async def _breaks_off(worker: Staged, run: FlowRun, end: BaseException) -> str | None:
    """What Prefect was told of a run that ended like that."""
    worker.waiting, worker.end = [run], end
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    assert worker._room.free == SEATS
    assert worker._playing == {}
    return worker.server.told.pop(run.id, None)


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize("state", [Pending(), Running()], ids=lambda state: state.name)
@pytest.mark.parametrize(
    "end", [RuntimeError("no"), SystemExit(3), KeyboardInterrupt()], ids=lambda e: type(e).__name__
)
async def test_a_run_that_breaks_off_is_handed_back_and_does_not_take_the_worker_down(
    worker: Staged, end: BaseException, state: "State[Any]"
) -> None:
    (run,) = runs(1)
    worker.server.state = state
    assert await _breaks_off(worker, run, end) == "AwaitingRetry"


@pytest.mark.usefixtures("stage")
async def test_one_that_breaks_off_again_and_again_is_not_handed_back_for_ever(worker: Staged) -> None:
    (run,) = runs(1)
    for _ in range(MOST_REDRIVES):
        assert await _breaks_off(worker, run, RuntimeError("no")) == "AwaitingRetry"
    said = await _breaks_off(worker, run, RuntimeError("no"))
    assert said == "Crashed: The run broke off in worker w: RuntimeError."


@pytest.mark.parametrize("state", [Completed(), Failed(), Cancelling(), Scheduled()], ids=lambda state: state.name)
async def test_one_that_has_ended_or_will_be_played_anyway_is_left_alone(worker: Staged, state: "State[Any]") -> None:
    (run,) = runs(1)
    worker.server.state = state
    assert await _breaks_off(worker, run, RuntimeError("no")) is None


async def test_a_server_that_is_gone_ends_neither_the_worker_nor_its_runs(worker: Staged) -> None:
    worker.waiting = runs(1)
    worker.end = RuntimeError("no")
    await worker.get_and_submit_flow_runs()
    worker.server.gone = True
    assert await worker.get_and_submit_flow_runs() == []
    await worker.all_over()
    assert worker._room.free == SEATS


async def test_a_run_that_another_worker_took_is_not_played(worker: Staged) -> None:
    worker.pending = False
    worker.waiting = runs(1)
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    assert worker.server.told == {}
    assert worker._room.free == SEATS


async def test_a_cancelled_run_ends_cancelled_wherever_it_is(worker: Staged) -> None:
    works, waits = worker.waiting = [*runs(1), *runs(1, "default", "waits")]
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    for playing in worker._playing.values():
        worker._interrupt(playing, "cancelled")
        worker._interrupt(playing, "handed back")
    await asyncio.gather(*(playing.task for playing in worker._playing.values()))
    assert worker.server.told == {works.id: "Cancelled", waits.id: "Cancelled"}
    assert worker._room.free == SEATS


async def test_who_waits_for_a_run_is_told_of_its_cancellation(worker: Staged) -> None:
    told: list[tuple[str, UUID, str | None]] = []

    async def tell(flow: "Flow[..., Any]", run: FlowRun, state: "State[Any]") -> None:
        told.append((flow.name, run.id, state.name))

    async def body() -> None:
        """Played by nobody."""

    (run,) = worker.waiting = [runs(1)[0].model_copy(update={"deployment_id": uuid4()})]
    assert run.deployment_id is not None
    worker._flows[run.deployment_id] = flow(name="activate", on_cancellation=[tell])(body)
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    (playing,) = worker._playing.values()
    worker._interrupt(playing, "cancelled")
    await asyncio.gather(playing.task)
    assert told == [("activate", run.id, "Cancelled")]


async def test_a_paused_run_stops_and_stays_paused(worker: Staged) -> None:
    worker.waiting = runs(1)
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    (playing,) = worker._playing.values()
    worker._interrupt(playing, "paused")
    await playing.task
    assert worker.server.told == {}


async def test_a_run_that_suspends_itself_gives_up_its_seat_and_is_not_called_broken(worker: Staged) -> None:
    worker.waiting, worker.end = runs(1), Pause(state=Suspended())
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    assert worker.server.told == {}
    assert worker._room.free == SEATS


async def test_a_worker_that_drains_lets_short_runs_end_and_hands_back_the_others(worker: Staged) -> None:
    works, waits = worker.waiting = [*runs(1), *runs(1, "default", "waits")]
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    draining = asyncio.create_task(worker._drain(asyncio.Semaphore(0)))
    await worker._playing[waits.id].task
    assert worker.server.told == {waits.id: "AwaitingRetry"}
    worker.waiting = runs(1)
    assert await worker.get_and_submit_flow_runs() == []
    worker.may_end.set()
    await draining
    assert worker.server.told == {waits.id: "AwaitingRetry", works.id: "Completed"}


async def test_a_second_signal_hands_everything_back_at_once(worker: Staged) -> None:
    (works,) = worker.waiting = runs(1)
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    await worker._drain(asyncio.Semaphore(1))
    assert worker.server.told == {works.id: "AwaitingRetry"}


@pytest.mark.parametrize("sees_colours", [True, False])
def test_log_lines_are_printed_as_they_are_where_nobody_sees_colours(
    monkeypatch: pytest.MonkeyPatch, sees_colours: bool
) -> None:
    root, printed = logging.Logger("root"), io.StringIO()
    monkeypatch.setattr(logging, "getLogger", lambda: root)
    styling = PrefectConsoleHandler(printed)
    styling.setFormatter(logging.Formatter("| %(message)s"))
    styling.addFilter(lambda record: "secret" not in str(record.msg))
    monkeypatch.setattr(type(styling.console), "is_terminal", sees_colours)
    root.addHandler(styling)
    _print_plainly()
    assert (styling in root.handlers) is sees_colours
    for line in ("port 4 asked to go off", "a secret"):
        root.warning(line)
    assert printed.getvalue() == "| port 4 asked to go off\n"


def test_the_work_pool_has_nothing_that_is_checked_for_each_run() -> None:
    assert WarmWorker.get_default_base_job_template()["variables"] == {"type": "object", "properties": {}}
