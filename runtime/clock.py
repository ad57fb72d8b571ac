"""Time as the steps see it: counted within a process, the ledger's between processes; a test can set it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol, runtime_checkable

from runtime.settings import settings


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime: ...
    def elapsed(self, since: datetime) -> timedelta: ...
    async def sleep(self, seconds: float) -> None: ...


@runtime_checkable
class Following(Protocol):
    """A clock that is set by another one; `follow` returns how far this machine's clock is behind that one."""

    def follow(self, told: datetime) -> timedelta: ...


STEP = timedelta(seconds=2)
"""What differs by less since the last look is drift and the network; more means that somebody set a clock."""

SPANS = 50
"""Steps that are remembered; a clock that is set more often than this while a run waits is set every few minutes."""


@dataclass(frozen=True)
class _Span:
    """A stretch of time without a step: the time and the seconds counted at its beginning."""

    at: datetime
    count: float
    looked: float
    """The seconds counted at the last look before it: the step was later."""


class WallClock:
    """The ledger's time, counted on from the last look at it: a step of a clock makes nothing older than it is.

    With a speed above 1 every waiting is that much shorter and every age that much older.
    """

    def __init__(
        self,
        speed: float = 1.0,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        count: Callable[[], float] = time.monotonic,
    ) -> None:
        self.speed = speed
        self._wall = wall
        self._count = count
        self._spans = [_Span(wall(), count(), count())]
        self._looked: float | None = None

    def now(self) -> datetime:
        """The time in UTC, as the ledger keeps it."""
        last = self._spans[-1]
        return last.at + timedelta(seconds=self._count() - last.count)

    def elapsed(self, since: datetime) -> timedelta:
        """How long ago `since` was, at this clock's speed, without what a step added or took."""
        return timedelta(seconds=self._count() - self._counted_at(since)) * self.speed

    def seconds(self) -> float:
        """Seconds counted, at this clock's speed; only differences mean anything."""
        return self._count() * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds of this clock."""
        await asyncio.sleep(seconds / self.speed)

    def follow(self, told: datetime) -> timedelta:
        """Take over the time that the ledger's database tells; returns how far this machine's clock is behind it."""
        count, off = self._count(), told - self.now()
        if self._looked is None:
            self._spans = [_Span(told, count, count)]
        elif abs(off) <= STEP:
            last = self._spans[-1]
            self._spans[-1] = replace(last, at=last.at + off)
        else:
            self._spans = [*self._spans, _Span(told, count, self._looked)][-SPANS:]
        self._looked = count
        return told - self._wall()

    def _counted_at(self, moment: datetime) -> float:
        """What was counted at that moment. One that is in no span was told by another process around a step."""
        ends = [one.at + timedelta(seconds=after.count - one.count) for one, after in pairwise(self._spans)]
        for span, end in reversed([*zip(self._spans, [*ends, self.now()], strict=True)]):
            if span.at <= moment <= end:
                return span.count + (moment - span.at).total_seconds()
        later = min((span for span in self._spans if span.at > moment), key=lambda span: span.at, default=None)
        span = later or self._spans[-1]
        counted = span.count + (moment - span.at).total_seconds()
        return counted if later in (None, self._spans[0]) else max(counted, span.looked)


_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_clock: Clock | None = None


def clock() -> Clock:
    """The clock of this process."""
    global _clock
    if _clock is None:
        _clock = WallClock(settings().clock_speed)
    return _clock


def set_clock(other: Clock | None) -> None:
    """Put another clock in its place; None goes back to the settings' one."""
    global _clock
    _clock = other


async def sleep(seconds: float) -> None:
    """Wait for that many seconds of this process's clock, whichever that is by then."""
    await clock().sleep(seconds)


def seconds() -> float:
    """The time in seconds of this process's clock, in which `sleep` waits; only differences mean anything."""
    here = clock()
    return here.seconds() if isinstance(here, WallClock) else here.elapsed(_SOME_TIME).total_seconds()
