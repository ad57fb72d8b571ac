from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from dcimanager.errors import PanelRefused, PanelUnreachable
from runtime.clock import clock, set_clock
from runtime.errors import Held
from runtime.steps import ARRIVAL_SECONDS, create_once
from simulator.panel.clock import ManualClock
from tests.harness import SteppingClock

LOST = PanelUnreachable("The panel main did not answer.", "POST", "dci/v3/user")


class Thing:
    """Something on a panel that is to be made once; `answers` and `looks` tell what each call comes to, in order."""

    def __init__(self, *answers: object, there: int | None = None, looks_fail: int = 0) -> None:
        self.answers = list(answers)
        self.there = there
        self.looks_fail = looks_fail
        self.sends = 0

    async def look(self) -> int | None:
        if self.sends and self.looks_fail:
            self.looks_fail -= 1
            raise LOST
        return self.there

    async def send(self) -> int | None:
        self.sends += 1
        answer = self.answers.pop(0)
        if answer == "made, answer lost":
            self.there = 7
            raise LOST
        if answer == "made, number not told":
            self.there = 7
            return None
        if isinstance(answer, Exception):
            raise answer
        assert answer is None or isinstance(answer, int)
        return answer

    async def made(self, lost_since: datetime | None = None) -> int:
        return await create_once(look=self.look, send=self.send, what="the thing", lost_since=lost_since)


@pytest.fixture(autouse=True)
def _quick_clock() -> Iterator[None]:
    set_clock(SteppingClock(ManualClock()))
    yield
    set_clock(None)


async def test_what_is_there_already_is_adopted_and_not_made() -> None:
    thing = Thing(there=7)
    assert await thing.made() == 7
    assert thing.sends == 0


async def test_what_is_not_there_is_made_once() -> None:
    thing = Thing(8)
    assert await thing.made() == 8
    assert thing.sends == 1


async def test_what_was_made_without_its_number_being_told_is_found() -> None:
    thing = Thing("made, number not told")
    assert await thing.made() == 7
    assert thing.sends == 1


async def test_what_was_made_although_the_answer_was_lost_is_adopted() -> None:
    thing = Thing("made, answer lost")
    assert await thing.made() == 7
    assert thing.sends == 1


async def test_a_look_that_does_not_work_at_first_is_repeated() -> None:
    thing = Thing("made, answer lost", looks_fail=2)
    assert await thing.made() == 7


async def test_what_was_lost_and_is_not_there_ends_the_run_and_a_retry_sends_it() -> None:
    thing = Thing(LOST, 8)
    with pytest.raises(PanelUnreachable):
        await thing.made()
    assert thing.sends == 1
    assert await thing.made() == 8


async def test_what_the_panel_accepted_and_never_shows_is_not_sent_again() -> None:
    thing = Thing(None)
    with pytest.raises(Held, match="accepted the thing but does not show it"):
        await thing.made()
    assert thing.sends == 1


async def test_what_cannot_be_looked_for_after_a_lost_answer_needs_a_person() -> None:
    thing = Thing("made, answer lost", looks_fail=1000)
    with pytest.raises(Held, match="answer-lost"):
        await thing.made()
    assert thing.sends == 1


async def test_what_the_panel_refuses_is_not_sent_again() -> None:
    thing = Thing(PanelRefused("The panel refused: no."))
    with pytest.raises(PanelRefused):
        await thing.made()
    assert thing.sends == 1


class Late(Thing):
    """Something that an earlier run asked for and that appears after so many looks."""

    def __init__(self, looks: int) -> None:
        super().__init__(8)
        self.looks = looks

    async def look(self) -> int | None:
        self.looks -= 1
        return 7 if self.looks < 0 else None


async def test_what_a_run_that_broke_off_asked_for_is_given_time_to_appear() -> None:
    late = Late(looks=5)
    assert await late.made(lost_since=clock().now()) == 7
    assert late.sends == 0


async def test_what_has_not_appeared_by_then_is_sent() -> None:
    never = Late(looks=1000)
    began = clock().now()
    assert await never.made(lost_since=began) == 8
    assert clock().elapsed(began).total_seconds() == ARRIVAL_SECONDS


async def test_what_broke_off_long_ago_is_not_waited_for() -> None:
    never = Late(looks=1000)
    began = clock().now()
    assert await never.made(lost_since=began - timedelta(seconds=ARRIVAL_SECONDS)) == 8
    assert clock().now() == began
