import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger import claims, decisions, panels, requests, services, traffic
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Service
from ledger.states import State
from ledger.traffic import Figures, ReadDay, Use, days, last_day, use_of
from tests.ledger.scenario import LedgerScenario, hardware_for

MARCH = date(2026, 3, 1)
"""The month that the story begins in, at noon of its first day."""
AFTER = datetime(2026, 4, 1, 2, tzinfo=UTC)


async def in_use(story: LedgerScenario, service_id: int = 1) -> Use:
    """The use of a service whose activation ends now."""
    driver = await story.reach(State.INSTALLING, service_id, run=f"run-{service_id}")
    await requests.close(story.ledger, driver, outcome="done", message=None, now=story.now, to=State.ACTIVE)
    return of(await story.service(service_id))


def of(service: Service) -> Use:
    assert service.claim is not None
    use = use_of(service.claim)
    assert use is not None
    return use


def day(number: int, received: int = 100, sent: int = 10, *rates: int) -> ReadDay:
    return ReadDay(day=MARCH.replace(day=number), received=received, sent=sent, rates_in=rates, rates_out=rates)


async def keep(story: LedgerScenario, use: Use, *read: ReadDay) -> list[bool]:
    return [await traffic.keep_day(story.ledger, use, one, AFTER) for one in read]


async def keep_all(story: LedgerScenario, use: Use, *, without: int = 0, rates: tuple[int, ...] = (8, 4)) -> None:
    for number in range(1, 32):
        if number != without:
            assert await traffic.keep_day(story.ledger, use, day(number, 100, 10, *rates), AFTER)


async def test_a_use_begins_when_the_activation_ends_and_not_when_the_server_is_claimed(story: LedgerScenario) -> None:
    driver = await story.reach(State.INSTALLING)
    before = (await story.service()).claim
    assert before is not None
    assert use_of(before) is None
    end = story.later(hours=2)
    await requests.close(story.ledger, driver, outcome="done", message=None, now=end, to=State.ACTIVE)
    assert of(await story.service()) == Use(1, int(end.timestamp()), "main", 101)
    assert of(await story.service()).began == end


async def test_a_suspension_and_its_end_change_nothing_of_when_the_use_began(story: LedgerScenario) -> None:
    began = (await in_use(story)).since
    story.later(days=3)
    driver = await story.suspend(await story.ask(action="suspend", run="run-s"))
    story.later(days=1)
    await requests.close(story.ledger, driver, outcome="done", message=None, now=story.now, to=State.ACTIVE)
    assert of(await story.service()).since == began


async def test_an_adopted_service_is_in_use_from_its_adoption_on(story: LedgerScenario) -> None:
    service = await claims.adopt(
        story.ledger, service_id=5, panel="main", client_id=7, server_id=105, owner_id=31, hardware=hardware_for(5),
        state=State.SUSPENDED, now=story.now,
    )  # fmt: skip
    assert of(service).began == story.now


async def test_a_day_is_kept_once_and_never_changed(story: LedgerScenario) -> None:
    use = await in_use(story)
    assert await keep(story, use, day(2, 100, 10), day(2, 999, 999)) == [True, False]
    assert await traffic.of_day(story.ledger, "main", date(2026, 3, 2)) == [Figures(1, use.since, 100, 10, None)]
    assert await traffic.known_days(story.ledger, use, MARCH) == {date(2026, 3, 2)}
    assert await traffic.known_days(story.ledger, use, date(2026, 3, 3)) == set()


async def test_two_at_once_keep_a_day_once(story: LedgerScenario) -> None:
    use = await in_use(story)
    both = await asyncio.gather(*(traffic.keep_day(story.ledger, use, day(2, 100, 10, 5), AFTER) for _ in range(4)))
    assert sorted(both) == [False, False, False, True]
    known = await traffic.month_of(story.ledger, use, MARCH)
    assert (known.received, known.rate) == (100, 5)


async def test_the_days_percentile_is_that_of_its_points(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep(story, use, day(2, 100, 10, *range(1, 289)))
    [kept] = await traffic.of_day(story.ledger, "main", date(2026, 3, 2))
    assert kept.rate == 274


async def test_bytes_of_a_day_are_more_than_32_bits_hold(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep(story, use, day(2, 10**14, 10**14, 10**11))
    assert await traffic.of_day(story.ledger, "main", date(2026, 3, 2)) == [
        Figures(1, use.since, 10**14, 10**14, 10**11)
    ]


async def test_a_month_with_all_its_days_is_closed_once_and_stays_what_it_is(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep_all(story, use)
    assert await traffic.of_closed_month(story.ledger, "main", MARCH) == []
    closing = [await traffic.close_month(story.ledger, use, MARCH, AFTER) for _ in range(2)]
    assert closing == [True, False]
    closed = [Figures(1, use.since, 3100, 310, 8)]
    assert await traffic.of_closed_month(story.ledger, "main", date(2026, 3, 17)) == closed
    known = await traffic.month_of(story.ledger, use, MARCH)
    assert (known.closed_at, known.missing) == (AFTER, [])
    assert await keep(story, use, day(31, 5, 5)) == [False]
    assert await traffic.of_closed_month(story.ledger, "main", MARCH) == closed


async def test_two_at_once_close_a_month_once(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep_all(story, use)
    closing = (traffic.close_month(story.ledger, use, MARCH, AFTER) for _ in range(4))
    assert sorted(await asyncio.gather(*closing)) == [False, False, False, True]


@pytest.mark.parametrize("missing", [1, 15, 31])
async def test_a_month_with_a_missing_day_is_not_closed_and_says_which(story: LedgerScenario, missing: int) -> None:
    use = await in_use(story)
    await keep_all(story, use, without=missing)
    assert not await traffic.close_month(story.ledger, use, MARCH, AFTER)
    assert (await traffic.month_of(story.ledger, use, MARCH)).missing == [MARCH.replace(day=missing)]
    assert await traffic.of_closed_month(story.ledger, "main", MARCH) == []
    await keep(story, use, day(missing, 1, 1, 8, 4))
    assert await traffic.close_month(story.ledger, use, MARCH, AFTER)
    [closed] = await traffic.of_closed_month(story.ledger, "main", MARCH)
    assert closed.received == 3001


async def test_days_before_the_use_are_not_missing(story: LedgerScenario) -> None:
    story.later(days=9)
    use = await in_use(story)
    for number in range(10, 32):
        await keep(story, use, day(number))
    assert (await traffic.month_of(story.ledger, use, MARCH)).missing == []
    assert await traffic.close_month(story.ledger, use, MARCH, AFTER)


async def test_a_month_of_which_one_day_has_no_points_has_no_percentile(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep_all(story, use, without=9)
    await keep(story, use, day(9, 100, 10))
    await traffic.close_month(story.ledger, use, MARCH, AFTER)
    assert await traffic.of_closed_month(story.ledger, "main", MARCH) == [Figures(1, use.since, 3100, 310, None)]


async def test_a_use_that_began_minutes_before_midnight_needs_no_point_on_that_day(story: LedgerScenario) -> None:
    story.later(hours=11, minutes=55)
    use = await in_use(story)
    await keep(story, use, day(1, 1, 1))
    for number in range(2, 32):
        await keep(story, use, day(number, 100, 10, 8, 4))
    await traffic.close_month(story.ledger, use, MARCH, AFTER)
    [closed] = await traffic.of_closed_month(story.ledger, "main", MARCH)
    assert closed.rate == 8


async def test_what_the_server_moved_for_another_client_is_neither_kept_nor_shown(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep(story, use, day(2))
    assert await keep(story, use._replace(since=use.since - 1), day(3)) == [False]
    assert await keep(story, use._replace(service_id=2), day(3)) == [False]
    driver = await story.ask(action="terminate", run="run-t")
    await story.begin(driver)
    await story.permit(driver)
    await story.wiped(driver)
    assert await keep(story, use, day(4)) == [False]
    assert not await traffic.close_month(story.ledger, use, MARCH, AFTER)
    assert await traffic.of_day(story.ledger, "main", date(2026, 3, 2)) == []


async def test_who_is_handed_a_service_has_nothing_of_what_it_moved_before(story: LedgerScenario) -> None:
    whose = ServiceIdentity(client_id=7, order_id=3, registered="2026-01-01")
    await services.remember(story.ledger, service_id=1, panel="main", identity=whose, now=story.now)
    use = await in_use(story)
    await keep(story, use, day(2))
    driver = await story.ask(action="suspend", run="run-h")
    await requests.hold_and_close(story.ledger, driver, reason="client-changed", evidence="-", now=story.now)
    now = story.later(days=5)
    await decisions.hand_over(
        story.ledger,
        1,
        identity=whose.model_copy(update={"client_id": 8}),
        owner_id=32,
        who="anna",
        why="sold",
        now=now,
    )
    after = of(await story.service())
    assert after.began == now
    assert await traffic.of_day(story.ledger, "main", date(2026, 3, 2)) == []
    assert await traffic.known_days(story.ledger, after, MARCH) == set()
    assert await keep(story, use, day(3)) == [False]


async def test_a_panel_that_is_renamed_keeps_its_days(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep(story, use, day(2))
    await panels.rename(story.ledger, "main", "other")
    assert len(await traffic.of_day(story.ledger, "other", date(2026, 3, 2))) == 1
    assert await traffic.of_day(story.ledger, "main", date(2026, 3, 2)) == []
    assert await keep(story, use._replace(panel="other"), day(2)) == [False]


async def test_old_days_and_months_are_deleted(story: LedgerScenario) -> None:
    use = await in_use(story)
    await keep_all(story, use)
    await traffic.close_month(story.ledger, use, MARCH, AFTER)
    await traffic.forget_before(story.ledger, date(2026, 3, 20))
    assert await traffic.known_days(story.ledger, use, MARCH) == set(days(date(2026, 3, 20), date(2026, 3, 31)))
    closed = await traffic.of_closed_month(story.ledger, "main", MARCH)
    assert len(closed) == 1
    assert await keep(story, use, day(5)) == [False]  # its month is closed, so it is in there already
    assert await traffic.of_closed_month(story.ledger, "main", MARCH) == closed
    await traffic.forget_before(story.ledger, date(2026, 4, 20))
    assert await traffic.of_closed_month(story.ledger, "main", MARCH) == []


@pytest.mark.parametrize(
    ("month", "last"),
    [(date(2026, 2, 28), 28), (date(2028, 2, 1), 29), (date(2026, 12, 31), 31), (date(2026, 4, 7), 30)],
)
def test_the_last_day_of_a_month(month: date, last: int) -> None:
    assert last_day(month) == month.replace(day=last)


def test_all_days_from_one_to_another() -> None:
    assert list(days(date(2026, 2, 27), date(2026, 3, 1))) == [date(2026, 2, 27), date(2026, 2, 28), MARCH]
    assert list(days(MARCH, MARCH - timedelta(days=1))) == []
