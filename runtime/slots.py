"""Concurrency slots: a worker executes a limited number of runs at once. A run that waits for another side has none."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Literal, NamedTuple

from prefect.exceptions import Abort

LEFT_TO_OTHERS = 2
"""The last slots are for panels that have none, and the last ordinary ones for flows that have none."""

SLOW_SECONDS = 3.0
"""Real seconds. A side that answers does so in less; who waits for longer does nothing that a slot is for."""


class Holder(NamedTuple):
    """Whose slot it is. Empty texts: of no panel in particular, of no flow."""

    urgent: bool
    panel: str = ""
    flow: str = ""


class SlotPool:
    """The slots of one worker. Urgent runs may take any; others only while more than `kept_for_urgent` are free.

    Two semaphores (8 ordinary runs, 16 in all) would not do: they keep 8 slots for urgent runs in all, and this pool
    keeps 8 free however many urgent runs work. In a burst of suspensions no installation takes the next slot.
    Once runs of a second panel were seen, no panels take all slots, however many runs they have; nor do the ordinary
    runs of one flow.
    """

    def __init__(self, slots: int, *, kept_for_urgent: int) -> None:
        self.free = slots
        self._kept = kept_for_urgent
        self._held: Counter[Holder] = Counter()
        self._panels: set[str] = set()
        self._released = asyncio.Event()
        self._waiting: deque[tuple[Holder, asyncio.Future[None]]] = deque()

    def has_room(self, *, urgent: bool) -> bool:
        """Whether there is a slot for such a run, if its panel and its flow have not too many."""
        return self.free > (0 if urgent else self._kept)

    @property
    def serves_many(self) -> bool:
        """Whether runs of more than one panel were seen."""
        return len(self._panels) > 1

    def in_turn(self, holders: Sequence[Holder]) -> list[int]:
        """The places of the holders in the order in which they should get slots: urgent ones first, panels in turn.

        A panel that holds slots already has had as many turns.
        """
        turns = Counter((one.urgent, one.panel) for one in self._held.elements())
        order = []
        for place, holder in enumerate(holders):
            order.append((not holder.urgent, turns[holder.urgent, holder.panel], place))
            turns[holder.urgent, holder.panel] += 1
        return [place for _, _, place in sorted(order)]

    def take(self, *, urgent: bool, panel: str = "", flow: str = "") -> bool:
        """Take a slot; False: there is none for such a run."""
        holder = Holder(urgent, panel, flow)
        if panel:
            self._panels.add(panel)
        if not self.has_room(urgent=urgent) or self._has_enough(holder):
            return False
        self.free -= 1
        self._held[holder] += 1
        return True

    def _has_enough(self, holder: Holder) -> bool:
        """Whether the last slots are left to panels, and to flows, that have none."""
        left = self.free - (0 if holder.urgent else self._kept)
        if left > LEFT_TO_OTHERS:
            return False
        alike = [one for one in self._held if one.urgent == holder.urgent]
        if self.serves_many and any(holder.panel == one.panel != "" for one in alike):
            return True
        return not holder.urgent and any(holder.flow == one.flow != "" for one in alike)

    async def wait_for_one(self, *, urgent: bool, panel: str = "", flow: str = "") -> None:
        """Take a slot as soon as there is one for such a run, in the order of asking."""
        holder = Holder(urgent, panel, flow)
        # Overtakes nobody: who waits may have none of the slots that are free, or a release would have given it one.
        if self.take(**holder._asdict()):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((holder, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(**holder._asdict())  # it was given to us while we were cancelled
            raise

    def until_released(self, *, within_seconds: float) -> Coroutine[None, None, None]:
        """Wait until a slot is released after this call; at most that long."""
        self._released.clear()  # now, and not when the waiting begins: between the two a slot may be released

        async def wait() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_seconds):
                    await self._released.wait()

        return wait()

    def release(self, *, urgent: bool = False, panel: str = "", flow: str = "") -> None:
        """Release such a run's slot: the first who waits and may have it gets it."""
        self.free += 1
        self._held -= Counter([Holder(urgent, panel, flow)])
        self._released.set()
        for waiting in list(self._waiting):
            holder, turn = waiting
            if turn.cancelled():
                self._waiting.remove(waiting)
            elif self.take(**holder._asdict()):
                self._waiting.remove(waiting)
                turn.set_result(None)


Interruption = Literal["returned to the queue", "paused", "cancelled"]
"""Why a run was interrupted: its worker stops and another goes on; a person paused it; a person cancelled it."""


class Slot:
    """The slot of one run, taken already. `away`: the run waits for something slow and has released it.

    A slot that is lent is released, too, but the run is in the middle of something: it is not to be interrupted.
    """

    def __init__(self, pool: SlotPool, *, urgent: bool, panel: str = "", flow: str = "") -> None:
        self._pool = pool
        self._holder = Holder(urgent, panel, flow)
        self._taken = True
        self._taking = asyncio.Lock()
        self.away = False
        self.interrupted: Interruption | None = None

    def release(self) -> None:
        """Release the slot. May be called many times."""
        if self._taken:
            self._taken = False
            self._pool.release(**self._holder._asdict())

    async def take_again(self) -> None:
        """Wait for a slot again, if it was released. May be called many times, also at once."""
        async with self._taking:
            if not self._taken:
                await self._pool.wait_for_one(**self._holder._asdict())
                self._taken = True


_slot: ContextVar[Slot | None] = ContextVar("slot", default=None)
_lends: ContextVar[bool] = ContextVar("lends", default=False)
"""Whether the caller is in a block of `slot_lent` already."""


def bind_slot(slot: Slot) -> None:
    """Make this the current run's slot."""
    _slot.set(slot)


def lend_slot() -> None:
    """Release the run's slot until `take_slot_again`. In a run that has none it changes nothing."""
    slot = _slot.get()
    if slot is not None:
        slot.release()


async def take_slot_again() -> None:
    """Wait for the slot that was lent. In a run that has one, or none at all, it changes nothing."""
    slot = _slot.get()
    if slot is not None and not slot.away:
        await slot.take_again()


@asynccontextmanager
async def slot_lent() -> AsyncIterator[None]:
    """Ask another side in this block: where it keeps us waiting, the slot is lent to others meanwhile.

    The slot is waited for at the end of the outermost such block only. Who takes a lock that other runs wait for, and
    asks a side while holding it, enters the block before the lock: others who wait for the lock lend their slots, too,
    and the lock is given back before a slot is waited for.
    """
    slot = _slot.get()
    if slot is None or _lends.get():
        yield
        return
    slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, slot.release)
    before = _lends.set(True)
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException:
        slow.cancel()
        await take_slot_again()
        raise
    else:
        slow.cancel()
        await take_slot_again()
    finally:
        slow.cancel()
        _lends.reset(before)


@asynccontextmanager
async def slot_released() -> AsyncIterator[None]:
    """Wait without a slot. In a run that has none (tests, other workers) it changes nothing."""
    slot = _slot.get()
    if slot is None:
        yield
        return
    slot.release()
    slot.away = True
    try:
        yield
    finally:
        slot.away = False
    await slot.take_again()


def will_resume() -> bool:
    """Whether the run was interrupted and goes on later: its request stays open until then."""
    slot = _slot.get()
    return slot is not None and slot.interrupted in ("returned to the queue", "paused")


def abort_quietly() -> None:
    """End an interrupted run without telling Prefect: the worker does that.

    Otherwise the engine would report a crash, and whoever is alerted to crashes would be called for nothing. In a run
    that has no slot, or was not interrupted, it changes nothing. Raises Abort.
    """
    slot = _slot.get()
    if slot is not None and slot.interrupted is not None:
        raise Abort(f"The run was {slot.interrupted}.") from None
