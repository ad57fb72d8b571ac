from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.objects import StateType

from flows._errand import errand
from flows._lifecycle import lifecycle
from ledger import reconciliation, requests, services
from ledger.errors import Superseded
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Driver
from ledger.states import State
from runtime.alerts import HELD
from runtime.heartbeat import HEARTBEAT_SECONDS, STALLED_AFTER
from tasks.reconciliation.comparison import LEASE
from tasks.stalled_runs import (
    MAX_REQUEUES,
    UNACCOUNTED_AFTER,
    UNDER_WAY,
    WITH_HEARTBEAT,
    PrefectRuns,
    SeenRun,
    StalledRuns,
    look_twice,
)
from tests.harness import PANEL, Harness
from tests.ledger.scenario import last_request
from tools.steps import flows

LOOK = timedelta(seconds=30)


class RememberedRuns:
    """Prefect as far as it matters here: runs with a state, and what was done to them."""

    def __init__(self) -> None:
        self.runs: dict[str, SeenRun] = {}
        self.done: list[tuple[str, str]] = []

    def put(self, run_id: str, state: StateType, since: datetime, flow: str = "activate") -> None:
        self.runs[run_id] = SeenRun(run_id=run_id, name=f"run {run_id}", flow=flow, state=state, since=since)

    async def get(self, run_id: str) -> SeenRun | None:
        return self.runs.get(run_id)

    async def under_way(self, *, older_than: datetime, but_not: Collection[str]) -> list[SeenRun]:
        return [r for r in self.runs.values() if r.state in UNDER_WAY and r.run_id not in but_not]

    async def requeue(self, run_id: str, why: str, after: timedelta) -> None:
        self.done.append(("re-queued", run_id))

    async def fail(self, run_id: str, why: str) -> None:
        self.done.append(("failed", run_id))

    async def cancel(self, run_id: str, why: str) -> None:
        self.done.append(("cancelled", run_id))


class Ward:
    """A harness with one service whose run beats or does not, and somebody who looks."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.runs = RememberedRuns()
        self.playing: set[str] = set()
        self.silent_runs = StalledRuns(self.runs, lambda: self.playing)

    async def open(self, run_id: str = "run-1", state: StateType = StateType.RUNNING) -> Driver:
        now = self.harness.clock.now()
        await services.remember(self.harness.ledger, service_id=1, panel=PANEL, order=self.harness.order(), now=now)
        self.runs.put(run_id, state, now)
        driver, _ = await requests.open(
            self.harness.ledger,
            service_id=1,
            panel=PANEL,
            action="activate",
            flow_run_id=run_id,
            requested_by="api",
            now=now,
            silent_after=STALLED_AFTER,
        )
        return driver

    async def later(self, duration: timedelta) -> None:
        self.harness.clock.simulated.advance(duration.total_seconds())

    async def looks(self, times: int, *, every: timedelta = LOOK) -> list[str]:
        said = []
        for _ in range(times):
            said += await self.silent_runs.look()
            await self.later(every)
        return said


@pytest.fixture
def ward(harness: Harness) -> Ward:
    return Ward(harness)


async def test_a_run_that_broke_off_is_driven_again_once(ward: Ward) -> None:
    await ward.open()
    assert await ward.looks(4) == []
    (line,) = await ward.looks(3)
    assert line.startswith("run run-1: silent since ")
    assert ward.runs.done == [("re-queued", "run-1")]


@pytest.mark.parametrize("state", [StateType.PENDING, StateType.FAILED, StateType.CRASHED])
async def test_so_is_one_that_could_not_say_how_it_ended(ward: Ward, state: StateType) -> None:
    await ward.open(state=state)
    await ward.looks(5)
    assert ward.runs.done == [("re-queued", "run-1")]


async def test_the_request_of_a_run_that_ended_well_is_closed(ward: Ward) -> None:
    await ward.open(state=StateType.COMPLETED)
    (line,) = await ward.looks(6)
    assert line == "activate of service 1: its flow run is over, its request is closed"
    assert ward.runs.done == []
    assert await requests.open_requests(ward.harness.ledger) == []


@pytest.mark.parametrize("state", [StateType.SCHEDULED, StateType.PAUSED])
async def test_one_that_will_be_played_anyway_is_left_alone(ward: Ward, state: StateType) -> None:
    await ward.open(state=state)
    await ward.looks(8)
    assert ward.runs.done == []


async def test_a_live_run_is_left_alone(ward: Ward) -> None:
    driver = await ward.open()
    for _ in range(20):
        await requests.beat(ward.harness.ledger, [driver], now=ward.harness.clock.now())
        await ward.looks(1, every=timedelta(seconds=15))
    assert ward.runs.done == []


async def test_a_run_that_is_played_here_is_left_alone(ward: Ward) -> None:
    await ward.open()
    ward.playing.add("run-1")
    await ward.looks(10)
    assert ward.runs.done == []


async def test_after_an_outage_of_the_ledger_live_runs_get_time_to_beat(ward: Ward) -> None:
    driver = await ward.open()
    await ward.looks(1)
    await ward.later(timedelta(minutes=20))
    ward.silent_runs._heard = {}  # what a look that fails leaves
    await ward.looks(1)
    await requests.beat(ward.harness.ledger, [driver], now=ward.harness.clock.now())
    await ward.looks(1)
    assert ward.runs.done == []


async def test_two_that_look_at_once_drive_a_run_again_once(ward: Ward) -> None:
    await ward.open()
    other = StalledRuns(ward.runs)
    for _ in range(6):
        await ward.silent_runs.look()
        await other.look()
        await ward.later(LOOK)
    assert ward.runs.done == [("re-queued", "run-1")]


async def test_a_run_that_breaks_off_again_and_again_is_held(ward: Ward) -> None:
    driver = await ward.open()
    for _ in range(MAX_REQUEUES):
        await ward.looks(5)
        driver = await ward.open()  # a worker plays it again, and dies
    assert [what for what, _ in ward.runs.done] == ["re-queued"] * MAX_REQUEUES
    await ward.looks(5)
    assert ward.runs.done[-1] == ("failed", "run-1")
    service = await ward.harness.service(1)
    assert (service.state, service.held_reason) == (State.HELD, HoldReason.BREAKS_OFF)
    assert "was interrupted 6 times" in str(service.held_evidence)
    ((event, _, payload),) = ward.harness.events
    assert (event, payload["reason"], payload["run_id"]) == (HELD, HoldReason.BREAKS_OFF, "run-1")
    assert await requests.open_requests(ward.harness.ledger) == []
    with pytest.raises(Superseded):
        await requests.close(ward.harness.ledger, driver, outcome="done", message=None, now=ward.harness.clock.now())


@pytest.mark.parametrize(
    ("state", "done"), [(StateType.CANCELLING, [("cancelled", "run-1")]), (StateType.CANCELLED, [])]
)
async def test_a_cancelled_run_that_nobody_plays_is_over(
    ward: Ward, state: StateType, done: list[tuple[str, str]]
) -> None:
    await ward.open(state=state)
    await ward.looks(5)
    assert ward.runs.done == done
    last = await last_request(ward.harness.ledger, 1)
    assert last is not None
    assert last.outcome == "cancelled"


async def test_the_request_of_a_deleted_run_is_closed(ward: Ward) -> None:
    await ward.open()
    ward.runs.runs.clear()
    await ward.looks(5)
    last = await last_request(ward.harness.ledger, 1)
    assert last is not None
    assert (last.outcome, last.message) == ("abandoned", "Its flow run is gone.")


@pytest.mark.parametrize("state", [StateType.PENDING, StateType.RUNNING])
async def test_a_run_that_died_before_it_opened_a_request_is_driven_again(ward: Ward, state: StateType) -> None:
    ward.runs.put("run-2", state, ward.harness.clock.now())
    await ward.looks(1)
    await ward.later(UNACCOUNTED_AFTER)
    await ward.looks(2)
    assert ward.runs.done == [("re-queued", "run-2")]


async def test_a_reconciliation_is_left_alone_as_long_as_it_renews_its_lease(ward: Ward) -> None:
    ward.runs.put("run-2", StateType.RUNNING, ward.harness.clock.now(), "reconcile")
    for _ in range(10):
        now = ward.harness.clock.now()
        await reconciliation.begin(ward.harness.ledger, PANEL, "run-2", lease=LEASE, now=now)
        await ward.looks(1)
    assert ward.runs.done == []
    await ward.later(LEASE)
    await ward.looks(1)
    assert ward.runs.done == [("re-queued", "run-2")]


async def test_what_signs_nowhere_may_be_played_by_another_worker_for_an_hour(ward: Ward) -> None:
    ward.runs.put("run-2", StateType.RUNNING, ward.harness.clock.now(), "traffic")
    await ward.looks(2 * 59)
    assert ward.runs.done == []
    await ward.looks(4)
    assert ward.runs.done == [("re-queued", "run-2")]


@pytest.mark.parametrize(("state", "done"), [(StateType.PENDING, "re-queued"), (StateType.CANCELLING, "cancelled")])
async def test_what_signs_nowhere_and_does_not_run_is_played_by_nobody(ward: Ward, state: StateType, done: str) -> None:
    ward.runs.put("run-2", state, ward.harness.clock.now(), "traffic")
    await ward.later(UNACCOUNTED_AFTER + LOOK)
    await ward.looks(1)
    assert ward.runs.done == [(done, "run-2")]


def test_the_flows_that_sign_are_the_lifecycles_and_the_reconciliation() -> None:
    makers = {lifecycle.__code__.co_filename, errand.__code__.co_filename}
    made = {flow.name for flow in flows() if flow.fn.__code__.co_filename in makers}
    assert made | {"reconcile", "rehearse"} == WITH_HEARTBEAT


async def test_a_reconciliation_looks_a_second_time_only_where_one_seems_to_be_silent(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        await ward.later(timedelta(seconds=seconds))

    monkeypatch.setattr("tasks.stalled_runs.asyncio.sleep", wait)
    await ward.open()
    await look_twice(ward.silent_runs)
    assert waited == []
    await ward.later(STALLED_AFTER)
    await look_twice(StalledRuns(ward.runs))
    assert (waited, ward.runs.done) == ([], [])
    await ward.later(LOOK)
    await look_twice(StalledRuns(ward.runs))
    assert waited == [2 * HEARTBEAT_SECONDS]
    assert ward.runs.done == [("re-queued", "run-1")]


async def test_one_that_is_being_cancelled_then_is_cancelled(ward: Ward) -> None:
    ward.runs.put("run-2", StateType.CANCELLING, ward.harness.clock.now())
    await ward.later(UNACCOUNTED_AFTER + LOOK)
    await ward.looks(1)
    assert ward.runs.done == [("cancelled", "run-2")]


async def test_a_request_that_moved_on_meanwhile_is_not_abandoned(ward: Ward) -> None:
    await ward.open()
    (seen,) = await requests.open_requests(ward.harness.ledger)
    await ward.open()
    now = ward.harness.clock.now()
    assert not await requests.abandon(ward.harness.ledger, seen, outcome="abandoned", message="-", now=now)
    assert len(await requests.open_requests(ward.harness.ledger)) == 1


async def test_a_run_that_is_driven_again_never_looks_over_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[StateType] = []

    class Prefect:
        async def set_flow_run_state(self, run_id: UUID, state: "RunState[None]") -> None:
            said.append(state.type)

    @asynccontextmanager
    async def get_client() -> AsyncIterator[Prefect]:
        yield Prefect()

    monkeypatch.setattr("tasks.stalled_runs.get_client", get_client)
    await PrefectRuns("dcimanager").requeue(str(uuid4()), "The run was interrupted.", timedelta(0))
    assert said == [StateType.SCHEDULED]
