import asyncio
import os
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from ledger import results, services
from ledger.columns import LedgerRow
from ledger.database import Ledger
from ledger.errors import LedgerError
from ledger.schema import VERSION_TABLE
from tests.ledger.scenario import LedgerScenario


async def test_the_migrations_make_the_tables_that_the_code_has(empty_url: str) -> None:
    ledger = Ledger(empty_url)
    await ledger.upgrade()
    await ledger.dispose()

    def differences(connection: Connection) -> list[object]:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), LedgerRow.metadata))

    engine = create_async_engine(empty_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_upgrading_at_once_and_again_is_fine(empty_url: str) -> None:
    ledgers = [Ledger(empty_url) for _ in range(3)]
    await asyncio.gather(*(ledger.upgrade() for ledger in ledgers))
    await ledgers[0].upgrade()
    await ledgers[1].check()
    for ledger in ledgers:
        await ledger.dispose()


async def test_a_ledger_without_tables_is_told_from_a_good_one(empty_url: str) -> None:
    ledger = Ledger(empty_url)
    with pytest.raises(LedgerError, match=r"There is no ledger at|has revision none"):
        await ledger.check()
    await ledger.dispose()


async def test_checking_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="There is no ledger"):
        await Ledger(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}").check()
    assert os.listdir(tmp_path) == []


async def test_an_older_ledger_is_told_from_a_good_one(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as connection:
        connection.execute(f"CREATE TABLE {VERSION_TABLE} (version_num TEXT)")
        connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES ('0000')")  # noqa: S608 - a constant
    connection.close()
    ledger = Ledger(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(LedgerError, match="has revision 0000, this release needs"):
        await ledger.check()
    await ledger.dispose()


async def test_an_unreachable_ledger_is_one_line_without_the_password(tmp_path: Path) -> None:
    ledger = Ledger("postgresql+asyncpg://dci:hunter2@127.0.0.1:1/none", outage_seconds=0)
    for ask in (ledger.check, ledger.upgrade, lambda: services.get(ledger, 1)):
        with pytest.raises(LedgerError) as error:
            await ask()
        assert "failed" in str(error.value)
        assert "hunter2" not in str(error.value) + repr(ledger)
        assert "\n" not in str(error.value)
    await ledger.dispose()


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("nonsense", "cannot be read"),
        ("sqlite:///ledger.db", "cannot live in sqlite"),
        ("mysql+aiomysql://host/ledger", "cannot live in mysql"),
        ("sqlite+aiosqlite://", "in memory forgets"),
        ("sqlite+aiosqlite:///:memory:", "in memory forgets"),
    ],
)
def test_an_address_that_cannot_be_a_ledger_is_refused(url: str, line: str) -> None:
    with pytest.raises(LedgerError, match=line):
        Ledger(url)


async def test_a_moment_without_a_time_zone_is_refused(ledger: Ledger, story: LedgerScenario) -> None:
    with pytest.raises(LedgerError, match="has no time zone"):
        await services.remember(ledger, service_id=1, panel="main", now=datetime(2026, 3, 1))
    assert await services.get(ledger, 1) is None


async def test_a_transaction_that_lost_a_conflict_runs_again(ledger: Ledger, story: LedgerScenario) -> None:
    lost = OperationalError("", None, sqlite3.OperationalError("database is locked"))
    turns = [lost, lost, None]

    def lose_twice() -> None:
        turn = turns.pop(0)
        if turn is not None:
            raise turn

    ledger.before_commit.append(lose_twice)
    await results.write(ledger, "key", b"kept", story.now)
    assert turns == []
    assert await results.read(ledger, "key") == b"kept"


async def test_a_conflict_that_does_not_end_is_told(ledger: Ledger, story: LedgerScenario) -> None:
    def lose() -> None:
        raise OperationalError("", None, sqlite3.OperationalError("database is locked"))

    ledger.before_commit.append(lose)
    with pytest.raises(LedgerError, match="database is locked"):
        await results.write(ledger, "key", b"lost", story.now)
    assert await results.read(ledger, "key") is None


async def test_a_cancelled_write_leaves_the_ledger_usable(ledger: Ledger, story: LedgerScenario) -> None:
    tasks = [asyncio.create_task(results.write(ledger, f"key-{n}", b"x", story.now)) for n in range(30)]
    await tasks[0]
    for task in tasks[1::2]:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(end is None for end in ended[2::2])
    await results.write(ledger, "after", b"y", story.now)
    for n in range(2, 30, 2):
        assert await results.read(ledger, f"key-{n}") == b"x"
