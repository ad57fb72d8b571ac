"""A run's seat in the worker: given up while the run waits for the panel, so that waiting costs nobody a place."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Literal

from prefect.exceptions import Abort


class Room:
    """The seats of one worker. Urgent runs may take any; the others leave `kept_for_urgent` of them alone."""

    def __init__(self, seats: int, *, kept_for_urgent: int) -> None:
        self.free = seats
        self._kept = kept_for_urgent
        self._given_up = asyncio.Event()
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    def take(self, *, urgent: bool) -> bool:
        """Take a seat; False: there is none for such a run."""
        if self.free <= (0 if urgent else self._kept):
            return False
        self.free -= 1
        return True

    async def wait_for_one(self, *, urgent: bool) -> None:
        """Take a seat as soon as there is one, whoever asked first before the others."""
        if not any(kind == urgent for kind, _ in self._waiting) and self.take(urgent=urgent):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((urgent, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_up()  # it was given to us while we were cancelled
            raise

    def until_given_up(self, *, within_seconds: float) -> Coroutine[None, None, None]:
        """Wait until somebody gives a seat up after this call; at most so long."""
        self._given_up.clear()  # now, and not when the waiting begins: between the two a seat may be given up

        async def wait() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_seconds):
                    await self._given_up.wait()

        return wait()

    def give_up(self) -> None:
        """Give a seat up: the next who waits and may have it gets it."""
        self.free += 1
        self._given_up.set()
        for waiting in list(self._waiting):
            urgent, turn = waiting
            if turn.cancelled():
                self._waiting.remove(waiting)
            elif self.take(urgent=urgent):
                self._waiting.remove(waiting)
                turn.set_result(None)


Interruption = Literal["handed back", "paused", "cancelled"]
"""Why a run was interrupted: its worker stops and another goes on; a person paused it; a person cancelled it."""


class Seat:
    """The seat of one run, taken already. `away`: the run waits for something that takes long and has given it up."""

    def __init__(self, room: Room, *, urgent: bool) -> None:
        self._room = room
        self._urgent = urgent
        self._taken = True
        self.away = False
        self.interrupted: Interruption | None = None

    def leave(self) -> None:
        """Give the seat up. May be called many times."""
        if self._taken:
            self._taken = False
            self._room.give_up()

    async def come_back(self) -> None:
        """Wait for a seat again."""
        await self._room.wait_for_one(urgent=self._urgent)
        self._taken = True


_seat: ContextVar[Seat | None] = ContextVar("seat", default=None)


def sit(seat: Seat) -> None:
    """From here on the current run has this seat."""
    _seat.set(seat)


@asynccontextmanager
async def away() -> AsyncIterator[None]:
    """Wait without a seat. In a run that has none (tests, other workers) it changes nothing."""
    seat = _seat.get()
    if seat is None:
        yield
        return
    seat.leave()
    seat.away = True
    try:
        yield
    finally:
        seat.away = False
    await seat.come_back()


def goes_on_later() -> bool:
    """Whether the run is interrupted so that it goes on later: its request stays open for that."""
    seat = _seat.get()
    return seat is not None and seat.interrupted in ("handed back", "paused")


def stop_quietly() -> None:
    """End an interrupted run without a word to Prefect: the worker says what became of it.

    Otherwise the engine would report a crash, and whoever is told of crashes would be called for nothing. In a run that
    has no seat it changes nothing. Raises Abort.
    """
    seat = _seat.get()
    if seat is not None and seat.interrupted is not None:
        raise Abort(f"The run was {seat.interrupted}.") from None
