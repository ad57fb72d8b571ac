"""How often and how many at once."""

import asyncio

import pytest

from door import rate_limits
from door.rate_limits import AT_ONCE, RateLimits
from door.refusal import DoorRefusal
from tests.door.conftest import installation

SLOW = installation("slow", "x", calls_per_second=2, urgent_calls_per_second=2)
OTHER = installation("other", "x", calls_per_second=2)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def called(some: RateLimits, *, urgent: bool = False, of: object = SLOW) -> bool:
    try:
        async with some.rate_limited(of, urgent=urgent):  # type: ignore[arg-type]
            return True
    except DoorRefusal as refusal:
        assert (refusal.status, refusal.retry_after) == (429, 1)
        return False


async def test_what_comes_too_often_is_refused_until_time_has_passed() -> None:
    clock = Clock()
    some = RateLimits(clock)
    assert [await called(some) for _ in range(5)] == [True] * 4 + [False]
    clock.now = 0.5
    assert [await called(some) for _ in range(2)] == [True, False]
    clock.now = 100
    assert [await called(some) for _ in range(5)] == [True] * 4 + [False]


async def test_urgent_calls_and_other_installations_have_their_own() -> None:
    some = RateLimits(Clock())
    assert [await called(some) for _ in range(5)][-1] is False
    assert await called(some, urgent=True)
    assert await called(some, of=OTHER)


async def test_a_call_waits_for_a_place_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "WAIT_SECONDS", 0.05)
    quick = installation("quick", "x", calls_per_second=1000)
    some, leave = RateLimits(), asyncio.Event()

    async def stay() -> None:
        async with some.rate_limited(quick, urgent=False):
            await leave.wait()

    guests = [asyncio.create_task(stay()) for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    assert not await called(some, of=quick)
    assert await called(some, of=quick, urgent=True)
    waiting = asyncio.create_task(called(some, of=quick))
    leave.set()
    assert await waiting
    await asyncio.gather(*guests)
