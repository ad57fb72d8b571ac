import asyncio

import pytest
from prefect.exceptions import Abort

from runtime import slots
from runtime.slots import (
    Holder,
    Interruption,
    Slot,
    SlotPool,
    abort_quietly,
    bind_slot,
    lend_slot,
    slot_lent,
    slot_released,
    take_slot_again,
    will_resume,
)


def taken(pool: SlotPool, *, urgent: bool) -> list[Slot]:
    """All the slots that such runs get at once."""
    found = []
    while pool.take(urgent=urgent):
        found.append(Slot(pool, urgent=urgent))
    return found


def test_a_hundred_activations_leave_slots_to_suspensions() -> None:
    pool = SlotPool(5, kept_for_urgent=2)
    assert len(taken(pool, urgent=False)) == 3
    assert len(taken(pool, urgent=True)) == 2
    assert pool.free == 0


def test_a_slot_is_released_once() -> None:
    pool = SlotPool(1, kept_for_urgent=0)
    (slot,) = taken(pool, urgent=False)
    slot.release()
    slot.release()
    assert pool.free == 1


async def test_a_run_that_waits_for_the_panel_has_no_slot_and_gets_one_again() -> None:
    pool = SlotPool(1, kept_for_urgent=0)
    (slot,) = taken(pool, urgent=False)
    bind_slot(slot)
    async with slot_released():
        assert slot.away
        assert pool.free == 1
        (other,) = taken(pool, urgent=False)
        asyncio.get_running_loop().call_soon(other.release)
    assert not slot.away
    assert pool.free == 0


async def test_who_comes_back_first_gets_a_slot_first_and_urgent_ones_take_kept_slots() -> None:
    pool = SlotPool(2, kept_for_urgent=1)
    (held,) = taken(pool, urgent=False)
    order: list[str] = []

    async def come_back(name: str, urgent: bool) -> Slot:
        await pool.wait_for_one(urgent=urgent)
        order.append(name)
        return Slot(pool, urgent=urgent)

    waiting = [asyncio.create_task(come_back(name, urgent)) for name, urgent in [("a", False), ("b", False)]]
    await asyncio.sleep(0)
    urgent = await come_back("urgent", True)
    held.release()
    await asyncio.sleep(0)
    assert order == ["urgent"]
    urgent.release()
    await waiting[0]
    await asyncio.sleep(0)
    assert order == ["urgent", "a"]
    waiting[0].result().release()
    await waiting[1]
    assert order == ["urgent", "a", "b"]


async def test_a_cancelled_run_that_waits_for_a_slot_takes_none_with_it() -> None:
    pool = SlotPool(1, kept_for_urgent=0)
    (slot,) = taken(pool, urgent=False)
    waiting = asyncio.create_task(pool.wait_for_one(urgent=False))
    given = asyncio.create_task(pool.wait_for_one(urgent=False))
    await asyncio.sleep(0)
    waiting.cancel()
    slot.release()
    await asyncio.gather(waiting, given, return_exceptions=True)
    assert pool.free == 0
    pool.release()
    late = asyncio.create_task(pool.wait_for_one(urgent=False))
    await late
    other = asyncio.create_task(pool.wait_for_one(urgent=False))
    await asyncio.sleep(0)
    pool.release()  # given to `other`, which is cancelled before it hears of it
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert pool.free == 1


async def test_the_taker_is_told_when_a_slot_is_released() -> None:
    pool = SlotPool(1, kept_for_urgent=0)
    (slot,) = taken(pool, urgent=False)
    told = asyncio.create_task(pool.until_released(within_seconds=30))
    await asyncio.sleep(0)
    assert not told.done()
    slot.release()
    await told
    await pool.until_released(within_seconds=0.01)


async def test_without_a_slot_nothing_changes() -> None:
    async with slot_released():
        pass
    async with slot_lent():
        pass
    lend_slot()
    await take_slot_again()
    assert not will_resume()
    abort_quietly()


@pytest.mark.parametrize("why", ["returned to the queue", "paused", "cancelled"])
async def test_an_interrupted_run_ends_without_a_word_to_prefect(why: Interruption) -> None:
    pool = SlotPool(1, kept_for_urgent=0)
    (slot,) = taken(pool, urgent=False)
    bind_slot(slot)
    abort_quietly()
    slot.interrupted = why
    assert will_resume() == (why != "cancelled")
    with pytest.raises(Abort):
        abort_quietly()


def test_one_panel_leaves_slots_to_others_once_there_are_others() -> None:
    pool = SlotPool(16, kept_for_urgent=8)
    assert [pool.take(urgent=False, panel="main", flow=f"flow-{n}") for n in range(9)].count(True) == 8
    pool = SlotPool(16, kept_for_urgent=8)
    assert pool.take(urgent=False, panel="other")
    pool.release(panel="other")
    assert [pool.take(urgent=False, panel="evil", flow=f"flow-{n}") for n in range(9)].count(True) == 6
    assert [pool.take(urgent=True, panel="evil") for _ in range(9)].count(True) == 8
    assert pool.take(urgent=False, panel="other") is False  # what is left is kept for urgent runs
    assert pool.take(urgent=True, panel="other")


def test_one_flow_leaves_slots_to_the_others() -> None:
    pool = SlotPool(16, kept_for_urgent=8)
    assert [pool.take(urgent=False, panel="main", flow="activate") for _ in range(9)].count(True) == 6
    assert pool.take(urgent=False, panel="main", flow="decide-held")
    assert not pool.take(urgent=False, panel="main", flow="decide-held")
    pool.release(panel="main", flow="decide-held")
    pool.release(panel="main", flow="activate")
    assert pool.take(urgent=False, panel="main", flow="activate")
    assert [pool.take(urgent=True, panel="main", flow="suspend") for _ in range(20)].count(True) == 10


def test_two_bad_panels_leave_a_slot_to_a_third_and_take_turns_with_it() -> None:
    pool = SlotPool(16, kept_for_urgent=8)
    assert pool.take(urgent=True, panel="good")
    pool.release(urgent=True, panel="good")
    assert [pool.take(urgent=True, panel=f"bad-{n % 2}") for n in range(40)].count(True) == 14
    assert pool.take(urgent=True, panel="good")
    assert not pool.take(urgent=True, panel="good")
    due = [Holder(False, "good"), *[Holder(True, "bad-0")] * 2, Holder(True, "good"), Holder(True, "bad-1")]
    assert [due[place].panel for place in pool.in_turn(due)] == ["good", "bad-0", "bad-1", "bad-0", "good"]


async def test_who_comes_back_to_a_panel_that_has_enough_waits_behind_nobody_else() -> None:
    pool = SlotPool(4, kept_for_urgent=0)
    held = [Slot(pool, urgent=False, panel="evil") for _ in range(3) if pool.take(urgent=False, panel="evil")]
    assert pool.take(urgent=False, panel="main")
    evil = asyncio.create_task(pool.wait_for_one(urgent=False, panel="evil"))
    await asyncio.sleep(0)
    good = asyncio.create_task(pool.wait_for_one(urgent=False, panel="main"))
    await asyncio.sleep(0)
    pool.release(panel="main")
    await good
    assert not evil.done()
    held[0].release()
    held[1].release()
    held[2].release()
    await evil


async def test_a_side_that_is_slow_holds_no_slot_and_the_run_has_one_again_before_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slots, "SLOW_SECONDS", 0.01)
    pool = SlotPool(1, kept_for_urgent=0)
    (slot,) = taken(pool, urgent=False)
    bind_slot(slot)
    async with slot_lent():
        assert pool.free == 0
        await asyncio.sleep(0.05)
        assert pool.free == 1
        assert not slot.away  # it is in the middle of a call: a worker that stops lets it end
        (other,) = taken(pool, urgent=False)
        asyncio.get_running_loop().call_later(0.05, other.release)
    assert pool.free == 0
    with pytest.raises(ValueError, match="it failed"):
        async with slot_lent():
            await asyncio.sleep(0.05)
            raise ValueError("it failed")
    assert pool.free == 0
    async with slot_lent():
        pass
    await asyncio.sleep(0.05)
    assert pool.free == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03), slot_lent():
            await asyncio.sleep(30)
    assert pool.free == 1
    await take_slot_again()
    assert pool.free == 0
    lend_slot()
    assert pool.free == 1
    await asyncio.gather(take_slot_again(), take_slot_again())
    assert pool.free == 0


async def test_who_comes_back_takes_a_slot_that_is_free_for_it_although_another_panels_runs_wait() -> None:
    pool = SlotPool(4, kept_for_urgent=0)
    assert pool.take(urgent=True, panel="good")
    assert [pool.take(urgent=True, panel="evil") for _ in range(2)] == [True, False]
    assert pool.take(urgent=True, panel="third")
    pool.release(urgent=True, panel="good")
    evil = asyncio.create_task(pool.wait_for_one(urgent=True, panel="evil"))
    await asyncio.sleep(0)
    assert pool.free == 2
    async with asyncio.timeout(1):
        await pool.wait_for_one(urgent=True, panel="good")
    assert not evil.done()
    pool.release(urgent=True, panel="evil")
    await evil
