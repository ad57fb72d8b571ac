"""A burst of deletions holds itself before the cap; ordinary weeks are never held up (safety rule 7)."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from ledger import claims, decisions, releases, requests
from ledger.burst import LOOKS_BACK, busiest_day, ordinary_day
from ledger.caps import Caps
from ledger.database import Ledger
from ledger.errors import CapReached
from ledger.snapshots import Choice, Driver
from ledger.states import State
from tests.ledger.scenario import CAPS, LedgerScenario, hardware_for

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SHIPPED = Caps(terminations_per_day=50, terminations_share=0.1, wipes_per_hour=30)
TIGHT = CAPS.model_copy(update={"small_fleet": 10, "terminations_per_day": 10, "burst_at_least": 3})
"""A day's cap of ten; a burst from four on."""


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


@pytest.mark.parametrize(
    ("begun", "most"),
    [
        ([], 0),
        ([ago(hours=1), ago(days=6, hours=23)], 0),  # the last week is weighed, and is not the measure
        ([ago(days=8)], 1),
        ([ago(days=8), ago(days=8, hours=23), ago(days=9, hours=1)], 2),  # of any 24 hours, not of a calendar's day
        ([ago(days=97, hours=20)] * 7, 7),
        ([ago(days=98, minutes=1)] * 7, 0),
    ],
)
def test_the_busiest_day_is_any_24_hours_of_the_last_fourteen_weeks(begun: list[datetime], most: int) -> None:
    assert busiest_day(begun, NOW) == most


@pytest.mark.parametrize(
    ("busiest", "fleet", "is_known", "limit"),
    [(0, 12, True, 5), (4, 12, True, 12), (0, 900, True, 9), (0, 300, False, 22), (9, 300, False, 27)],
)
def test_three_busiest_days_are_no_burst_and_neither_is_a_floor(
    busiest: int, fleet: int, is_known: bool, limit: int
) -> None:
    counted = {"busiest": busiest, "fleet": fleet, "is_known": is_known, "days_cap": SHIPPED.days_cap(fleet)}
    assert ordinary_day(times=SHIPPED.burst_times, at_least=SHIPPED.burst_at_least, **counted) == limit  # type: ignore[arg-type]


def ordinary_weeks(seed: int, weeks: int = 40) -> tuple[int, list[datetime]]:
    """A host's fleet, and when its deletions came: at any hour, and many of a month's on one day of it."""
    dice = random.Random(seed)  # noqa: S311
    fleet = dice.choice([8, 12, 40, 150, 400, 1000])
    a_month, gathered, hour = dice.uniform(0.01, 0.05) * fleet, dice.uniform(0, 0.4), dice.randrange(24)
    begun = []
    for day in range(weeks * 7):
        mean = a_month * (1 - gathered) / 30 + (a_month * gathered if day % 30 == 4 else 0)
        today = sum(dice.random() < mean / 1000 for _ in range(1000))
        for _ in range(today):
            at = hour + dice.uniform(0, 0.2) if dice.random() < 0.5 else dice.uniform(0, 24)
            begun.append(NOW + timedelta(days=day, hours=at))
    return fleet, sorted(begun)


def limit_at(now: datetime, begun: list[datetime], fleet: int) -> int:
    return ordinary_day(
        busiest=busiest_day(begun, now), times=SHIPPED.burst_times, at_least=SHIPPED.burst_at_least, fleet=fleet,
        days_cap=SHIPPED.days_cap(fleet), is_known=now - NOW >= LOOKS_BACK,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_no_ordinary_day_of_forty_weeks_is_held(seed: int) -> None:
    fleet, begun = ordinary_weeks(seed)
    for index, now in enumerate(begun):
        others = begun[max(0, index - 4000) : index]
        in_a_day = sum(at > now - timedelta(days=1) for at in others)
        assert in_a_day < limit_at(now, others, fleet), (fleet, now)


@pytest.mark.parametrize("seed", range(40))
def test_after_ordinary_weeks_a_deletion_of_everything_is_held_before_the_cap_or_at_three_busiest_days(
    seed: int,
) -> None:
    fleet, begun = ordinary_weeks(seed)
    night = NOW + timedelta(weeks=41)
    limit = limit_at(night, begun, fleet)
    assert limit <= max(5, fleet // 100, 3 * busiest_day(begun, night))
    if busiest_day(begun, night) * 3 < SHIPPED.days_cap(fleet):
        assert limit < SHIPPED.days_cap(fleet)


def test_who_deletes_as_many_as_go_each_day_deletes_no_more_each_day_for_a_week() -> None:
    begun = [NOW + timedelta(days=day) for day in range(0, 200, 7)]  # one a week, of 1,000 servers
    last = NOW + timedelta(days=200)
    for day in range(7):
        now = last + timedelta(days=day)
        limit = limit_at(now, begun, 1000)
        assert limit == 10
        begun += [now] * limit


async def delivered(story: LedgerScenario, services: int, first: int = 1) -> list[Driver]:
    numbers = range(first, first + services)
    return [await story.reach(State.ACTIVE, number, run=f"run-{number}") for number in numbers]


async def held(story: LedgerScenario, driver: Driver, caps: Caps = TIGHT) -> str | None:
    """The reason that the deletion is stopped for; None: it begins."""
    try:
        await story.begin(driver, caps=caps)
    except CapReached as full:
        await requests.hold_and_close(story.ledger, driver, reason=full.cap, evidence=str(full), now=story.now)
        return full.cap
    return None


async def let(story: LedgerScenario, number: int, choice: Choice, *, past_cap: bool = False) -> Driver:
    """A person decides on a service that was ACTIVE; the driver of its next deletion."""
    await decisions.leave_hold(
        story.ledger, number, to=State.ACTIVE, who="ann", why="-", now=story.now, choice=choice, past_cap=past_cap
    )
    return await story.ask(number, run=f"again-{number}", action="terminate")


async def test_the_fourth_deletion_of_a_quiet_fleets_day_waits_for_a_person_and_loses_nothing(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = await delivered(story, 6)
    story.later(weeks=15)
    assert [await held(story, driver) for driver in drivers] == [None] * 3 + ["burst"] * 3
    service = await story.service(4)
    assert (service.held_from, service.releasing_since) == (State.ACTIVE, None)
    assert service.claim is not None and service.claim.owner_id == 31
    assert "3 terminations in 24 hours before a person looks" in str(service.held_evidence)


async def test_a_fleet_that_the_ledger_does_not_know_yet_may_lose_three_quarters_of_the_cap(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = await delivered(story, 9)
    assert [await held(story, driver) for driver in drivers] == [None] * 7 + ["burst"] * 2


async def test_whom_a_person_lets_past_the_burst_is_past_it_and_is_no_measure_of_a_day(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = await delivered(story, 24)
    story.later(weeks=15)
    for driver in drivers[:6]:
        await held(story, driver)
    for number in (4, 5, 6):
        assert await held(story, await let(story, number, "retry", past_cap=True)) is None
    assert await held(story, drivers[6]) == "burst"  # the three that came by themselves still count
    story.later(days=9)
    # Six went on one day; three of them by a person's word. Nine would be three times three, eighteen three times six.
    caps = TIGHT.model_copy(update={"terminations_per_day": 10_000, "small_fleet": 10_000})
    ends = [await held(story, driver, caps) for driver in drivers[8:20]]
    assert ends == [None] * 9 + ["burst"] * 3


async def test_released_and_asked_for_again_it_is_a_burst_again(ledger: Ledger, story: LedgerScenario) -> None:
    drivers = await delivered(story, 4)
    story.later(weeks=15)
    for driver in drivers:
        await held(story, driver)
    for _ in range(3):
        assert await held(story, await let(story, 4, "release")) == "burst"


async def test_past_the_cap_is_past_the_burst_and_past_the_burst_is_not_past_the_cap(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = await delivered(story, 12)
    story.later(weeks=15)
    for driver in drivers:
        await held(story, driver)
    for number in range(4, 11):
        assert await held(story, await let(story, number, "retry", past_cap=True)) is None
    assert await held(story, await let(story, 11, "retry", past_cap=True)) == "termination-cap"
    assert await held(story, await let(story, 11, "retry", past_cap=True)) is None


async def test_who_is_brought_back_is_none_of_the_days_deletions(ledger: Ledger, story: LedgerScenario) -> None:
    drivers = await delivered(story, 5)
    story.later(weeks=15)
    for driver in drivers[:3]:
        await story.begin(driver, caps=TIGHT, may_come_back=True)
    await releases.bring_back(ledger, 1, who="ann", why="paid", now=story.now)
    assert [await held(story, driver) for driver in drivers[3:]] == [None, "burst"]


async def test_a_number_that_whmcs_gives_to_another_client_takes_no_deletion_out_of_the_count(
    ledger: Ledger, story: LedgerScenario
) -> None:
    drivers = await delivered(story, 5)
    story.later(weeks=15)
    for driver in drivers[:3]:
        await story.begin(driver, caps=TIGHT)
        await story.permit(driver)
        await story.wiped(driver)
    async with ledger.transaction() as session:
        from sqlalchemy import update

        from ledger.tables import ServiceRow

        # What recording another client's order under the number does to its row (services.remember).
        await (await session.connection()).execute(
            update(ServiceRow).where(ServiceRow.service_id <= 3).values(releasing_since=None)  # type: ignore[arg-type]
        )
    assert [await held(story, driver) for driver in drivers[3:]] == ["burst", "burst"]


async def test_ten_ordinary_weeks_in_the_ledger_hold_nobody(ledger: Ledger, story: LedgerScenario) -> None:
    dice = random.Random(16)  # noqa: S311
    drivers = await delivered(story, 16)
    number = 17
    for day in range(70):
        for _ in range(min(4, sum(dice.random() < 0.3 for _ in range(2))) + (3 if day % 30 == 4 else 0)):
            driver = drivers.pop(dice.randrange(len(drivers)))
            story.later(minutes=dice.randrange(90))
            assert await held(story, driver, SHIPPED.model_copy(update={"wipes_per_hour": 100})) is None, day
            await story.permit(driver)
            await story.wiped(driver)
            drivers += await delivered(story, 1, first=number)
            number += 1
        story.later(hours=20)
    assert await claims.claimed(ledger, "main")
    assert hardware_for(number).identifies
