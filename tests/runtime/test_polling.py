import asyncio

import pytest

from runtime.errors import StepRefused
from runtime.polling import POLL_SECONDS, gather_all, gather_pair, poll
from tests.harness import Harness


async def _after(seconds: float, answer: int, done: list[int]) -> int:
    await asyncio.sleep(seconds)
    done.append(answer)
    if answer < 0:
        raise LookupError(str(answer))
    return answer


async def test_answers_come_in_the_order_in_which_they_were_asked_for() -> None:
    done: list[int] = []
    assert await gather_all(_after(0.02, 1, done), _after(0, 2, done)) == [1, 2]
    assert done == [2, 1]
    assert await gather_pair(_after(0.02, 3, done), _after(0, 4, done)) == (3, 4)
    assert await gather_all() == []


async def test_who_fails_stops_no_other_one_and_the_first_in_order_is_told() -> None:
    done: list[int] = []
    with pytest.raises(LookupError, match="-2"):
        await gather_all(_after(0.02, 1, done), _after(0.01, -2, done), _after(0, -3, done))
    assert sorted(done) == [-3, -2, 1]
    with pytest.raises(LookupError, match="-4"):
        await gather_pair(_after(0.02, 5, done), _after(0, -4, done))
    assert 5 in done


async def test_who_is_cancelled_cancels_all() -> None:
    done: list[int] = []
    asking = asyncio.ensure_future(gather_all(_after(5, 1, done), _after(5, 2, done)))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert done == []


LIMIT = 300.0


async def test_a_look_that_an_outage_held_up_decides_nothing(harness: Harness) -> None:
    looks = 0

    async def look() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            harness.clock.simulated.advance(LIMIT + 1)  # read before the outage, and told after it
        return looks > 1

    assert await poll(look, bool, within_seconds=LIMIT, otherwise="it never came")
    assert looks == 2


async def test_what_is_not_there_when_the_time_is_over_is_refused(harness: Harness) -> None:
    began, looks = harness.clock.now(), 0

    async def look() -> bool:
        nonlocal looks
        looks += 1
        return False

    with pytest.raises(StepRefused, match="it never came"):
        await poll(look, bool, within_seconds=LIMIT, otherwise="it never came")
    assert looks == LIMIT / POLL_SECONDS + 1
    assert (harness.clock.now() - began).total_seconds() == pytest.approx(LIMIT)
