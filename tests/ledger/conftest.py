"""An empty ledger for each test, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test
from sqlalchemy import event

from ledger.columns import LedgerRow
from ledger.database import Ledger
from tests.ledger.scenario import LedgerScenario
from tests.postgres import new_database

HERE = Path(__file__).parent
BOTH = [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)]


def _migrate(url: str) -> None:
    async def run() -> None:
        await Ledger(url).upgrade()

    asyncio.run(run())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all tests here, because a ledger belongs to one."""
    for item in items:
        if HERE in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'new' / 'empty.db'}"
        return
    with new_database() as url:
        yield url


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of a migrated ledger on PostgreSQL, for what only a server can do: be gone for a while."""
    with new_database() as url:
        _migrate(url)
        yield url


@pytest.fixture(scope="session", params=BOTH)
def ledger_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a migrated ledger of this session's own."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}"
        _migrate(url)
        yield url
        return
    with new_database() as url:
        _migrate(url)
        yield url


def _do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    """No test pulls the plug, and waiting for the disk is most of what a commit costs."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _opened(ledger_url: str) -> AsyncIterator[Ledger]:
    one = Ledger(ledger_url)
    if one._file is not None:
        event.listen(one._engine.sync_engine, "connect", _do_not_wait_for_the_disk)
    yield one
    await one.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def ledger(_opened: Ledger) -> Ledger:
    """A ledger without rows. Connections and compiled statements are the session's: they cost most."""
    _opened.before_commit.clear()
    _opened.after_commit.clear()
    async with _opened.transaction() as session:
        for table in reversed(LedgerRow.metadata.sorted_tables):
            await (await session.connection()).execute(table.delete())
    return _opened


@pytest.fixture
def story(ledger: Ledger) -> LedgerScenario:
    return LedgerScenario(ledger)
