"""A WHMCS that does not answer again and again: its reads are refused at once (answers/breaker.py)."""

import asyncio
from contextvars import copy_context

import httpx
import pytest

from answers.breaker import FAILURES, PROBE_SECONDS, asking_anyway, is_urgent
from tests.whmcs.conftest import ACCESS, DONE, ScriptedWhmcs
from whmcs.api import WhmcsApi
from whmcs.errors import UnexpectedWhmcsResponse, WhmcsRefused, WhmcsUnreachable
from whmcs.transport import ATTEMPTS

AWAY = httpx.ConnectTimeout("nobody there")
CLIENT = {
    "result": "success",
    "client": {"id": 7, "email": "anna@example.com", "firstname": "A", "lastname": "K", "status": "Active"},
}


class Away:
    """A WHMCS that takes no connection until its script is changed, and a clock."""

    def __init__(self) -> None:
        self.time = 100.0
        self.scripted = ScriptedWhmcs(AWAY)
        self.whmcs = WhmcsApi(ACCESS, http=self.scripted, sleep=self._sleep, now=lambda: self.time)

    async def _sleep(self, seconds: float) -> None: ...

    @property
    def sent(self) -> int:
        return len(self.scripted.requests)

    async def lose(self, times: int) -> None:
        for _ in range(times):
            with pytest.raises(WhmcsUnreachable, match="cannot be reached"):
                await self.whmcs.clients.get(7)


@pytest.fixture
def away() -> Away:
    return Away()


async def test_a_whmcs_that_is_away_is_asked_every_five_seconds_and_runs_are_told_at_once(
    away: Away, caplog: pytest.LogCaptureFixture
) -> None:
    await away.lose(FAILURES)
    assert "WHMCS did not answer 5 times in a row: runs that ask it are told so" in caplog.records[-1].getMessage()
    sent = away.sent
    assert sent == FAILURES * ATTEMPTS
    for _ in range(10):
        with pytest.raises(WhmcsUnreachable, match="5 times in a row and is asked again every 5 s") as refused:
            await away.whmcs.clients.get(7)
        assert refused.value.nothing_sent
    assert away.sent == sent
    away.time += PROBE_SECONDS
    await away.lose(1)


async def test_the_first_answer_lets_all_runs_go_on(away: Away) -> None:
    await away.lose(FAILURES)
    away.scripted.script = [CLIENT]
    away.time += PROBE_SECONDS
    assert (await away.whmcs.clients.get(7)).id == 7
    assert (await away.whmcs.clients.get(7)).id == 7


async def test_what_changes_something_is_sent_and_its_answer_closes_it(away: Away) -> None:
    await away.lose(FAILURES)
    away.scripted.script = [DONE]
    await away.whmcs.log.write("a line")
    away.scripted.script = [CLIENT]
    assert (await away.whmcs.clients.get(7)).id == 7


async def test_an_urgent_run_and_who_must_know_ask_all_the_same(away: Away) -> None:
    await away.lose(FAILURES)
    with asking_anyway():
        await away.lose(2)
    with pytest.raises(WhmcsUnreachable, match="7 times in a row"):
        await away.whmcs.clients.get(7)
    urgent = copy_context()
    urgent.run(is_urgent.set, True)
    away.scripted.script = [CLIENT]
    sent = away.sent
    await asyncio.create_task(away.whmcs.clients.get(7), context=urgent)
    assert away.sent == sent + 1


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_that_answers_for_it_is_no_answer(away: Away, status: int) -> None:
    away.scripted.script = [httpx.Response(status, text="<html>")]
    for _ in range(FAILURES):
        with pytest.raises(WhmcsUnreachable, match=str(status)):
            await away.whmcs.clients.get(7)
    with pytest.raises(WhmcsUnreachable, match="5 times in a row"):
        await away.whmcs.clients.get(7)


async def test_a_refusal_and_what_cannot_be_read_are_answers(away: Away) -> None:
    for _ in range(FAILURES - 1):
        await away.lose(1)
    for said, error in (
        ({"result": "error", "message": "Client Not Found"}, WhmcsRefused),
        ("no answer of WHMCS's", UnexpectedWhmcsResponse),
    ):
        away.scripted.script = [said]
        with pytest.raises(error):
            await away.whmcs.clients.get(7)
        away.scripted.script = [AWAY]
        await away.lose(FAILURES - 1)
    assert away.sent == (FAILURES - 1) * 3 * ATTEMPTS + 2
