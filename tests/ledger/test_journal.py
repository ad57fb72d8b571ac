import pytest

from ledger import journal
from ledger.database import Ledger
from ledger.errors import IllegalMove, LedgerError
from ledger.snapshots import EntryKey
from ledger.states import State
from tests.ledger.scenario import LedgerScenario


async def test_an_intent_is_noted_once_with_its_move(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    first = await journal.note(
        ledger,
        driver,
        generation=1,
        step="install",
        before={"operation": 4},
        now=story.now,
        advance_to=State.INSTALLING,
    )
    assert (first.state, first.before, first.key) == ("intended", {"operation": 4}, EntryKey(1, 1, "install", 1))
    assert (await story.service()).state is State.INSTALLING
    again = await journal.note(
        ledger,
        driver,
        generation=1,
        step="install",
        before={"operation": 5},
        now=story.later(minutes=1),
        advance_to=State.INSTALLING,
    )
    assert again == first


async def test_an_intent_that_may_not_advance_is_not_noted(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.CLAIMED)
    with pytest.raises(IllegalMove):
        await journal.note(
            ledger, driver, generation=1, step="install", before=None, now=story.now, advance_to=State.INSTALLING
        )
    assert await journal.entries(ledger, 1, 1) == []


async def test_a_held_service_intends_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    driver = await story.hold(driver)
    with pytest.raises(IllegalMove, match="HELD"):
        await journal.note(ledger, driver, generation=1, step="install", before=None, now=story.now)


async def test_an_earlier_generation_intends_nothing(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASED)
    await story.take(driver)
    with pytest.raises(LedgerError, match="is in generation 2, not 1"):
        await journal.note(ledger, driver, generation=1, step="install", before=None, now=story.now)


async def test_a_done_step_keeps_its_newest_result(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    entry = await journal.note(ledger, driver, generation=1, step="owner", before=None, now=story.now)
    await journal.done(ledger, driver, story.later(seconds=1), entry.key, {"user": 31})
    done = await journal.done(ledger, driver, story.later(seconds=1), entry.key, {"user": 32})
    assert (done.state, done.result, done.settled_at) == ("done", {"user": 32}, story.now)
    assert await journal.latest(ledger, 1, 1, "owner") == done


async def test_an_earlier_attempt_stays_when_the_next_one_begins(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    first = await journal.note(ledger, driver, generation=1, step="install", before=None, now=story.now)
    await journal.done(ledger, driver, story.now, first.key, {"operation": 4})
    second = await journal.note(
        ledger, driver, generation=1, step="install", attempt=2, before=None, now=story.later(minutes=1)
    )
    assert await journal.latest(ledger, 1, 1, "install") == second
    assert [(entry.attempt, entry.state) for entry in await journal.entries(ledger, 1, 1)] == [
        (1, "done"),
        (2, "intended"),
    ]
    assert await journal.latest(ledger, 1, 2, "install") is None


async def test_what_was_not_noted_cannot_be_settled(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    with pytest.raises(LedgerError, match=r"Step install of service 1 \(generation 1, attempt 3\) was never noted"):
        await journal.done(ledger, driver, story.now, EntryKey(1, 1, "install", 3), None)


async def test_another_services_step_is_not_ours_to_settle(ledger: Ledger, story: LedgerScenario) -> None:
    other = await story.reach(State.PREPARING, 2)
    entry = await journal.note(ledger, other, generation=1, step="install", before=None, now=story.now)
    driver = await story.reach(State.PREPARING, 1)
    with pytest.raises(LedgerError, match="is not service 1's"):
        await journal.done(ledger, driver, story.now, entry.key, None)
    with pytest.raises(LedgerError, match="is not service 1's"):
        await journal.forget(ledger, driver, entry.key)
    assert await journal.latest(ledger, 2, 1, "install") == entry


async def test_an_intent_that_came_to_nothing_is_forgotten(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    entry = await journal.note(ledger, driver, generation=1, step="install", before=None, now=story.now)
    await journal.forget(ledger, driver, entry.key)
    await journal.forget(ledger, driver, entry.key)
    assert await journal.entries(ledger, 1, 1) == []


async def test_a_done_step_is_not_forgotten(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)
    entry = await journal.note(ledger, driver, generation=1, step="install", before=None, now=story.now)
    await journal.done(ledger, driver, story.now, entry.key, None)
    with pytest.raises(LedgerError, match="cannot be forgotten"):
        await journal.forget(ledger, driver, entry.key)
