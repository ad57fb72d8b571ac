"""Time as the steps see it: a clock that a test can set and the demo can speed up."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tasks.settings import settings


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime: ...
    def elapsed(self, since: datetime) -> timedelta: ...
    async def sleep(self, seconds: float) -> None: ...


class WallClock:
    """The real time; with a speed above 1 every waiting is that much shorter and every age that much older."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed

    def now(self) -> datetime:
        """The real time, in UTC: what the ledger keeps."""
        return datetime.now(UTC)

    def elapsed(self, since: datetime) -> timedelta:
        """How long ago `since` was, at this clock's speed."""
        return (self.now() - since) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds of this clock."""
        await asyncio.sleep(seconds / self.speed)


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
    return clock().elapsed(_SOME_TIME).total_seconds()
