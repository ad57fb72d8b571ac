"""One run's end without a server: what Prefect is told of it, and that it never takes the worker down."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import Flow, flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Pause
from prefect.states import Cancelling, Completed, Failed, Pending, Running, Scheduled, Suspended

from ledger import requests, services
from ledger.states import State as ServiceState
from runtime.alerts import HELD
from runtime.errors import HoldReason
from runtime.heartbeat import STALLED_AFTER
from tasks.stalled_runs import MAX_REQUEUES
from tests.harness import PANEL, Harness
from tests.worker.staged import Staged, runs
from worker.limits import SLOTS


async def _told_of_the_end(worker: Staged, run: FlowRun, end: BaseException) -> str | None:
    """What Prefect was told of a run that ended like that."""
    worker.waiting, worker.end = [run], end
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    assert worker._slots.free == SLOTS
    assert worker.executing == {}
    return worker.server.told.pop(run.id, None)


@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize("state", [Pending(), Running()], ids=lambda state: state.name)
@pytest.mark.parametrize(
    "end", [RuntimeError("no"), SystemExit(3), KeyboardInterrupt()], ids=lambda e: type(e).__name__
)
async def test_an_interrupted_run_is_returned_to_the_queue_and_does_not_take_the_worker_down(
    worker: Staged, end: BaseException, state: "State[Any]"
) -> None:
    (run,) = runs(1)
    worker.server.state = state
    assert await _told_of_the_end(worker, run, end) == "AwaitingRetry"


async def test_one_that_is_interrupted_again_and_again_is_held(worker: Staged, harness: Harness) -> None:
    (run,) = runs(1)
    now = harness.clock.now()
    await services.remember(harness.ledger, service_id=1, panel=PANEL, order=harness.order(), now=now)
    await requests.open(
        harness.ledger,
        service_id=1,
        panel=PANEL,
        action="activate",
        flow_run_id=str(run.id),
        requested_by="api",
        now=now,
        silent_after=STALLED_AFTER,
    )
    for _ in range(MAX_REQUEUES):
        assert await _told_of_the_end(worker, run, RuntimeError("no")) == "AwaitingRetry"
    assert (await harness.service(1)).state is not ServiceState.HELD
    said = await _told_of_the_end(worker, run, RuntimeError("no"))
    line = "It was interrupted 6 times, the last time in worker w: RuntimeError."
    assert str(said).startswith(f"Failed: {line}")
    service = await harness.service(1)
    assert (service.state, service.held_reason) == (ServiceState.HELD, HoldReason.BREAKS_OFF)
    assert line in str(service.held_evidence)
    ((event, _, payload),) = harness.events
    assert (event, payload["run_id"]) == (HELD, str(run.id))
    assert await requests.open_requests(harness.ledger) == []


@pytest.mark.usefixtures("harness")
async def test_one_that_no_service_waits_for_fails_then(worker: Staged) -> None:
    (run,) = runs(1)
    for _ in range(MAX_REQUEUES):
        assert await _told_of_the_end(worker, run, RuntimeError("no")) == "AwaitingRetry"
    assert str(await _told_of_the_end(worker, run, RuntimeError("no"))).startswith("Failed: It was interrupted 6 times")


@pytest.mark.parametrize("state", [Completed(), Failed(), Cancelling(), Scheduled()], ids=lambda state: state.name)
async def test_one_that_has_ended_or_will_be_executed_anyway_is_left_alone(worker: Staged, state: "State[Any]") -> None:
    (run,) = runs(1)
    worker.server.state = state
    assert await _told_of_the_end(worker, run, RuntimeError("no")) is None


async def test_a_server_that_is_gone_ends_neither_the_worker_nor_its_runs(worker: Staged) -> None:
    worker.waiting = runs(1)
    worker.end = RuntimeError("no")
    await worker.get_and_submit_flow_runs()
    worker.server.gone = True
    assert await worker.get_and_submit_flow_runs() == []
    await worker.all_over()
    assert worker._slots.free == SLOTS


async def test_a_run_that_another_worker_took_is_not_executed(worker: Staged) -> None:
    worker.server.gives_runs = False
    worker.waiting = runs(1)
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    assert worker.server.told == {}
    assert worker._slots.free == SLOTS


async def test_a_cancelled_run_ends_cancelled_wherever_it_is(worker: Staged) -> None:
    works, waits = worker.waiting = [*runs(1), *runs(1, "default", "waits")]
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    for execution in worker.executing.values():
        execution.interrupt("cancelled")
        execution.interrupt("returned to the queue")
    await asyncio.gather(*(execution.task for execution in worker.executing.values()))
    assert worker.server.told == {works.id: "Cancelled", waits.id: "Cancelled"}
    assert worker._slots.free == SLOTS


async def test_who_waits_for_a_run_is_told_of_its_cancellation(worker: Staged) -> None:
    told: list[tuple[str, UUID, str | None]] = []

    async def tell(flow: "Flow[..., Any]", run: FlowRun, state: "State[Any]") -> None:
        told.append((flow.name, run.id, state.name))

    async def body() -> None:
        """Executed by nobody."""

    (run,) = worker.waiting = [runs(1)[0].model_copy(update={"deployment_id": uuid4()})]
    assert run.deployment_id is not None
    worker._executions._flows[run.deployment_id] = flow(name="activate", on_cancellation=[tell])(body)
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    (execution,) = worker.executing.values()
    execution.interrupt("cancelled")
    await asyncio.gather(execution.task)
    assert told == [("activate", run.id, "Cancelled")]


async def test_a_paused_run_stops_and_stays_paused(worker: Staged) -> None:
    worker.waiting = runs(1)
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    (execution,) = worker.executing.values()
    execution.interrupt("paused")
    await execution.task
    assert worker.server.told == {}


async def test_a_run_that_suspends_itself_releases_its_slot_and_is_not_called_interrupted(worker: Staged) -> None:
    worker.waiting, worker.end = runs(1), Pause(state=Suspended())
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    assert worker.server.told == {}
    assert worker._slots.free == SLOTS


async def test_a_runs_history_says_which_worker_took_it(worker: Staged) -> None:
    worker.waiting = runs(1)
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    assert worker.server.taken_by == ["Taken by worker w."]
