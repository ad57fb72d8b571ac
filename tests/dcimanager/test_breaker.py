import asyncio
from contextvars import copy_context

import httpx
import pytest

from answers.breaker import FAILURES, PROBE_SECONDS, asking_anyway, is_urgent
from dcimanager.errors import PanelUnreachable, UnexpectedPanelResponse
from tests.answers.streams import PIECE, Pieces, answer

SERVERS = {"list": [], "size": 0}


class Clock:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def away(make_panel, clock):
    """A panel that answers nothing, until its `listing` is given something to answer."""
    return make_panel(now=clock)


async def lose(panel, times):
    for _ in range(times):
        with pytest.raises(PanelUnreachable, match="did not answer: the connection broke"):
            await panel.servers.all()


async def test_a_panel_that_is_away_is_asked_every_five_seconds_and_runs_are_told_at_once(wire, away, clock, caplog):
    await away.login()
    listing = wire.on("GET", "dci/v3/server", httpx.ReadTimeout("silent"))
    listing.mock(side_effect=httpx.RemoteProtocolError("cut"))
    await lose(away, FAILURES)
    assert "did not answer 5 times in a row: its runs are told so at once" in caplog.records[-1].getMessage()
    sent = listing.call_count
    for _ in range(10):
        with pytest.raises(PanelUnreachable, match="did not answer 5 times in a row and is asked again every 5 s"):
            await away.servers.all()
    assert listing.call_count == sent
    clock.time += PROBE_SECONDS
    await lose(away, 1)
    with pytest.raises(PanelUnreachable, match="6 times in a row"):
        await away.servers.all()


async def test_the_first_answer_lets_all_runs_go_on(wire, away, clock, caplog):
    await away.login()
    listing = wire.on("GET", "dci/v3/server", SERVERS)
    listing.mock(side_effect=httpx.RemoteProtocolError("cut"))
    await lose(away, FAILURES)
    listing.mock(side_effect=None, return_value=httpx.Response(200, json=SERVERS))
    clock.time += PROBE_SECONDS
    assert await asyncio.gather(*(away.servers.all() for _ in range(5)), return_exceptions=True) != []
    assert await away.servers.all() == []
    assert "answers again" in caplog.records[-1].getMessage()


async def test_what_changes_something_and_who_must_know_are_let_through(wire, away, clock):
    await away.login()
    listing = wire.on("GET", "dci/v3/server", SERVERS)
    listing.mock(side_effect=httpx.RemoteProtocolError("cut"))
    await lose(away, FAILURES)
    with asking_anyway():
        await lose(away, 3)
    power = wire.on("POST", "dci/v3/server/7/power_on", {})
    await away.servers.power_on(7)
    assert power.call_count == 1


async def test_a_panel_that_refuses_answers(wire, away, refusal):
    await away.login()
    wire.on("GET", "dci/v3/server", refusal(403))
    for _ in range(3 * FAILURES):
        with pytest.raises(Exception, match="may not do this"):
            await away.servers.all()


async def test_an_answer_over_a_limit_is_one(wire, away):
    await away.login()
    wire.on("GET", "dci/v3/server", lambda _: answer(Pieces(b" " * PIECE, 10**9)))
    for _ in range(FAILURES + 1):
        with pytest.raises(UnexpectedPanelResponse, match="longer than"):
            await away.servers.all()


async def test_an_answer_over_a_limit_closes_it(wire, away, clock):
    await away.login()
    listing = wire.on("GET", "dci/v3/server", SERVERS)
    listing.mock(side_effect=httpx.RemoteProtocolError("cut"))
    await lose(away, FAILURES)
    clock.time += PROBE_SECONDS
    listing.mock(side_effect=lambda _: answer(Pieces(b" " * PIECE, 10**9)))
    for _ in range(2):
        with pytest.raises(UnexpectedPanelResponse, match="longer than"):
            await away.servers.all()


async def test_an_urgent_run_asks_although_another_call_asked_just_now(wire, away, clock):
    await away.login()
    listing = wire.on("GET", "dci/v3/server", SERVERS)
    listing.mock(side_effect=httpx.RemoteProtocolError("cut"))
    await lose(away, FAILURES)
    clock.time += PROBE_SECONDS
    await lose(away, 1)
    listing.mock(side_effect=None, return_value=httpx.Response(200, json=SERVERS))
    with pytest.raises(PanelUnreachable, match="asked again every 5 s"):
        await away.servers.all()
    urgent = copy_context()
    urgent.run(is_urgent.set, True)
    assert await asyncio.create_task(away.servers.all(), context=urgent) == []


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_that_answers_for_it_does_not_count_as_an_answer(wire, away, status):
    await away.login()
    wire.on("GET", "dci/v3/server", httpx.Response(status, headers={"retry-after": "30"}))
    for _ in range(FAILURES):
        with pytest.raises(PanelUnreachable):
            await away.servers.all()
    with pytest.raises(PanelUnreachable, match="5 times in a row"):
        await away.servers.all()
