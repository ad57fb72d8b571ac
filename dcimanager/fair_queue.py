"""A queue for calls of the panel: a bounded number runs at once, and callers take turns, however much each asks for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

queue_key: ContextVar[str] = ContextVar("caller", default="")
"""The caller that a call is queued under: a name for each run. Calls without a name share one."""


class FairQueue:
    """A number of places, given round robin: a caller with forty calls waiting gets one, then the next caller does."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Waiting calls by caller; the caller whose turn is next is first."""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a place while the block runs; wait for one before, behind the caller's own earlier calls."""
        await self._take()
        try:
            yield
        finally:
            self._give()

    async def _take(self) -> None:
        if self._free:
            self._free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(queue_key.get(), deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._give()  # the place was given to this call already
            raise

    def _give(self) -> None:
        while self._waiting:
            name = next(iter(self._waiting))
            queue = self._waiting.pop(name)
            while queue and queue[0].cancelled():
                queue.popleft()
            if queue:
                queue.popleft().set_result(None)
                if queue:
                    self._waiting[name] = queue  # behind all others
                return
        self._free += 1
