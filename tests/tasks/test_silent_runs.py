from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.objects import StateType

from flows.lifecycle import lifecycle
from flows.steps import flows
from ledger import overview, requests, services
from ledger.errors import Superseded
from ledger.lifecycle import State
from ledger.snapshots import Driver
from tasks.alerts import HELD
from tasks.heart import HEARTBEAT_SECONDS, SILENT_AFTER
from tasks.outcomes import Reason
from tasks.reconciliation import LEASE
from tasks.silent_runs import (
    MOST_REDRIVES,
    SIGNS,
    UNACCOUNTED_AFTER,
    UNDER_WAY,
    PrefectRuns,
    Seen,
    SilentRuns,
    look_twice,
)
from tests.stage import PANEL, Stage

LOOK = timedelta(seconds=30)


class RememberedRuns:
    """Prefect as far as it matters here: runs with a state, and what was done to them."""

    def __init__(self) -> None:
        self.runs: dict[str, Seen] = {}
        self.done: list[tuple[str, str]] = []

    def put(self, run_id: str, state: StateType, since: datetime, flow: str = "activate") -> None:
        self.runs[run_id] = Seen(run_id=run_id, name=f"run {run_id}", flow=flow, state=state, since=since)

    async def get(self, run_id: str) -> Seen | None:
        return self.runs.get(run_id)

    async def under_way(self, *, older_than: datetime, but_not: Collection[str]) -> list[Seen]:
        return [r for r in self.runs.values() if r.state in UNDER_WAY and r.run_id not in but_not]

    async def drive_again(self, run_id: str, why: str) -> None:
        self.done.append(("driven again", run_id))

    async def fail(self, run_id: str, why: str) -> None:
        self.done.append(("failed", run_id))

    async def cancel(self, run_id: str, why: str) -> None:
        self.done.append(("cancelled", run_id))


class Ward:
    """A stage with one service whose run beats or does not, and somebody who looks."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.runs = RememberedRuns()
        self.playing: set[str] = set()
        self.silent_runs = SilentRuns(self.runs, lambda: self.playing)

    async def open(self, run_id: str = "run-1", state: StateType = StateType.RUNNING) -> Driver:
        now = self.stage.clock.now()
        await services.remember(self.stage.ledger, service_id=1, panel=PANEL, order=self.stage.order(), now=now)
        self.runs.put(run_id, state, now)
        driver, _ = await requests.open(
            self.stage.ledger,
            service_id=1,
            panel=PANEL,
            action="activate",
            flow_run_id=run_id,
            requested_by="api",
            now=now,
            silent_after=SILENT_AFTER,
        )
        return driver

    async def later(self, duration: timedelta) -> None:
        self.stage.clock.simulated.advance(duration.total_seconds())

    async def looks(self, times: int, *, every: timedelta = LOOK) -> list[str]:
        said = []
        for _ in range(times):
            said += await self.silent_runs.look()
            await self.later(every)
        return said


@pytest.fixture
def ward(stage: Stage) -> Ward:
    return Ward(stage)


async def test_a_run_that_broke_off_is_driven_again_once(ward: Ward) -> None:
    await ward.open()
    assert await ward.looks(4) == []
    (line,) = await ward.looks(3)
    assert line.startswith("run run-1: silent since ")
    assert ward.runs.done == [("driven again", "run-1")]


@pytest.mark.parametrize("state", [StateType.PENDING, StateType.FAILED, StateType.CRASHED])
async def test_so_is_one_that_could_not_say_how_it_ended(ward: Ward, state: StateType) -> None:
    await ward.open(state=state)
    await ward.looks(5)
    assert ward.runs.done == [("driven again", "run-1")]


async def test_the_request_of_a_run_that_ended_well_is_closed(ward: Ward) -> None:
    await ward.open(state=StateType.COMPLETED)
    (line,) = await ward.looks(6)
    assert line == "activate of service 1: its flow run is over, its request is closed"
    assert ward.runs.done == []
    assert await requests.open_requests(ward.stage.ledger) == []


@pytest.mark.parametrize("state", [StateType.SCHEDULED, StateType.PAUSED])
async def test_one_that_will_be_played_anyway_is_left_alone(ward: Ward, state: StateType) -> None:
    await ward.open(state=state)
    await ward.looks(8)
    assert ward.runs.done == []


async def test_a_live_run_is_left_alone(ward: Ward) -> None:
    driver = await ward.open()
    for _ in range(20):
        await requests.beat(ward.stage.ledger, [driver], now=ward.stage.clock.now())
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
    await requests.beat(ward.stage.ledger, [driver], now=ward.stage.clock.now())
    await ward.looks(1)
    assert ward.runs.done == []


async def test_two_that_look_at_once_drive_a_run_again_once(ward: Ward) -> None:
    await ward.open()
    other = SilentRuns(ward.runs)
    for _ in range(6):
        await ward.silent_runs.look()
        await other.look()
        await ward.later(LOOK)
    assert ward.runs.done == [("driven again", "run-1")]


async def test_a_run_that_breaks_off_again_and_again_is_held(ward: Ward) -> None:
    driver = await ward.open()
    for _ in range(MOST_REDRIVES):
        await ward.looks(5)
        driver = await ward.open()  # a worker plays it again, and dies
    assert [what for what, _ in ward.runs.done] == ["driven again"] * MOST_REDRIVES
    await ward.looks(5)
    assert ward.runs.done[-1] == ("failed", "run-1")
    service = await ward.stage.service(1)
    assert (service.state, service.held_reason) == (State.HELD, Reason.BREAKS_OFF)
    assert "broke off 6 times" in str(service.held_evidence)
    ((event, _, payload),) = ward.stage.events
    assert (event, payload["reason"], payload["run_id"]) == (HELD, Reason.BREAKS_OFF, "run-1")
    assert await requests.open_requests(ward.stage.ledger) == []
    with pytest.raises(Superseded):
        await requests.close(ward.stage.ledger, driver, outcome="done", message=None, now=ward.stage.clock.now())


@pytest.mark.parametrize(
    ("state", "done"), [(StateType.CANCELLING, [("cancelled", "run-1")]), (StateType.CANCELLED, [])]
)
async def test_a_cancelled_run_that_nobody_plays_is_over(
    ward: Ward, state: StateType, done: list[tuple[str, str]]
) -> None:
    await ward.open(state=state)
    await ward.looks(5)
    assert ward.runs.done == done
    last = await requests.last(ward.stage.ledger, 1)
    assert last is not None
    assert last.outcome == "cancelled"


async def test_the_request_of_a_deleted_run_is_closed(ward: Ward) -> None:
    await ward.open()
    ward.runs.runs.clear()
    await ward.looks(5)
    last = await requests.last(ward.stage.ledger, 1)
    assert last is not None
    assert (last.outcome, last.message) == ("abandoned", "Its flow run is gone.")


@pytest.mark.parametrize("state", [StateType.PENDING, StateType.RUNNING])
async def test_a_run_that_died_before_it_opened_a_request_is_driven_again(ward: Ward, state: StateType) -> None:
    ward.runs.put("run-2", state, ward.stage.clock.now())
    await ward.looks(1)
    await ward.later(UNACCOUNTED_AFTER)
    await ward.looks(2)
    assert ward.runs.done == [("driven again", "run-2")]


async def test_a_reconciliation_is_left_alone_as_long_as_it_renews_its_lease(ward: Ward) -> None:
    ward.runs.put("run-2", StateType.RUNNING, ward.stage.clock.now(), "reconcile")
    for _ in range(10):
        now = ward.stage.clock.now()
        await overview.begin(ward.stage.ledger, PANEL, "run-2", lease=LEASE, now=now)
        await ward.looks(1)
    assert ward.runs.done == []
    await ward.later(LEASE)
    await ward.looks(1)
    assert ward.runs.done == [("driven again", "run-2")]


async def test_what_signs_nowhere_may_be_played_by_another_worker_for_an_hour(ward: Ward) -> None:
    ward.runs.put("run-2", StateType.RUNNING, ward.stage.clock.now(), "traffic")
    await ward.looks(2 * 59)
    assert ward.runs.done == []
    await ward.looks(4)
    assert ward.runs.done == [("driven again", "run-2")]


@pytest.mark.parametrize(("state", "done"), [(StateType.PENDING, "driven again"), (StateType.CANCELLING, "cancelled")])
async def test_what_signs_nowhere_and_does_not_run_is_played_by_nobody(ward: Ward, state: StateType, done: str) -> None:
    ward.runs.put("run-2", state, ward.stage.clock.now(), "traffic")
    await ward.later(UNACCOUNTED_AFTER + LOOK)
    await ward.looks(1)
    assert ward.runs.done == [(done, "run-2")]


def test_the_flows_that_sign_are_the_lifecycles_and_the_reconciliation() -> None:
    lifecycles = {flow.name for flow in flows() if flow.fn.__code__.co_filename == lifecycle.__code__.co_filename}
    assert lifecycles | {"reconcile"} == SIGNS


async def test_a_reconciliation_looks_a_second_time_only_where_one_seems_to_be_silent(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        await ward.later(timedelta(seconds=seconds))

    monkeypatch.setattr("tasks.silent_runs.asyncio.sleep", wait)
    await ward.open()
    await look_twice(ward.silent_runs)
    assert waited == []
    await ward.later(SILENT_AFTER)
    await look_twice(SilentRuns(ward.runs))
    assert (waited, ward.runs.done) == ([], [])
    await ward.later(LOOK)
    await look_twice(SilentRuns(ward.runs))
    assert waited == [2 * HEARTBEAT_SECONDS]
    assert ward.runs.done == [("driven again", "run-1")]


async def test_one_that_is_being_cancelled_then_is_cancelled(ward: Ward) -> None:
    ward.runs.put("run-2", StateType.CANCELLING, ward.stage.clock.now())
    await ward.later(UNACCOUNTED_AFTER + LOOK)
    await ward.looks(1)
    assert ward.runs.done == [("cancelled", "run-2")]


async def test_a_request_that_moved_on_meanwhile_is_not_abandoned(ward: Ward) -> None:
    await ward.open()
    (seen,) = await requests.open_requests(ward.stage.ledger)
    await ward.open()
    now = ward.stage.clock.now()
    assert not await requests.abandon(ward.stage.ledger, seen, outcome="abandoned", message="-", now=now)
    assert len(await requests.open_requests(ward.stage.ledger)) == 1


async def test_a_run_that_is_driven_again_never_looks_over_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[StateType] = []

    class Prefect:
        async def set_flow_run_state(self, run_id: UUID, state: "RunState[None]") -> None:
            said.append(state.type)

    @asynccontextmanager
    async def get_client() -> AsyncIterator[Prefect]:
        yield Prefect()

    monkeypatch.setattr("tasks.silent_runs.get_client", get_client)
    await PrefectRuns("dcimanager").drive_again(str(uuid4()), "The run broke off.")
    assert said == [StateType.SCHEDULED]
