"""How often and how many at once: each installation has its own, and what is urgent has its own again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from door.installations import Installation
from door.refusal import DoorRefusal

AT_ONCE = 8
"""Calls of an installation that Prefect has at once, besides urgent ones."""

URGENT_AT_ONCE = 32
"""Urgent ones: others never take their places."""

WAIT_SECONDS = 2.0
"""A call waits so long for a place. The module gives it 6 s in all."""

BURST_SECONDS = 2.0
"""So many seconds' calls may come at once."""


@dataclass
class _Limit:
    """The calls of one installation that are urgent, or those that are not: a bucket of tokens, and places."""

    per_second: float
    most: float
    tokens: float
    filled_at: float
    places: asyncio.Semaphore


class RateLimits:
    """The rates of one process. Nothing is kept of them: after a restart everybody begins anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limits: dict[tuple[str, bool], _Limit] = {}

    @asynccontextmanager
    async def rate_limited(self, installation: Installation, *, urgent: bool) -> AsyncIterator[None]:
        """Take a token and a place for the block. Raises DoorRefusal (429): there is none."""
        limit = self._limit(installation, urgent)
        now = self._clock()
        limit.tokens = min(limit.most, limit.tokens + (now - limit.filled_at) * limit.per_second)
        limit.filled_at = now
        if limit.tokens < 1:
            raise _too_many()
        limit.tokens -= 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await limit.places.acquire()
        except TimeoutError:
            raise _too_many() from None
        try:
            yield
        finally:
            limit.places.release()

    def _limit(self, installation: Installation, urgent: bool) -> _Limit:
        key = (installation.name, urgent)
        if key not in self._limits:
            rate = installation.urgent_calls_per_second if urgent else installation.calls_per_second
            most = max(1.0, rate * BURST_SECONDS)
            places = asyncio.Semaphore(URGENT_AT_ONCE if urgent else AT_ONCE)
            self._limits[key] = _Limit(rate, most, most, self._clock(), places)
        return self._limits[key]


def _too_many() -> DoorRefusal:
    return DoorRefusal(429, "Too many calls at once: repeat this one in a second, with the same key.", retry_after=1)
