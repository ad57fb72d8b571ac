import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url

from ledger import Ledger, LedgerError, requests, services
from tests.ledger.story import Story
from tests.proxy import Proxy, proxy

pytestmark = pytest.mark.postgres


@asynccontextmanager
async def behind_a_proxy(url: str, outage_seconds: float = 30) -> AsyncIterator[tuple[Ledger, Proxy]]:
    address = make_url(url)
    async with proxy((address.host or "127.0.0.1", address.port or 5432)) as between:
        through = address.set(host="127.0.0.1", port=between.port)
        ledger = Ledger(through.render_as_string(hide_password=False), outage_seconds=outage_seconds)
        yield ledger, between
        await ledger.dispose()


async def test_a_database_that_restarts_is_waited_for(postgres_url: str) -> None:
    async with behind_a_proxy(postgres_url) as (ledger, between):
        story = Story(ledger)
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
        await Story(ledger).ask()
        between.cut()
        with pytest.raises(LedgerError, match="Check the database"):
            await services.get(ledger, 1)


async def test_a_commit_whose_answer_was_lost_is_not_repeated(postgres_url: str) -> None:
    async with behind_a_proxy(postgres_url) as (ledger, between):
        story = Story(ledger)
        await story.ask()
        tries = []

        def cut() -> None:
            tries.append(1)
            between.cut()

        ledger.before_commit.append(cut)
        with pytest.raises(LedgerError, match="look before repeating"):
            await story.ask()
        assert len(tries) == 1
        ledger.before_commit.clear()
        between.mend()
        assert len(await requests.open_requests(ledger)) == 1
