import pytest

from ledger import decisions, permits, requests, restored
from ledger.database import Ledger
from ledger.errors import Superseded
from ledger.states import State
from tests.ledger.scenario import LedgerScenario, last_request

MESSAGE = "Closed by dciflow restored ledger."


async def close(ledger: Ledger, story: LedgerScenario) -> int:
    closed = await restored.close_requests(ledger, message=MESSAGE, now=story.now)
    await restored.raise_epochs(ledger, now=story.now)
    return closed


async def test_whatever_drove_a_service_drives_it_no_more(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASING)
    assert await close(ledger, story) == 1
    assert await close(ledger, story) == 0
    with pytest.raises(Superseded):
        await story.permit(driver)
    assert await requests.open_requests(ledger) == []


async def test_a_service_midway_is_held_with_the_action_that_stopped(ledger: Ledger, story: LedgerScenario) -> None:
    await story.reach(State.INSTALLING)
    before = await last_request(ledger, 1)
    await close(ledger, story)
    assert await restored.hold(ledger, 1, evidence="it stands midway", message=MESSAGE, now=story.now)
    stopped = await requests.last_held(ledger, 1)
    assert before is not None
    assert stopped is not None
    assert (stopped.id, stopped.action) == (before.id, before.action)
    held = await story.service()
    assert (held.state, held.held_reason, held.held_from) == (State.HELD, "restored", State.INSTALLING)
    assert not await restored.hold(ledger, 1, evidence="again", message=MESSAGE, now=story.now)
    assert (await story.service()).held_evidence == "it stands midway"


async def test_a_service_that_nothing_drove_is_held_without_an_action_of_long_ago(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ACTIVE)
    await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence="-", now=story.now)
    await decisions.leave_hold(ledger, 1, to=State.ACTIVE, who="ann", why="fine", now=story.now)
    await close(ledger, story)
    await restored.hold(ledger, 1, evidence="-", message=MESSAGE, now=story.now)
    stopped = await requests.last_held(ledger, 1)
    assert stopped is not None
    assert stopped.action == restored.ACTION


async def test_a_hold_of_before_gets_a_moment_of_its_own(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence="-", now=story.now)
    before = await story.service()
    story.later(hours=1)
    await close(ledger, story)
    after = await story.service()
    assert after.held_at == story.now != before.held_at
    assert after.epoch == before.epoch + restored.EPOCHS


async def test_the_ledger_tells_which_wipes_are_proved_and_how_far_it_knows_the_panel(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await permits.use(ledger, driver, story.now, permit.id)
    await permits.record_operation(ledger, driver, story.now, permit.id, 77)
    assert await restored.proved_wipes(ledger, "main") == {}
    assert await restored.newest_operation(ledger, "main") == 77
    assert await restored.newest_operation(ledger, "other") == 0
    assert await restored.panels_in_use(ledger) == ["main"]
