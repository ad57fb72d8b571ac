"""Ledger and Prefect know each other: the one that is behind was restored."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from pydantic import JsonValue

from ledger import incarnation, services
from ledger.database import Ledger
from ledger.incarnation import Incarnation, Side
from runtime import incarnation as module
from runtime.connections import connections
from runtime.errors import PrefectUnreachable, StepRefused
from runtime.incarnation import ADVANCE_EVERY, LATE_WRITES, Outside, begin_new, compare, look, require_one
from tests.harness import PANEL, START, Harness

HERE, ELSEWHERE = "d3b0", "c157"


def inside(count: int, name: str = HERE, restoring: Side | None = None) -> Incarnation:
    return Incarnation(name=name, count=count, advanced_at=START, restoring=restoring, restoring_since=None)


def outside(count: int, name: str = HERE) -> Outside:
    return Outside(name=name, count=count, at=START)


@pytest.mark.parametrize(
    ("ledger", "prefect", "is_empty", "side"),
    [
        (None, None, False, None),
        (inside(7), outside(7), False, None),
        (inside(8), outside(7), False, None),
        (inside(15), outside(7), False, None),
        (inside(7), None, True, None),
    ],
    ids=[
        "first start",
        "both",
        "a worker died in between",
        "a write that came two minutes late",
        "a new Prefect and a ledger without services",
    ],
)
def test_both_belong_together(ledger: Incarnation, prefect: Outside, is_empty: bool, side: None) -> None:
    assert compare(ledger, prefect, is_empty=is_empty).is_good


@pytest.mark.parametrize(
    ("ledger", "prefect", "side"),
    [
        (inside(6), outside(7), "ledger"),
        (None, outside(7), "ledger"),
        (inside(6, ELSEWHERE), outside(7), "ledger"),
        (inside(16), outside(7), "prefect"),
        (inside(8, ELSEWHERE), outside(7), "prefect"),
        (inside(7), None, "prefect"),
        (inside(7, ELSEWHERE), outside(7), None),
        (inside(7, restoring="whmcs"), outside(7), "whmcs"),
    ],
    ids=[
        "an older ledger", "a lost ledger", "a ledger of before the last restoration", "an older Prefect",
        "a Prefect of before the last restoration", "a new Prefect", "another installation's", "gone through",
    ],
)  # fmt: skip
def test_one_side_was_restored(ledger: Incarnation | None, prefect: Outside | None, side: Side | None) -> None:
    standing = compare(ledger, prefect, is_empty=False)
    assert not standing.is_good
    assert standing.side == side
    assert f"dciflow restored {side or 'ledger'}" in standing.line


async def count(harness: Harness) -> tuple[int, int]:
    known = await incarnation.current(harness.ledger)
    assert known is not None
    assert isinstance(harness.outside, dict)
    return known.count, int(str(harness.outside["count"]))


async def test_a_first_start_gives_both_one_and_it_goes_up_every_fifteen_seconds(harness: Harness) -> None:
    assert (await look()).is_good
    assert await count(harness) == (0, 0)
    await look()
    assert await count(harness) == (0, 0)
    harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
    await look()
    assert await count(harness) == (1, 1)


async def test_many_workers_that_start_at_once_on_a_ledger_of_before_do_not_take_it_for_restored(
    harness: Harness,
) -> None:
    await services.remember(harness.ledger, service_id=1, panel=PANEL, now=START)
    assert all(standing.is_good for standing in await asyncio.gather(*(look() for _ in range(8))))
    harness.outside = None  # the first one died before it told Prefect
    assert (await look()).is_good
    assert await count(harness) == (0, 0)


async def test_what_prefect_does_not_take_in_time_is_not_written_late(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await look()
    was = harness.outside

    async def hangs(_: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(module, "WRITE_SECONDS", 0.01)
    harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
    with monkeypatch.context() as patched:
        patched.setattr(connections(), "write_incarnation", hangs)
        with pytest.raises(PrefectUnreachable):
            await look()
    assert harness.outside == was
    assert (await look()).is_good
    assert await count(harness) == (1, 1)


async def test_a_write_that_prefect_applies_late_stops_nobody_and_is_written_over(harness: Harness) -> None:
    await look()
    late = harness.outside
    for _ in range(LATE_WRITES):
        harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
        await look()
    harness.outside = late
    assert (await look()).is_good
    assert await count(harness) == (LATE_WRITES, LATE_WRITES)


class Others:
    """What others do between this worker's read of Prefect and its read of the ledger, or the other way round."""

    def __init__(self, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
        self.harness = harness
        self.between: list[Callable[[], Awaitable[object]]] = []
        self._read, self._current = connections().read_incarnation, incarnation.current
        self._inside = False
        monkeypatch.setattr(connections(), "read_incarnation", self._variable)
        monkeypatch.setattr(incarnation, "current", self._ledger)

    async def count_on(self) -> None:
        for _ in range(LATE_WRITES + 1):
            self.harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
            await look()

    async def _variable(self) -> JsonValue:
        kept = await self._read()
        await self._go_on()
        return kept

    async def _ledger(self, of: Ledger) -> Incarnation | None:
        row = await self._current(of)
        await self._go_on()
        return row

    async def _go_on(self) -> None:
        if not self._inside and self.between:
            self._inside = True
            await self.between.pop(0)()
            self._inside = False


@pytest.fixture
async def others(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Others:
    return Others(harness, monkeypatch)


async def nothing() -> None: ...


async def test_others_that_count_on_between_two_reads_make_nobody_look_restored(
    harness: Harness, others: Others
) -> None:
    await look()
    others.between = [others.count_on]
    assert (await look()).is_good
    await require_one()


async def test_others_that_count_on_in_both_readings_leave_it_open(harness: Harness, others: Others) -> None:
    await look()
    others.between = [others.count_on, nothing, others.count_on]
    with pytest.raises(PrefectUnreachable, match="moved on while they were compared"):
        await look()
    assert (await look()).is_good


async def test_a_look_during_which_a_new_incarnation_is_begun_finds_the_new_one(
    harness: Harness, others: Others
) -> None:
    await look()
    others.between = [begin_new]
    assert (await look()).is_good


async def test_a_look_during_which_another_worker_starts_for_the_first_time_finds_both(
    harness: Harness, others: Others
) -> None:
    await services.remember(harness.ledger, service_id=1, panel=PANEL, now=START)
    others.between = [others.count_on]
    assert (await look()).is_good


async def test_a_prefect_that_is_behind_is_behind_both_times(harness: Harness, others: Others) -> None:
    await look()
    older = harness.outside
    await others.count_on()
    harness.outside = older
    assert (await look()).side == "prefect"


async def test_many_workers_that_look_at_once_count_once(harness: Harness) -> None:
    await look()
    harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
    assert all(standing.is_good for standing in await asyncio.gather(*(look() for _ in range(8))))
    assert await count(harness) == (1, 1)


async def test_what_a_worker_left_that_died_between_ledger_and_prefect_is_caught_up(harness: Harness) -> None:
    await look()
    was = harness.outside
    harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
    await look()
    harness.outside = was
    for _ in range(3):  # however often one dies there, it is never two behind
        assert (await look()).is_good
        assert await count(harness) == (1, 1)


async def test_a_clock_that_was_set_back_does_not_stop_the_count(harness: Harness) -> None:
    await look()
    known = await incarnation.current(harness.ledger)
    assert known is not None
    early = known.advanced_at - timedelta(days=1)
    further = await incarnation.advance(harness.ledger, known, not_within=ADVANCE_EVERY, now=early)
    assert further.count == known.count + 1


async def test_a_new_incarnation_is_ahead_of_both(harness: Harness) -> None:
    await look()
    before = await count(harness)
    await incarnation.begin_restoring(harness.ledger, "panel", now=START)
    assert not (await look()).is_good
    await begin_new()
    assert (await look()).is_good
    assert await count(harness) == (before[0] + 1, before[1] + 1)


async def test_one_that_was_broken_off_between_prefect_and_ledger_still_waits(harness: Harness) -> None:
    await look()
    await incarnation.begin_restoring(harness.ledger, "ledger", now=START)
    before = await incarnation.current(harness.ledger)
    await begin_new()
    assert before is not None
    async with harness.ledger.transaction() as session:  # the ledger's commit was lost
        row = await session.get(incarnation.IncarnationRow, incarnation.ONLY)
        assert row is not None
        row.name, row.count, row.restoring = before.name, before.count, before.restoring
    assert not (await look()).is_good
    await begin_new()
    assert (await look()).is_good


async def test_a_variable_that_somebody_wrote_is_believed_by_nobody(harness: Harness) -> None:
    await look()
    harness.outside = "7"
    standing = await look()
    assert (standing.side, "cannot be read" in standing.why) == ("prefect", True)
    await begin_new()
    assert (await look()).is_good


async def test_a_persons_word_waits_too_while_a_side_is_behind(harness: Harness) -> None:
    await look()
    await require_one()
    await services.remember(harness.ledger, service_id=1, panel=PANEL, now=START)
    harness.clock.simulated.advance(ADVANCE_EVERY.total_seconds())
    await look()
    harness.outside = None
    with pytest.raises(StepRefused, match="dciflow restored prefect"):
        await require_one()
