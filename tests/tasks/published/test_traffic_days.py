import json
import logging
from datetime import UTC, date, datetime, timedelta

import pytest
from prefect.types import MAX_VARIABLE_VALUE_LENGTH

from dcimanager.endpoints import load_dialect
from dcimanager.errors import PanelUnreachable
from dcimanager.traffic import Moved
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.traffic import traffic
from ledger import traffic as days_of
from ledger.traffic import Figures, Use, use_of
from runtime.connections import connections, panel_named
from runtime.errors import StepRefused
from simulator.panel.models import SimPoint
from tasks.panel_trust import trust
from tasks.published.traffic import MB, SILENT_IN_A_ROW
from tasks.published.traffic_days import (
    AT_ONCE,
    LINES,
    PublishedTraffic,
    _Reader,
    days_to_publish,
    keep_days,
    publish_days,
)
from tasks.published.variables import MOST_PARTS, NamedValue
from tests.harness import PANEL, Harness
from tests.tasks.published.test_traffic import sold, switched_on, written  # noqa: F401 - fixtures

JANUARY = date(2027, 1, 1)
"""The month that the harness begins in."""
PER_POINT = MB
"""What each direction moves in five minutes; the sent is twice that."""


def speaking(harness: Harness, **values: str) -> None:
    """The panel's table with other values of server_traffic, in sessions of its own."""
    entry = load_dialect()["server_traffic"]
    changed = entry.model_copy(update={"values": {**entry.values, **values}})
    endpoints = {**load_dialect().endpoints, "server_traffic": changed}
    harness.dialect = load_dialect().model_copy(update={"endpoints": endpoints})
    harness.simulation.app = harness.simulation._application(harness.dialect)
    harness.connect()


async def answered(harness: Harness) -> None:
    await trust(await panel_named(PANEL), ["server_traffic"], who="anna", why="compared")


async def measured(harness: Harness, service: int, first: datetime, last: datetime) -> None:
    """The service's server moves the same in each five minutes between two moments."""
    server = await harness.server(service)
    count = int((last - first) / timedelta(minutes=5))
    moments = (first + number * timedelta(minutes=5) for number in range(count))
    server.statistics = [SimPoint(at.timestamp(), PER_POINT, 2 * PER_POINT) for at in moments]


async def use(harness: Harness, service: int) -> Use:
    claim = (await harness.service(service)).claim
    assert claim is not None
    found = use_of(claim)
    assert found is not None
    return found


def move_to(harness: Harness, moment: datetime) -> None:
    harness.clock.simulated.advance((moment - harness.clock.now()).total_seconds())


async def known(harness: Harness, service: int) -> set[date]:
    return await days_of.known_days(harness.ledger, await use(harness, service), date(2020, 1, 1))


def at(month: int, day: int, hour: int = 3) -> datetime:
    return datetime(2027, month, day, hour, tzinfo=UTC)


async def a_month(harness: Harness) -> int:
    """A service that was used from 20 January on, whose server moved the same all the time; it is 3 February."""
    move_to(harness, at(1, 20))
    (service,) = await sold(harness, 1)
    await measured(harness, service, at(1, 1), at(2, 28))
    await answered(harness)
    move_to(harness, at(2, 3))
    return service


async def test_nothing_is_asked_or_kept_before_a_person_has_answered_for_the_numbers(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    (service,) = await sold(harness, 1)
    move_to(harness, at(1, 3))
    with caplog.at_level(logging.INFO):
        assert not await keep_days(PANEL)
    assert "dciflow panel trust main --entry server_traffic" in caplog.text
    assert [call for call in harness.panel.requests if call.endpoint == "server_traffic"] == []
    assert await known(harness, service) == set()


async def test_days_that_are_over_are_kept_from_the_clients_first_moment_on(harness: Harness) -> None:
    move_to(harness, at(1, 20))
    (service,) = await sold(harness, 1)
    began = (await use(harness, service)).began
    await measured(harness, service, at(1, 1), at(1, 23))
    await answered(harness)
    move_to(harness, at(1, 22))
    assert await keep_days(PANEL)
    assert await known(harness, service) == {date(2027, 1, 20), date(2027, 1, 21)}
    [first] = await days_of.of_day(harness.ledger, PANEL, date(2027, 1, 20))
    points = (at(1, 21, 0) - began) // timedelta(minutes=5)
    assert 0 <= first.received // PER_POINT - points <= 1
    [second] = await days_of.of_day(harness.ledger, PANEL, date(2027, 1, 21))
    assert (second.received, second.sent, second.rate) == (288 * PER_POINT, 2 * 288 * PER_POINT, None)


async def test_the_same_run_twice_asks_the_panel_for_no_day_again(harness: Harness) -> None:
    await a_month(harness)
    for _ in range(2):
        await keep_days(PANEL)
    before = len(harness.panel.requests)
    kept = await days_to_publish(PANEL)
    await keep_days(PANEL)
    asked = [call for call in harness.panel.requests[before:] if call.endpoint == "server_traffic"]
    assert asked == []
    assert (await days_to_publish(PANEL)).days == kept.days


async def test_a_day_is_read_an_hour_after_its_end(harness: Harness) -> None:
    (service,) = await sold(harness, 1)
    await answered(harness)
    move_to(harness, datetime(2027, 1, 2, 0, 59, tzinfo=UTC))
    await keep_days(PANEL)
    assert await known(harness, service) == set()
    move_to(harness, datetime(2027, 1, 2, 1, 0, tzinfo=UTC))
    await keep_days(PANEL)
    assert await known(harness, service) == {JANUARY}


async def test_a_panel_by_points_gives_each_day_and_the_month_their_percentile(harness: Harness) -> None:
    harness.panel.world.variants = harness.panel.world.variants.model_copy(update={"statistics": "points"})
    speaking(harness, points="series")
    service = await a_month(harness)
    for _ in range(2):
        await keep_days(PANEL)
    rate = 2 * PER_POINT * 8 // 300
    [day] = await days_of.of_day(harness.ledger, PANEL, date(2027, 1, 21))
    assert day.rate == rate
    [month] = await days_of.of_closed_month(harness.ledger, PANEL, JANUARY)
    assert (month.service_id, month.rate) == (service, rate)


async def test_the_month_is_closed_when_all_its_days_are_known_and_only_once(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    service = await a_month(harness)
    await keep_days(PANEL)
    assert await days_of.of_closed_month(harness.ledger, PANEL, JANUARY) == []
    assert f"2027-01 of service {service} stays open: nothing is known of 2 of its days (30, 31)" in caplog.text
    await keep_days(PANEL)
    closed = await days_of.of_closed_month(harness.ledger, PANEL, JANUARY)
    assert len(closed) == 1
    (await harness.server(service)).statistics = []
    await keep_days(PANEL)
    assert await days_of.of_closed_month(harness.ledger, PANEL, JANUARY) == closed


async def test_a_day_that_could_not_be_read_is_missing_until_it_is(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    move_to(harness, at(1, 28))
    (service,) = await sold(harness, 1)
    await measured(harness, service, at(1, 1), at(2, 28))
    await answered(harness)
    move_to(harness, at(2, 1))
    harness.faults.server_error(500, "server_traffic", 3)  # the first one only ends the old session
    await keep_days(PANEL)
    assert await known(harness, service) == {date(2027, 1, 28)}
    assert "the days of 1 of panel main's servers could not be read" in caplog.text
    assert (await days_to_publish(PANEL)).months == {}
    await keep_days(PANEL)
    assert list((await days_to_publish(PANEL)).months) == [JANUARY]


async def test_days_that_do_not_add_up_to_the_panels_month_close_nothing(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """A panel that does not look at the times tells the same for each day."""
    move_to(harness, at(1, 28))
    (service,) = await sold(harness, 1)
    (await harness.server(service)).received = 500 * MB
    await answered(harness)
    move_to(harness, at(2, 1))
    await keep_days(PANEL)
    assert await days_of.of_closed_month(harness.ledger, PANEL, JANUARY) == []
    assert f"and the panel tells {500 * MB} of the month: correct [server_traffic]" in caplog.text


async def test_only_servers_in_use_are_asked_and_what_is_over_is_not_published(harness: Harness) -> None:
    one, two, gone = await sold(harness, 3)
    await answered(harness)
    await harness.run(suspend, two)
    move_to(harness, at(1, 2))
    await keep_days(PANEL)
    await harness.run(terminate, gone)
    await harness.run(activate, harness.buy("web9.example.com"), order=harness.order(wait_for_os=False))
    move_to(harness, at(1, 3))
    await keep_days(PANEL)
    published = await days_to_publish(PANEL)
    assert {day: [one.service_id for one in figures] for day, figures in published.days.items()} == {
        date(2027, 1, 2): [one, two],
        JANUARY: [one, two],
    }


async def test_a_panel_that_is_silent_is_not_asked_for_every_server(harness: Harness) -> None:
    await sold(harness, SILENT_IN_A_ROW + 1)
    await answered(harness)
    move_to(harness, at(1, 3))
    asked: list[int] = []

    async def silent(server_id: int, **_: object) -> Moved:
        asked.append(server_id)
        raise PanelUnreachable("The panel main did not answer.")

    connections().panels[PANEL].traffic.of = silent  # type: ignore[method-assign,assignment]
    with pytest.raises(PanelUnreachable):
        await keep_days(PANEL)
    assert len(asked) == SILENT_IN_A_ROW


async def test_a_run_reads_a_few_days_of_each_server_and_the_next_one_goes_on(harness: Harness) -> None:
    (service,) = await sold(harness, 1)
    await answered(harness)
    move_to(harness, at(1, 25))
    for days in (AT_ONCE, 2 * AT_ONCE, 24):
        await keep_days(PANEL)
        assert len(await known(harness, service)) == days


async def test_a_table_without_times_gives_no_days_and_says_so(harness: Harness) -> None:
    await sold(harness, 1)
    panel = await panel_named(PANEL)
    entry = panel.dialect["server_traffic"]
    values = {word: key for word, key in entry.values.items() if word != "to"}
    endpoints = {**panel.dialect.endpoints, "server_traffic": entry.model_copy(update={"values": values})}
    panel.transport.dialect = panel.dialect.model_copy(update={"endpoints": endpoints})
    harness.dialect = panel.transport.dialect
    harness.connect()
    await answered(harness)
    with pytest.raises(StepRefused, match=r"\[server_traffic\] has no to in its values"):
        await keep_days(PANEL)


async def test_many_open_months_are_counted(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    reader = _Reader(await panel_named(PANEL))
    reader._open = dict.fromkeys(range(1, LINES + 6), "a day is missing")
    reader.tell()
    assert len(caplog.records) == LINES + 1
    assert "2026-11 of 5 more services stays open" in caplog.text


async def test_the_flow_publishes_days_beside_the_month_where_they_are_answered_for(
    harness: Harness,
    switched_on: None,  # noqa: F811
    written: list[NamedValue],  # noqa: F811
) -> None:
    (service,) = await sold(harness, 1)
    move_to(harness, at(1, 3))
    await traffic.fn(PANEL)
    assert [name for name, _ in written] == ["dcimanager_traffic_main_1", "dcimanager_traffic_main"]
    await answered(harness)
    written.clear()
    await traffic.fn(PANEL)
    since = (await use(harness, service)).since
    assert [name for name, _ in written[2:]] == ["dciflow_traffic_main_1", "dciflow_traffic_main"]
    part = written[2][1]
    assert {name: rows for name, rows in part.items() if name != "at"} == {
        "2027-01-02": [[service, since, 0, 0, None]],
        "2027-01-01": [[service, since, 0, 0, None]],
    }


def test_what_is_published_fits_into_the_parts_that_whmcs_reads_with_the_month_first_and_whole_days() -> None:
    many = [Figures(10**6 + n, 1_800_000_000, 10**13 + n, 10**13, 10**10) for n in range(2_000)]
    days = {JANUARY + timedelta(days=31 - n): many for n in range(30)}
    published = PublishedTraffic(at=at(2, 2), panel="north-1", months={JANUARY: many}, days=days)
    kept = dict(published.variables())
    assert all(len(json.dumps(value)) < MAX_VARIABLE_VALUE_LENGTH for value in kept.values())
    assert 150 < len(kept) - 1 <= MOST_PARTS
    lists: dict[str, int] = {}
    for value in list(kept.values())[:-1]:
        for name, rows in value.items():
            lists[name] = lists.get(name, 0) + len(rows) if name != "at" else 0
    del lists["at"]
    assert set(lists.values()) == {2_000}
    assert list(lists)[:2] == ["2027-01", "2027-02-01"]
    assert 1 < len(lists) < 31


def test_ten_thousand_services_have_their_month_and_a_day() -> None:
    many = [Figures(10**6 + n, 1_800_000_000, 10**13 + n, 10**13, 10**10) for n in range(10_000)]
    published = PublishedTraffic(at=at(2, 2), panel="north-1", months={JANUARY: many}, days={date(2027, 2, 1): many})
    kept = dict(published.variables())
    assert len(kept) - 1 <= MOST_PARTS
    assert any("2027-01" in value for value in kept.values())


async def test_publishing_writes_the_parts_and_then_the_index(written: list[NamedValue]) -> None:  # noqa: F811
    await publish_days(PublishedTraffic(at=at(2, 2), panel="north-1", months={}, days={}))
    assert [name for name, _ in written] == ["dciflow_traffic_north_1_1", "dciflow_traffic_north_1"]
