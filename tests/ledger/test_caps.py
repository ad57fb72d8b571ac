import asyncio

import pytest

from ledger import decisions, journal, permits, requests, services
from ledger.caps import SMALL_FLEET, Caps
from ledger.database import Ledger
from ledger.errors import CapReached
from ledger.snapshots import Driver
from ledger.states import State
from ledger.step_names import StepName
from tests.ledger.scenario import CAPS, LedgerScenario, delivered

TWO_A_DAY = CAPS.model_copy(update={"terminations_per_day": 2})
TWO_AN_HOUR = CAPS.model_copy(update={"wipes_per_hour": 2})


async def install(story: LedgerScenario, driver: Driver, at_most: int, attempt: int = 1) -> None:
    service = await story.service(driver.service_id)
    await journal.note(
        story.ledger,
        driver,
        generation=service.generation,
        step=StepName.DEPLOY_OS,
        attempt=attempt,
        before=None,
        now=story.now,
        advance_to=State.INSTALLING,
        installations_at_most=at_most,
    )


async def test_a_day_has_so_many_terminations_and_the_next_one_is_not_begun(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = await delivered(story, 3)
    for driver in drivers[:2]:
        await story.begin(driver, caps=TWO_A_DAY)
    with pytest.raises(CapReached, match="The cap is 2 terminations in 24 hours, and there are 2") as reached:
        await story.begin(drivers[2], caps=TWO_A_DAY)
    assert (reached.value.cap, reached.value.count, reached.value.limit) == ("termination-cap", 2, 2)
    assert (await story.service(3)).state is State.ACTIVE

    story.later(hours=24)
    assert (await story.begin(drivers[2], caps=TWO_A_DAY)).state is State.RELEASING


async def test_two_that_come_at_once_do_not_both_take_the_last_termination(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = await delivered(story, 6)
    ends = await asyncio.gather(*(story.begin(driver, caps=TWO_A_DAY) for driver in drivers), return_exceptions=True)
    assert sum(isinstance(end, CapReached) for end in ends) == 4
    assert [(await story.service(number)).state for number in range(1, 7)].count(State.RELEASING) == 2


async def test_beginning_again_counts_once(ledger: Ledger, story: LedgerScenario) -> None:
    drivers = await delivered(story, 2)
    for _ in range(3):
        await story.begin(drivers[0], caps=TWO_A_DAY)
    await story.begin(drivers[1], caps=TWO_A_DAY)


async def test_a_large_fleet_loses_its_share_a_day_and_a_small_one_ten(ledger: Ledger, story: LedgerScenario) -> None:
    caps = Caps(terminations_per_day=100, terminations_share=0.5, wipes_per_hour=100, burst_at_least=100)
    drivers = await delivered(story, 2 * SMALL_FLEET + 4)
    for driver in drivers[: SMALL_FLEET + 2]:
        await story.begin(driver, caps=caps)
    with pytest.raises(CapReached, match="the share of 24 promised servers, and there are 12"):
        await story.begin(drivers[-1], caps=caps)
    nearly_none = caps.model_copy(update={"terminations_share": 0.001})
    with pytest.raises(CapReached, match=f"The cap is {SMALL_FLEET} terminations"):
        await story.begin(drivers[-1], caps=nearly_none)


async def test_a_person_lets_one_service_past_the_cap_once(ledger: Ledger, story: LedgerScenario) -> None:
    none_left = CAPS.model_copy(update={"terminations_per_day": 1})
    first, second = await delivered(story, 2)
    await story.begin(first, caps=none_left)
    await requests.hold_and_close(ledger, second, reason="termination-cap", evidence="-", now=story.now)
    service = await decisions.leave_hold(
        ledger, 2, to=State.ACTIVE, who="ann", why="they all left", now=story.now, choice="retry", past_cap=True
    )
    assert service.allowed_past == "termination-cap"
    driver = await story.ask(2, run="again", action="terminate")
    assert (await story.begin(driver, caps=none_left)).allowed_past is None


async def test_only_a_cap_can_be_passed(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence="-", now=story.now)
    with pytest.raises(Exception, match="which is no cap: leave --past-cap out"):
        await decisions.leave_hold(ledger, 1, to=State.ACTIVE, who="ann", why="-", now=story.now, past_cap=True)
    assert (await story.service()).state is State.HELD


async def test_an_hour_has_so_many_wipes_and_the_next_one_is_not_permitted(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = [await story.reach(State.RELEASING, number, run=f"run-{number}") for number in (1, 2, 3)]
    for driver in drivers[:2]:
        await story.permit(driver, caps=TWO_AN_HOUR)
    with pytest.raises(CapReached, match="The cap is 2 wipes in an hour, and there are 2"):
        await story.permit(drivers[2], caps=TWO_AN_HOUR)
    assert (await story.service(3)).state is State.RELEASING
    assert await permits.current(ledger, 3, 1) is None
    story.later(minutes=61)
    await story.permit(drivers[2], caps=TWO_AN_HOUR)


async def test_a_permit_that_was_used_late_counts_from_its_use(ledger: Ledger, story: LedgerScenario) -> None:
    one = CAPS.model_copy(update={"wipes_per_hour": 1})
    first = await story.reach(State.RELEASING, 1)
    second = await story.reach(State.RELEASING, 2, run="run-2")
    permit = await story.permit(first, caps=one)
    story.later(minutes=50)
    await permits.use(ledger, first, story.now, permit.id)
    story.later(minutes=50)
    with pytest.raises(CapReached):
        await story.permit(second, caps=one)
    story.later(minutes=11)
    await story.permit(second, caps=one)


async def test_two_that_come_at_once_do_not_both_take_the_last_wipe(ledger: Ledger, story: LedgerScenario) -> None:
    drivers = [await story.reach(State.RELEASING, number, run=f"run-{number}") for number in range(1, 6)]
    ends = await asyncio.gather(*(story.permit(driver, caps=TWO_AN_HOUR) for driver in drivers), return_exceptions=True)
    assert sum(isinstance(end, CapReached) for end in ends) == 3


async def test_a_permit_that_came_to_nothing_leaves_its_place_to_others(ledger: Ledger, story: LedgerScenario) -> None:
    one = CAPS.model_copy(update={"wipes_per_hour": 1})
    first = await story.reach(State.RELEASING, 1)
    second = await story.reach(State.RELEASING, 2, run="run-2")
    permit = await story.permit(first, caps=one)
    await permits.void(ledger, first, story.now, permit.id)
    await story.permit(second, caps=one)
    with pytest.raises(CapReached):
        await story.permit(first, caps=one)


async def test_so_many_installations_run_at_once_on_a_panel(ledger: Ledger, story: LedgerScenario) -> None:
    drivers = [await story.reach(State.PREPARING, number, run=f"run-{number}") for number in (1, 2, 3)]
    await install(story, drivers[0], at_most=2)
    await install(story, drivers[1], at_most=2)
    await install(story, drivers[1], at_most=2)
    with pytest.raises(CapReached, match="The cap is 2 OS installations at once on panel main, and there are 2"):
        await install(story, drivers[2], at_most=2)
    assert (await story.service(3)).state is State.PREPARING
    await services.advance(ledger, drivers[0], story.now, State.ACTIVE)
    await install(story, drivers[2], at_most=2)


async def test_two_that_come_at_once_do_not_both_take_the_last_installation(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = [await story.reach(State.PREPARING, number, run=f"run-{number}") for number in range(1, 6)]
    ends = await asyncio.gather(*(install(story, driver, at_most=2) for driver in drivers), return_exceptions=True)
    assert sum(isinstance(end, CapReached) for end in ends) == 3


async def test_an_installation_that_was_given_up_or_is_past_its_time_out_takes_no_place(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = [await story.reach(State.PREPARING, number, run=f"run-{number}") for number in (1, 2, 3)]
    await install(story, drivers[0], at_most=1)
    await journal.note(ledger, drivers[0], generation=1, step=StepName.OS_GIVEN_UP, before=None, now=story.now)
    await install(story, drivers[1], at_most=1)
    with pytest.raises(CapReached):
        await install(story, drivers[0], at_most=1, attempt=2)
    story.later(minutes=61)
    await install(story, drivers[2], at_most=1)
