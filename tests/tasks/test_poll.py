"""Waiting until something is as wanted: what decides when the time is over."""

import pytest

from tasks.identity import POLL_SECONDS, poll
from tasks.outcomes import Refusal
from tests.stage import Stage

LIMIT = 300.0


async def test_a_look_that_an_outage_held_up_decides_nothing(stage: Stage) -> None:
    looks = 0

    async def look() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            stage.clock.simulated.advance(LIMIT + 1)  # read before the outage, and told after it
        return looks > 1

    assert await poll(look, bool, within_seconds=LIMIT, otherwise="it never came")
    assert looks == 2


async def test_what_is_not_there_when_the_time_is_over_is_refused(stage: Stage) -> None:
    began, looks = stage.clock.now(), 0

    async def look() -> bool:
        nonlocal looks
        looks += 1
        return False

    with pytest.raises(Refusal, match="it never came"):
        await poll(look, bool, within_seconds=LIMIT, otherwise="it never came")
    assert looks == LIMIT / POLL_SECONDS + 1
    assert (stage.clock.now() - began).total_seconds() == pytest.approx(LIMIT)
