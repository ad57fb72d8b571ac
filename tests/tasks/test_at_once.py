import asyncio

import pytest

from tasks.at_once import all_of, both


async def _after(seconds: float, answer: int, done: list[int]) -> int:
    await asyncio.sleep(seconds)
    done.append(answer)
    if answer < 0:
        raise LookupError(str(answer))
    return answer


async def test_answers_come_in_the_order_in_which_they_were_asked_for() -> None:
    done: list[int] = []
    assert await all_of(_after(0.02, 1, done), _after(0, 2, done)) == [1, 2]
    assert done == [2, 1]
    assert await both(_after(0.02, 3, done), _after(0, 4, done)) == (3, 4)
    assert await all_of() == []


async def test_who_fails_stops_no_other_one_and_the_first_in_order_is_told() -> None:
    done: list[int] = []
    with pytest.raises(LookupError, match="-2"):
        await all_of(_after(0.02, 1, done), _after(0.01, -2, done), _after(0, -3, done))
    assert sorted(done) == [-3, -2, 1]
    with pytest.raises(LookupError, match="-4"):
        await both(_after(0.02, 5, done), _after(0, -4, done))
    assert 5 in done


async def test_who_is_cancelled_cancels_all() -> None:
    done: list[int] = []
    asking = asyncio.ensure_future(all_of(_after(5, 1, done), _after(5, 2, done)))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert done == []
