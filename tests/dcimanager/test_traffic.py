from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs

import httpx
import pytest

from dcimanager.endpoints import DialectError, Mark, load_dialect
from dcimanager.errors import PanelNotFound, PanelRefused, UnexpectedPanelResponse
from dcimanager.traffic import Moved

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)


def query_of(route):
    return parse_qs(route.calls.last.request.url.query.decode())


def test_the_call_is_marked_as_a_guess():
    assert load_dialect()["server_traffic"].mark is Mark.INFERRED


async def test_the_traffic_of_a_server_is_read_for_a_stretch_of_time(wire, panel):
    asked = wire.on("GET", "dci/v3/server/7/metrics", {"received": "100", "sent": 23, "limit": 5000, "more": 1})
    moved = await panel.traffic.of(7, since=SINCE, until=UNTIL)
    assert moved == Moved(received=100, sent=23, limit=5000)
    assert moved.total == 123
    assert query_of(asked) == {"from": ["2026-11-01T00:00:00Z"], "to": ["2026-11-24T10:00:00Z"]}


async def test_moments_are_told_in_utc(wire, panel):
    asked = wire.on("GET", "dci/v3/server/7/metrics", {"received": 0, "sent": 0})
    east = SINCE.astimezone(timezone(timedelta(hours=2)))
    await panel.traffic.of(7, since=east, until=UNTIL)
    assert query_of(asked)["from"] == ["2026-11-01T00:00:00Z"]


@pytest.mark.parametrize("told", [{}, {"limit": None}])
async def test_no_limit_is_none_and_not_zero(wire, panel, told):
    wire.on("GET", "dci/v3/server/7/metrics", {"received": 1, "sent": 1, **told})
    assert (await panel.traffic.of(7, since=SINCE, until=UNTIL)).limit is None


@pytest.mark.parametrize(
    "answer",
    [
        {"received": 1},
        {"received": 1, "sent": None},
        {"received": 1, "sent": -1},
        {"received": 1, "sent": 1, "limit": -1},
        {"received": "a lot", "sent": 1},
        [],
        {},
    ],
)
async def test_an_answer_without_its_numbers_is_a_surprise_and_no_traffic_of_zero(wire, panel, answer):
    wire.on("GET", "dci/v3/server/7/metrics", answer)
    with pytest.raises(UnexpectedPanelResponse):
        await panel.traffic.of(7, since=SINCE, until=UNTIL)


async def test_a_panel_that_does_not_know_the_call_or_the_server_says_so(wire, panel, refusal):
    wire.on("GET", "dci/v3/server/7/metrics", refusal(404, 1106), refusal(404, 3080))
    with pytest.raises(PanelRefused, match="server_traffic"):
        await panel.traffic.of(7, since=SINCE, until=UNTIL)
    with pytest.raises(PanelNotFound):
        await panel.traffic.of(7, since=SINCE, until=UNTIL)


async def test_a_corrected_entry_asks_and_reads_by_its_own_words(wire, make_panel, corrected):
    dialect = corrected("server_traffic", path="report/v3/traffic/{server}", values={"received": "total"})
    asked = wire.on("GET", "report/v3/traffic/7", httpx.Response(200, json={"total": 9, "received": 1}))
    assert await make_panel(dialect=dialect).traffic.of(7, since=SINCE, until=UNTIL) == Moved(received=9)
    assert query_of(asked) == {}


async def test_an_entry_that_names_no_number_is_refused_before_any_call(wire, make_panel, corrected):
    panel = make_panel(dialect=corrected("server_traffic", values={"from": "from", "to": "to"}))
    with pytest.raises(DialectError, match="neither received nor sent"):
        await panel.traffic.of(7, since=SINCE, until=UNTIL)
    assert wire.calls == []


POINTED = {"from": "from", "to": "to", "received": "rx", "sent": "tx", "points": "series"}
HOUR = {"since": UNTIL - timedelta(hours=1), "until": UNTIL}


@pytest.fixture
def by_points(make_panel, corrected):
    """A client of a panel with statistics by points."""
    return make_panel(dialect=corrected("server_traffic", values=POINTED))


async def test_points_are_read_with_the_numbers_beside_them(wire, by_points):
    series = [{"rx": 300, "tx": "3000", "time": 1}, {"rx": None, "tx": None}, {"rx": 0, "tx": 0}]
    wire.on("GET", "dci/v3/server/7/metrics", {"rx": 999, "tx": 9999, "series": series})
    moved = await by_points.traffic.of(7, **HOUR)
    assert (moved.received, moved.sent) == (999, 9999)
    assert [(one.rate_in, one.rate_out) for one in moved.points] == [(8, 80), (0, 0)]


async def test_numbers_that_are_not_there_are_the_sums_of_the_points(wire, by_points):
    wire.on("GET", "dci/v3/server/7/metrics", {"series": [{"rx": 1, "tx": 2}, {"rx": 10, "tx": 20}]})
    moved = await by_points.traffic.of(7, **HOUR)
    assert (moved.received, moved.sent, moved.total) == (11, 22, 33)


async def test_no_points_of_a_panel_that_has_them_are_a_sum_of_nothing(wire, by_points):
    wire.on("GET", "dci/v3/server/7/metrics", {"series": []})
    assert await by_points.traffic.of(7, **HOUR) == Moved()


@pytest.mark.parametrize(
    "answer",
    [
        {"rx": 1, "tx": 1},
        {"rx": 1, "tx": 1, "series": {"rx": 1}},
        {"rx": 1, "tx": 1, "series": [[1, 2]]},
        {"rx": 1, "tx": 1, "series": [{"rx": 1}]},
        {"rx": 1, "tx": 1, "series": [{"rx": 1, "tx": -1}]},
        {"rx": 1, "tx": 1, "series": [{"rx": 1, "tx": "much"}]},
    ],
)
async def test_points_without_their_numbers_are_a_surprise(wire, by_points, answer):
    wire.on("GET", "dci/v3/server/7/metrics", answer)
    with pytest.raises(UnexpectedPanelResponse):
        await by_points.traffic.of(7, **HOUR)


async def test_more_points_than_there_are_between_the_times_are_those_of_another_stretch(wire, by_points):
    wire.on("GET", "dci/v3/server/7/metrics", {"series": [{"rx": 1, "tx": 1}] * 14})
    with pytest.raises(UnexpectedPanelResponse, match="14 points of server 7, more than there are"):
        await by_points.traffic.of(7, **HOUR)
    wire.on("GET", "dci/v3/server/7/metrics", {"series": [{"rx": 1, "tx": 1}] * 13})
    assert len((await by_points.traffic.of(7, **HOUR)).points) == 13


@pytest.mark.parametrize("left_out", ["from", "to", "received", "sent"])
async def test_days_need_both_times_and_both_directions(make_panel, corrected, left_out):
    values = {word: key for word, key in POINTED.items() if word != left_out}
    panel = make_panel(dialect=corrected("server_traffic", values=values))
    with pytest.raises(DialectError, match=f"has no {left_out} in its values"):
        panel.traffic.check_days()


def test_the_shipped_table_names_what_days_need_and_no_points(panel):
    panel.traffic.check_days()
    assert "points" not in panel.traffic.keys
