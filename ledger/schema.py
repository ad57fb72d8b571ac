"""Bringing the tables to this release's shape, and telling whether they have it."""

import asyncio
import threading

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, pool, text
from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from ledger.engine import is_conflict, make_engine, sqlite_file

VERSION_TABLE = "ledger_version"
"""Not Alembic's default, which Prefect uses: both may live in one PostgreSQL database."""
_ADVISORY_LOCK = 0x64636966  # "dcif": any number that other users of the database do not lock
_ALEMBIC = threading.Lock()  # Alembic's `context` and `op` are one per process


def migrate(url: URL) -> None:
    """Run the missing migrations. May be called repeatedly, from threads and from several processes at once.

    Blocks, so call it outside an event loop. One transaction in all: it is at the new revision or at the old one.
    """
    with _ALEMBIC:
        asyncio.run(_migrate(url))


async def _migrate(url: URL) -> None:
    file = sqlite_file(url)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = make_engine(url, poolclass=pool.NullPool)
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_conflict),
            wait=wait_random_exponential(multiplier=0.05, max=1),
            stop=stop_after_attempt(10),
            reraise=True,
        ):
            with attempt:
                if file is not None:
                    await _write_ahead(engine)
                async with engine.begin() as connection:
                    if file is None:
                        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                    await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def _write_ahead(engine: AsyncEngine) -> None:
    """Let readers and the writer not wait for each other; the file remembers it. Not possible in a transaction."""
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None  # noqa: S101 - it was just opened
        await raw.driver_connection.execute("PRAGMA journal_mode = WAL")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "ledger:migrations")
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def wanted() -> str:
    """The revision that this release needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return head or "none"


def found(connection: Connection) -> str:
    """The revision that the database has, `none` when it has no ledger yet."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision() or "none"
