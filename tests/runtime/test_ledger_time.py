"""What workers compare with each other is the time of the ledger's database, and whose clock is wrong is told."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger import time as ledger_time
from ledger.database import Ledger
from runtime import ledger_time as module
from runtime.clock import WallClock, set_clock
from runtime.errors import StepRefused
from runtime.ledger_time import follow_ledger, require_one_time, skews
from tests.harness import Harness

SECONDS_95 = timedelta(seconds=95)


class Database:
    """A database whose clock is ahead of this machine's."""

    def __init__(self) -> None:
        self.ahead = SECONDS_95
        self.asked = 0

    async def now(self, ledger: Ledger) -> datetime:
        self.asked += 1
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def database(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Database:
    ahead = Database()
    monkeypatch.setattr(ledger_time, "now", ahead.now)
    set_clock(WallClock())
    return ahead


def is_about(one: timedelta | None, other: timedelta) -> bool:
    return one is not None and abs(one - other) < timedelta(seconds=1)


async def test_a_workers_time_is_the_databases(database: Database) -> None:
    clock = WallClock()
    set_clock(clock)
    assert is_about(await follow_ledger(), SECONDS_95)
    assert is_about(clock.now() - datetime.now(UTC), SECONDS_95)


async def test_the_database_is_asked_once_a_minute_and_before_a_wipe(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await follow_ledger()
    await follow_ledger()
    assert database.asked == 1
    await follow_ledger(at_once=True)
    assert database.asked == 2
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    await follow_ledger()
    assert database.asked == 3


async def test_an_answer_that_took_long_sets_no_clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", -1.0)
    assert await follow_ledger() is None


async def test_clocks_that_are_apart_are_told_and_nothing_is_wiped(harness: Harness, database: Database) -> None:
    panel = harness.connect().panels["main"]
    set_clock(WallClock())
    assert skews(SECONDS_95) == [
        "the clocks of this worker and the ledger's database differ by 95 s: set NTP right on both"
    ]
    assert skews(timedelta(seconds=-4)) == skews(None) == []
    with pytest.raises(
        StepRefused, match="Nothing is wiped while the clocks of this worker and the ledger's database differ by 95 s"
    ):
        await require_one_time(panel)
    database.ahead = timedelta(0)
    await require_one_time(panel)
    panel.transport.exchange.clock_ahead = -timedelta(minutes=10)
    with pytest.raises(StepRefused, match="panel main differ by 600 s"):
        await require_one_time(panel)


async def test_a_tests_clock_is_left_alone(harness: Harness) -> None:
    assert await follow_ledger(at_once=True) is None
