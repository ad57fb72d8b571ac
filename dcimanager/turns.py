"""Who may call the panel next: so many calls at once, and callers take turns, however much each of them asks for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

caller: ContextVar[str] = ContextVar("caller", default="")
"""Whose turn a call takes: a name for each run. Calls without a name share one."""


class Turns:
    """A number of places, given round robin: a caller with forty calls waiting gets one, then the next caller does."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By caller; the one whose turn comes next is first."""

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
        self._waiting.setdefault(caller.get(), deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._give()  # it was ours already, and we are gone
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
