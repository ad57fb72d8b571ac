import asyncio

import pytest
from prefect.exceptions import Abort

from tasks.seat import Interruption, Room, Seat, away, goes_on_later, sit, stop_quietly


def taken(room: Room, *, urgent: bool) -> list[Seat]:
    """All the seats that such runs get at once."""
    seats = []
    while room.take(urgent=urgent):
        seats.append(Seat(room, urgent=urgent))
    return seats


def test_a_hundred_activations_leave_seats_to_suspensions() -> None:
    room = Room(5, kept_for_urgent=2)
    assert len(taken(room, urgent=False)) == 3
    assert len(taken(room, urgent=True)) == 2
    assert room.free == 0


def test_a_seat_is_given_up_once() -> None:
    room = Room(1, kept_for_urgent=0)
    (seat,) = taken(room, urgent=False)
    seat.leave()
    seat.leave()
    assert room.free == 1


async def test_who_waits_for_the_panel_has_no_seat_and_gets_one_again() -> None:
    room = Room(1, kept_for_urgent=0)
    (seat,) = taken(room, urgent=False)
    sit(seat)
    async with away():
        assert seat.away
        assert room.free == 1
        (other,) = taken(room, urgent=False)
        asyncio.get_running_loop().call_soon(other.leave)
    assert not seat.away
    assert room.free == 0


async def test_who_comes_back_first_is_seated_first_and_urgent_ones_take_kept_seats() -> None:
    room = Room(2, kept_for_urgent=1)
    (held,) = taken(room, urgent=False)
    order: list[str] = []

    async def come_back(name: str, urgent: bool) -> Seat:
        await room.wait_for_one(urgent=urgent)
        order.append(name)
        return Seat(room, urgent=urgent)

    waiting = [asyncio.create_task(come_back(name, urgent)) for name, urgent in [("a", False), ("b", False)]]
    await asyncio.sleep(0)
    urgent = await come_back("urgent", True)
    held.leave()
    await asyncio.sleep(0)
    assert order == ["urgent"]
    urgent.leave()
    await waiting[0]
    await asyncio.sleep(0)
    assert order == ["urgent", "a"]
    waiting[0].result().leave()
    await waiting[1]
    assert order == ["urgent", "a", "b"]


async def test_a_cancelled_run_that_waits_for_a_seat_takes_none_with_it() -> None:
    room = Room(1, kept_for_urgent=0)
    (seat,) = taken(room, urgent=False)
    waiting = asyncio.create_task(room.wait_for_one(urgent=False))
    given = asyncio.create_task(room.wait_for_one(urgent=False))
    await asyncio.sleep(0)
    waiting.cancel()
    seat.leave()
    await asyncio.gather(waiting, given, return_exceptions=True)
    assert room.free == 0
    room.give_up()
    late = asyncio.create_task(room.wait_for_one(urgent=False))
    await late
    other = asyncio.create_task(room.wait_for_one(urgent=False))
    await asyncio.sleep(0)
    room.give_up()  # given to `other`, which is cancelled before it hears of it
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert room.free == 1


async def test_the_taker_is_told_when_a_seat_is_given_up() -> None:
    room = Room(1, kept_for_urgent=0)
    (seat,) = taken(room, urgent=False)
    told = asyncio.create_task(room.until_given_up(within_seconds=30))
    await asyncio.sleep(0)
    assert not told.done()
    seat.leave()
    await told
    await room.until_given_up(within_seconds=0.01)


async def test_without_a_seat_nothing_changes() -> None:
    async with away():
        pass
    assert not goes_on_later()
    stop_quietly()


@pytest.mark.parametrize("why", ["handed back", "paused", "cancelled"])
async def test_an_interrupted_run_ends_without_a_word_to_prefect(why: Interruption) -> None:
    room = Room(1, kept_for_urgent=0)
    (seat,) = taken(room, urgent=False)
    sit(seat)
    stop_quietly()
    seat.interrupted = why
    assert goes_on_later() == (why != "cancelled")
    with pytest.raises(Abort):
        stop_quietly()
