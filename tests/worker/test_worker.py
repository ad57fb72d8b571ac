"""The worker without a server: which runs it takes, in which slots, and how it stops."""

import asyncio
import time

import pytest
from prefect.client.schemas.objects import FlowRun

from runtime.alerts import STANDSTILL, Alert
from runtime.slots import LEFT_TO_OTHERS
from tests.worker.staged import Staged, runs
from worker.limits import KEPT_FOR_URGENT, MOST_ASKED, SLOTS, STUCK_AFTER_SECONDS, URGENT
from worker.worker import InProcessWorker


async def test_installations_leave_slots_to_suspensions_and_those_that_wait_have_none(worker: Staged) -> None:
    worker.waiting = runs(SLOTS)
    assert len(await worker.get_and_submit_flow_runs()) == SLOTS - KEPT_FOR_URGENT
    worker.waiting = runs(SLOTS, URGENT)
    assert len(await worker.get_and_submit_flow_runs()) == KEPT_FOR_URGENT
    assert worker._slots.free == 0
    asked = len(worker.asked)
    assert await worker.get_and_submit_flow_runs() == []
    assert len(worker.asked) == asked
    await worker.all_over()
    assert worker._slots.free == SLOTS


async def test_a_hundred_that_wait_hold_up_nobody(worker: Staged) -> None:
    for _ in range(20):
        worker.waiting = runs(5, "default", "waits")
        await worker.get_and_submit_flow_runs()
        await asyncio.sleep(0)
    assert len(worker.executing) == 100
    assert worker._slots.free == SLOTS
    worker.waiting = runs(1, URGENT)
    assert len(await worker.get_and_submit_flow_runs()) == 1
    await worker.all_over()


@pytest.mark.timeout(20)  # less than it would wait for a slot whose release it missed
async def test_a_burst_is_taken_as_slots_get_free_without_waiting_for_the_next_look(worker: Staged) -> None:
    worker.waiting = runs(3 * SLOTS, URGENT)
    worker.heartbeat_interval_seconds = 30
    worker.may_end.set()
    assert len(await worker.get_and_submit_flow_runs()) == 3 * SLOTS
    await worker.all_over()
    assert list(worker.server.told.values()) == ["Completed"] * 3 * SLOTS


async def test_a_scheduled_run_makes_it_look_at_once(worker: Staged) -> None:
    worker._query_seconds = 3600
    looking = asyncio.create_task(worker.get_and_submit_flow_runs())
    await asyncio.sleep(0)
    assert worker.asked == []
    worker._run_scheduled.set()
    await looking
    assert len(worker.asked) == 1
    assert not worker._run_scheduled.is_set()


async def test_a_suspension_is_taken_while_more_installations_are_due_than_have_slots(worker: Staged) -> None:
    worker.heartbeat_interval_seconds = 3600
    worker._query_seconds = 3600
    worker.waiting = runs(3 * SLOTS)
    worker._run_scheduled.set()
    looking = asyncio.create_task(worker.get_and_submit_flow_runs())
    for _ in range(SLOTS - KEPT_FOR_URGENT):
        await worker.taken.get()
    (urgent,) = runs(1, URGENT)
    worker.waiting.insert(0, urgent)  # Prefect's server says first what is in the queue of the higher priority
    worker._run_scheduled.set()
    assert await worker.taken.get() is urgent
    looking.cancel()
    await worker.all_over()


async def test_a_worker_that_drains_lets_short_runs_end_and_returns_the_others_to_the_queue(worker: Staged) -> None:
    works, waits = worker.waiting = [*runs(1), *runs(1, "default", "waits")]
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    draining = asyncio.create_task(worker._drain(asyncio.Semaphore(0)))
    await worker.executing[waits.id].task
    assert worker.server.told == {waits.id: "AwaitingRetry"}
    worker.waiting = runs(1)
    assert await worker.get_and_submit_flow_runs() == []
    worker.may_end.set()
    await draining
    assert worker.server.told == {waits.id: "AwaitingRetry", works.id: "Completed"}


async def test_a_second_signal_returns_everything_to_the_queue_at_once(worker: Staged) -> None:
    (works,) = worker.waiting = runs(1)
    await worker.get_and_submit_flow_runs()
    await asyncio.sleep(0)
    await worker._drain(asyncio.Semaphore(1))
    assert worker.server.told == {works.id: "AwaitingRetry"}


async def test_a_worker_that_does_not_know_its_pool_takes_nothing(worker: Staged) -> None:
    worker._pool_is_known = False
    worker.waiting = runs(1)
    assert await worker.get_and_submit_flow_runs() == []
    assert worker.asked == []


async def test_the_health_check_finds_a_worker_that_no_longer_asks(worker: Staged) -> None:
    await worker.get_and_submit_flow_runs()
    assert worker.is_worker_still_polling(0.05)
    worker._asked_at = time.monotonic() - STUCK_AFTER_SECONDS - 1
    assert not worker.is_worker_still_polling(0.05)
    await worker.get_and_submit_flow_runs()
    assert worker.is_worker_still_polling(0.05)


def test_the_work_pool_has_nothing_that_is_checked_for_each_run() -> None:
    assert InProcessWorker.get_default_base_job_template()["variables"] == {"type": "object", "properties": {}}


def of_panel(count: int, panel: str, queue: str = "default") -> list[FlowRun]:
    return [run.model_copy(update={"parameters": {"panel": panel}}) for run in runs(count, queue)]


async def test_a_hundred_due_runs_of_one_panel_leave_slots_to_another_and_are_looked_past(worker: Staged) -> None:
    worker.waiting = of_panel(1, "main")
    await worker.get_and_submit_flow_runs()
    await worker.all_over()
    worker.may_end.clear()
    worker.waiting = [*of_panel(100, "evil"), *of_panel(1, "main")]
    taken = [run.parameters["panel"] for run in await worker.get_and_submit_flow_runs()]
    assert taken == ["evil"] * (SLOTS - KEPT_FOR_URGENT - LEFT_TO_OTHERS) + ["main"]
    assert MOST_ASKED in worker.asked
    asked = len(worker.asked)
    await worker.get_and_submit_flow_runs()
    assert MOST_ASKED not in worker.asked[asked:]  # not at each look
    await worker.all_over()
    assert worker._slots.free == SLOTS


async def test_a_standstill_is_told_to_staff(worker: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Alert] = []
    monkeypatch.setattr("worker.worker.emit_alert", told.append)
    worker._tell_of_standstill(13.7, "redaction.py:32 redact")
    assert told[0].payload["line"] == (
        "No run of worker w went on for 14 s: it was at redaction.py:32 redact. "
        "See docs/operate.md (Runs that do not move)."
    )
    assert told[0].event == STANDSTILL
