"""A migrated ledger for each test, on SQLite and on PostgreSQL."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event, make_url

from ledger import Ledger
from ledger.tables import Row
from tests.ledger.story import Story

POSTGRES = os.environ.get("DCIFLOW_TEST_POSTGRES", "postgresql+asyncpg://root@127.0.0.1:5432/test")
BOTH = [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)]


def _on_postgres(database: str, *statements: str) -> None:
    async def run() -> None:
        address = make_url(POSTGRES).set(drivername="postgresql", database=database)
        connection = await asyncpg.connect(address.render_as_string(hide_password=False))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def _url(database: str) -> str:
    return make_url(POSTGRES).set(database=database).render_as_string(hide_password=False)


def _migrate(url: str) -> None:
    async def run() -> None:
        await Ledger(url).upgrade()

    asyncio.run(run())


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "ledger.db"
    _migrate(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    """A migrated database of this session; its tests empty it, which is much quicker than a database for each."""
    with _new_database() as name:
        _migrate(_url(name))
        yield name


@contextmanager
def _new_database() -> Iterator[str]:
    name = f"dciflow_{uuid4().hex}"
    try:
        _on_postgres(
            make_url(POSTGRES).database or "postgres",
            f"CREATE DATABASE {name} TEMPLATE template0",
            f"ALTER DATABASE {name} SET synchronous_commit = off",  # as below for SQLite
        )
    except OSError as error:
        if "DCIFLOW_TEST_POSTGRES" in os.environ:
            raise
        pytest.skip(f"no PostgreSQL here: {error}")
    yield name
    _on_postgres(make_url(POSTGRES).database or "postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'new' / 'empty.db'}"
        return
    with _new_database() as name:
        yield _url(name)


@pytest.fixture(params=BOTH)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a migrated ledger without rows."""
    if request.param == "sqlite":
        file = tmp_path / "ledger.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        return f"sqlite+aiosqlite:///{file}"
    name: str = request.getfixturevalue("postgres_database")
    _on_postgres(name, *(str(table.delete()) for table in reversed(Row.metadata.sorted_tables)))
    return _url(name)


def _do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    """No test pulls the plug, and waiting for the disk is most of what a commit costs."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


@pytest_asyncio.fixture
async def ledger(ledger_url: str) -> AsyncIterator[Ledger]:
    one = Ledger(ledger_url)
    if one._file is not None:
        event.listen(one._engine.sync_engine, "connect", _do_not_wait_for_the_disk)
    yield one
    await one.dispose()


@pytest.fixture
def story(ledger: Ledger) -> Story:
    return Story(ledger)
