"""What a suspension leaves for later stands with the claim, and ends with it."""

from datetime import datetime, timedelta

import pytest

from ledger import suspensions
from ledger.database import Ledger
from ledger.errors import Superseded
from ledger.snapshots import Claim
from ledger.states import State
from tests.ledger.scenario import LedgerScenario


async def claim(story: LedgerScenario) -> Claim:
    found = (await story.service(1)).claim
    assert found is not None
    return found


async def power(story: LedgerScenario) -> datetime | None:
    return (await claim(story)).powered_off_at


async def test_power_that_is_noted_twice_keeps_its_first_moment(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    assert await power(story) is None
    first = story.now
    await suspensions.note_power(ledger, driver, first, is_off=True)
    await suspensions.note_power(ledger, driver, story.later(hours=1), is_off=True)
    assert await power(story) == first
    for _ in range(2):
        await suspensions.note_power(ledger, driver, story.now, is_off=False)
        assert await power(story) is None


async def test_until_when_a_suspension_waits_is_its_last_word(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    for until in (story.now + timedelta(hours=1), story.now + timedelta(hours=2), None):
        await suspensions.put_off(ledger, driver, story.now, until=until)
        assert (await claim(story)).suspends_at == until


async def test_an_older_driver_notes_neither(ledger: Ledger, story: LedgerScenario) -> None:
    older = await story.reach(State.ACTIVE)
    await story.ask(run="run-2", action="unsuspend", takeover=True)
    with pytest.raises(Superseded):
        await suspensions.note_power(ledger, older, story.now, is_off=True)
    with pytest.raises(Superseded):
        await suspensions.put_off(ledger, older, story.now, until=story.now)
    assert (await power(story), (await claim(story)).suspends_at) == (None, None)


async def test_a_service_without_a_server_has_nothing_to_note(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.ask()
    service = await suspensions.note_power(ledger, driver, story.now, is_off=True)
    assert service.claim is None
    assert (await suspensions.put_off(ledger, driver, story.now, until=story.now)).claim is None
