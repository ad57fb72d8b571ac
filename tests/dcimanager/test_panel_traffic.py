from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs

import httpx
import pytest

from dcimanager.endpoints import DialectError, Mark, load_dialect
from dcimanager.errors import NotFound, Refused, Surprise
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
    with pytest.raises(Surprise):
        await panel.traffic.of(7, since=SINCE, until=UNTIL)


async def test_a_panel_that_does_not_know_the_call_or_the_server_says_so(wire, panel, refusal):
    wire.on("GET", "dci/v3/server/7/metrics", refusal(404, 1106), refusal(404, 3080))
    with pytest.raises(Refused, match="server_traffic"):
        await panel.traffic.of(7, since=SINCE, until=UNTIL)
    with pytest.raises(NotFound):
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
