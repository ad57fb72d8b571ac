import asyncio
import random
from datetime import datetime, timedelta

import pytest

from ledger import decisions, permits, requests
from ledger.caps import Caps
from ledger.database import Ledger
from ledger.errors import CapReached, LedgerError
from ledger.snapshots import Driver
from ledger.states import State
from tests.ledger.scenario import CAPS, LedgerScenario, delivered

CEILING_OF_TWO = CAPS.model_copy(update={"ceiling_per_day": 2})


async def test_no_decision_lets_a_wipe_past_the_ceiling(ledger: Ledger, story: LedgerScenario) -> None:
    drivers = [await story.reach(State.RELEASING, number, run=f"run-{number}") for number in (1, 2, 3)]
    for driver in drivers[:2]:
        await story.permit(driver, caps=CEILING_OF_TWO)
    with pytest.raises(CapReached, match="The cap is 2 wipes in 24 hours, whoever asks, and there are 2") as reached:
        await story.permit(drivers[2], caps=CEILING_OF_TWO)
    assert reached.value.cap == "ceiling"

    await requests.hold_and_close(ledger, drivers[2], reason="wipe-cap", evidence="-", now=story.now)
    await decisions.leave_hold(
        ledger, 3, to=State.RELEASING, who="ann", why="-", now=story.now, choice="retry", past_cap=True
    )
    again = await story.ask(3, run="again", action="terminate")
    with pytest.raises(CapReached, match="whoever asks"):
        await story.permit(again, caps=CEILING_OF_TWO)
    await requests.hold_and_close(ledger, again, reason="ceiling", evidence="-", now=story.now)
    with pytest.raises(LedgerError, match="which is no cap"):
        await decisions.leave_hold(
            ledger, 3, to=State.RELEASING, who="ann", why="-", now=story.now, choice="retry", past_cap=True
        )


async def test_no_decision_takes_more_servers_back_than_the_ceiling(ledger: Ledger, story: LedgerScenario) -> None:
    drivers = await delivered(story, 4)
    for driver in drivers[:2]:
        await story.begin(driver, caps=CEILING_OF_TWO)
    with pytest.raises(CapReached, match="terminations in 24 hours, whoever asks"):
        await story.begin(drivers[2], caps=CEILING_OF_TWO)
    for driver in drivers[2:]:
        await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence="-", now=story.now)
        to = State.RELEASING
        await decisions.leave_hold(ledger, driver.service_id, to=to, who="ann", why="-", now=story.later(minutes=1))
        decided = await story.ask(driver.service_id, run="again", action="terminate")
        with pytest.raises(CapReached, match="whoever asks"):
            await story.begin(decided, caps=CEILING_OF_TWO)
    for driver in drivers[:2]:
        await story.begin(driver, caps=CEILING_OF_TWO)  # a run that goes on halfway is not stopped by who came later
    story.later(hours=24)
    await story.begin(decided, caps=CEILING_OF_TWO)


async def test_a_permit_of_last_week_that_may_still_be_used_counts_against_the_ceiling(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = [await story.reach(State.RELEASING, number, run=f"run-{number}") for number in range(1, 6)]
    old = [await story.permit(driver, caps=CEILING_OF_TWO) for driver in drivers[:2]]
    story.later(days=7)
    with pytest.raises(CapReached):
        await story.permit(drivers[2], caps=CEILING_OF_TWO)
    await permits.void(ledger, drivers[0], story.now, old[0].id)
    await permits.use(ledger, drivers[1], story.now, old[1].id)
    await story.permit(drivers[2], caps=CEILING_OF_TWO)
    with pytest.raises(CapReached):
        await story.permit(drivers[3], caps=CEILING_OF_TWO)


async def test_a_permit_of_a_held_service_counts_again_only_when_the_service_goes_on(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = [await story.reach(State.RELEASING, number, run=f"run-{number}") for number in range(1, 5)]
    held = [await story.permit(driver, caps=CEILING_OF_TWO) for driver in drivers[:2]]
    for driver in drivers[:2]:
        await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence="-", now=story.now)
    for driver in drivers[2:]:
        written = await story.permit(driver, caps=CEILING_OF_TWO)
        await permits.use(ledger, driver, story.now, written.id)
    await decisions.leave_hold(ledger, 1, to=State.ERASING, who="ann", why="-", now=story.now, choice="retry")
    again = await story.ask(1, run="again", action="terminate")
    with pytest.raises(LedgerError, match="is void"):
        await permits.use(ledger, again, story.now, held[0].id)
    with pytest.raises(CapReached, match="2 wipes in 24 hours, whoever asks"):
        await story.permit(again, caps=CEILING_OF_TWO)
    story.later(hours=24)
    written = await story.permit(again, caps=CEILING_OF_TWO)
    assert (written.attempt, written.used_at) == (2, None)
    await permits.use(ledger, again, story.now, written.id)


async def test_two_that_come_at_once_do_not_both_take_the_last_wipe_below_the_ceiling(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = [await story.reach(State.RELEASING, number, run=f"run-{number}") for number in range(1, 6)]
    ends = await asyncio.gather(
        *(story.permit(driver, caps=CEILING_OF_TWO) for driver in drivers), return_exceptions=True
    )
    assert sum(isinstance(end, CapReached) for end in ends) == 3


class Killed(Exception):
    """The worker is killed at a commit."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize("seed", range(12))
async def test_no_24_hours_have_more_wipes_than_the_ceiling_whoever_is_killed_where(
    ledger: Ledger, story: LedgerScenario, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    caps = CAPS.model_copy(update={"ceiling_per_day": 3})
    waiting = [await story.reach(State.RELEASING, number, run=f"run-{number}") for number in range(1, 13)]
    permitted: list[tuple[Driver, int]] = []
    held: list[int] = []
    used: list[datetime] = []
    for _ in range(80):
        story.later(hours=dice.choice([0, 0, 1, 5, 23]))
        match dice.choice(["write", "write", "use", "use", "void", "held", "decided", "killed before", "killed after"]):
            case "write" if waiting:
                driver = waiting.pop(dice.randrange(len(waiting)))
                try:
                    permitted.append((driver, (await story.permit(driver, caps=caps)).id))
                except CapReached:
                    waiting.append(driver)
            case "killed before" | "killed after" as when if (
                waiting
            ):  # the permit is not written, or nobody knows of it
                hooks = ledger.before_commit if when == "killed before" else ledger.after_commit
                hooks.append(die)
                with pytest.raises((Killed, CapReached)):
                    await story.permit(dice.choice(waiting), caps=caps)
                hooks.clear()
            case "use" if permitted:
                driver, number = permitted.pop(dice.randrange(len(permitted)))
                await permits.use(ledger, driver, story.now, number)
                used.append(story.now)
            case "held" if permitted:
                driver, _ = permitted.pop(dice.randrange(len(permitted)))
                await requests.hold_and_close(ledger, driver, reason="odd", evidence="-", now=story.now)
                held.append(driver.service_id)
            case "decided" if held:
                number = held.pop(dice.randrange(len(held)))
                await decisions.leave_hold(ledger, number, to=State.ERASING, who="ann", why="-", now=story.now)
                waiting.append(await story.ask(number, run=f"run-{number}-{len(used)}", action="terminate"))
            case "void" if permitted:
                driver, number = permitted.pop(dice.randrange(len(permitted)))
                await permits.void(ledger, driver, story.now, number)
                waiting.append(driver)
            case _:
                continue
    assert used
    for last in used:
        assert sum(last - timedelta(days=1) < at <= last for at in used) <= 3


@pytest.mark.parametrize(
    ("fleet", "per_day", "ceiling"), [(12, 50, 20), (200, 50, 40), (2000, 50, 100), (2000, 1, 5), (2000, 400, 400)]
)
def test_without_a_number_the_ceiling_is_twice_the_days_cap(fleet: int, per_day: int, ceiling: int) -> None:
    assert Caps(terminations_per_day=per_day, terminations_share=0.1, wipes_per_hour=1).ceiling(fleet) == ceiling


async def test_the_ceiling_does_not_sink_with_the_wipes_that_it_let_begin(
    ledger: Ledger, story: LedgerScenario
) -> None:
    caps = Caps(terminations_per_day=6, terminations_share=0.5, small_fleet=1, wipes_per_hour=50, burst_at_least=50)
    drivers = await delivered(story, 8)  # the day's cap is four of eight, and the ceiling eight
    for driver in drivers[:4]:
        await story.begin(driver, caps=caps)
    for driver in drivers[4:7]:
        await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence="-", now=story.now)
        await decisions.leave_hold(
            ledger, driver.service_id, to=State.RELEASING, who="ann", why="-", now=story.later(minutes=1)
        )
    more = [await story.ask(number, run="again", action="terminate") for number in (5, 6, 7)]
    for driver in [*drivers[:4], *more]:
        await story.begin(driver, caps=caps)
        await story.permit(driver, caps=caps)
        await story.wiped(driver)
