import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from ledger import requests, services
from ledger.database import Ledger
from ledger.engine import is_outage
from ledger.errors import LedgerError, LedgerUnavailable
from tests.ledger.scenario import LedgerScenario
from tests.postgres import on_postgres
from tests.proxy import Proxy, postgres_proxy

pytestmark = pytest.mark.postgres


@asynccontextmanager
async def behind_a_proxy(url: str, outage_seconds: float = 30) -> AsyncIterator[tuple[Ledger, Proxy]]:
    async with postgres_proxy(url) as between:
        ledger = Ledger(between.instead_of(url), outage_seconds=outage_seconds)
        yield ledger, between
        await ledger.dispose()


async def test_a_database_that_restarts_is_waited_for(postgres_url: str) -> None:
    async with behind_a_proxy(postgres_url) as (ledger, between):
        story = LedgerScenario(ledger)
        await story.ask()
        between.cut()
        asking, looking = asyncio.create_task(story.ask()), asyncio.create_task(services.get(ledger, 1))
        await asyncio.sleep(0.5)
        assert not asking.done()
        between.mend()
        assert (await asking).epoch == 2
        assert await looking is not None


async def test_a_database_that_stays_away_is_one_line(postgres_url: str) -> None:
    async with behind_a_proxy(postgres_url, outage_seconds=0.2) as (ledger, between):
        await LedgerScenario(ledger).ask()
        between.cut()
        with pytest.raises(LedgerError, match="Check the database"):
            await services.get(ledger, 1)


async def test_a_commit_whose_answer_was_lost_is_not_repeated(postgres_url: str) -> None:
    async with behind_a_proxy(postgres_url) as (ledger, between):
        story = LedgerScenario(ledger)
        await story.ask()
        tries = []

        def cut() -> None:
            tries.append(1)
            between.cut()

        ledger.before_commit.append(cut)
        with pytest.raises(LedgerUnavailable, match="look before repeating"):
            await story.ask()
        assert len(tries) == 1
        ledger.before_commit.clear()
        between.mend()
        assert len(await requests.open_requests(ledger)) == 1


async def test_connections_that_break_in_the_middle_of_a_question_are_made_anew(
    postgres_url: str,
) -> None:
    ledger, name, now = Ledger(postgres_url), make_url(postgres_url).database, datetime(2026, 1, 1, tzinfo=UTC)
    over = asyncio.Event()
    committing: set[object] = set()
    ledger.before_commit.append(lambda: committing.add(asyncio.current_task()))
    ledger.after_commit.append(lambda: committing.discard(asyncio.current_task()))

    async def write_and_look(service_id: int) -> int:
        looks = 0
        while not over.is_set():
            try:
                await services.remember(ledger, service_id=service_id, panel="main", now=now)
            except LedgerUnavailable as error:
                # Whether a commit whose answer was lost got through, nobody can know; anything else is done again.
                assert asyncio.current_task() in committing, error
                committing.discard(asyncio.current_task())
                continue
            assert await services.get(ledger, service_id) is not None
            looks += 1
        return looks

    asking = [asyncio.create_task(write_and_look(number)) for number in range(1, 31)]
    for _ in range(150):
        await asyncio.sleep(0.005)
        await on_postgres(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
    over.set()
    assert sum(await asyncio.gather(*asking)) > 0
    await ledger.dispose()


def test_what_asyncpg_says_of_a_broken_connection_is_an_outage() -> None:
    for broken in (asyncpg.InterfaceError("connection is closed"), asyncpg.InternalClientError("cannot switch state")):
        said = Exception("as the driver says it")
        said.__cause__ = broken
        assert is_outage(broken)
        assert is_outage(DBAPIError("SELECT 1", {}, said))
    assert not is_outage(DBAPIError("SELECT 1", {}, Exception("syntax error")))


async def test_a_connection_that_is_lost_while_it_is_made_is_an_outage(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, connect, lost = Ledger(postgres_url), asyncpg.connect, []

    async def lose_the_first(*args: object, **kwargs: object) -> object:
        if not lost:
            lost.append(1)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return await connect(*args, **kwargs)

    monkeypatch.setattr(asyncpg, "connect", lose_the_first)
    await LedgerScenario(ledger).ask()
    assert lost
    await ledger.dispose()


async def test_a_database_that_refuses_the_connection_is_one_line(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: object, **_kwargs: object) -> object:
        raise asyncpg.InvalidPasswordError("password authentication failed")

    monkeypatch.setattr(asyncpg, "connect", refuse)
    ledger = Ledger(postgres_url)
    with pytest.raises(LedgerError, match=r"password authentication failed\. Check the database"):
        await services.get(ledger, 1)
    await ledger.dispose()
