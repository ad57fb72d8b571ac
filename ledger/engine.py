"""One engine for both databases: what has to be switched on so that SQLite's writers queue instead of failing."""

from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ledger.errors import LedgerError

BUSY_TIMEOUT = 30.0  # seconds that a SQLite writer queues behind another process; a transaction takes milliseconds
DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")
READS = "ledger_reads"
# PostgreSQL, appendix A: serialization_failure, deadlock_detected, lock_not_available.
_CONFLICTS = {"40001", "40P01", "55P03"}
# PostgreSQL, appendix A: class 08 (connection exceptions), admin_shutdown, crash_shutdown, cannot_connect_now.
_OUTAGES = {"08000", "08001", "08003", "08004", "08006", "57P01", "57P02", "57P03"}
# What asyncpg says of a connection that broke before or in the middle of a question, not always by way of SQLAlchemy.
BROKEN = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# What a driver says without SQLAlchemy around it. A PostgresError is raised as it is while a connection is being made.
UNWRAPPED = (*BROKEN, asyncpg.PostgresError)


def parse(url: str) -> URL:
    """The address of a ledger. Raises LedgerError: not an address, or not a database that the ledger can live in."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerError(
            "The ledger's address cannot be read: write sqlite+aiosqlite:///FILE or postgresql+asyncpg://..."
        ) from None
    if parsed.drivername not in DRIVERS:
        raise LedgerError(f"The ledger cannot live in {parsed.drivername}: use {' or '.join(DRIVERS)}.")
    if sqlite_file(parsed) == Path(":memory:"):
        raise LedgerError(
            "A ledger in memory forgets who was promised which server: name a file, sqlite+aiosqlite:///FILE."
        )
    return parsed


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite ledger, None on PostgreSQL."""
    return Path(url.database or ":memory:") if url.get_backend_name() == "sqlite" else None


def make_engine(url: URL, **options: Any) -> AsyncEngine:
    """An engine whose transactions take SQLite's write lock when they begin; what is marked as a read needs none.

    A transaction that reads first and writes later would fail at once, not wait, when another one wrote in between.
    Parameters never get into error texts.
    """
    if sqlite_file(url) is None:
        return create_async_engine(url, hide_parameters=True, **options)
    engine = create_async_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT}, **options)

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        if not connection.get_execution_options().get(READS, False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction lost against another one and did nothing, so that it may simply be run again.

    A broken uniqueness is one, too: the row that was not there when we looked is there on the second look.
    """
    if isinstance(error, IntegrityError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return getattr(error.orig, "sqlstate", None) in _CONFLICTS or "database is locked" in str(error.orig)


def is_outage(error: BaseException) -> bool:
    """Whether PostgreSQL could not be reached or broke the connection off, as while it restarts."""
    if isinstance(error, DBAPIError):
        said = error.orig
        broken = said is not None and isinstance(said.__cause__, BROKEN)
        return error.connection_invalidated or broken or getattr(said, "sqlstate", None) in _OUTAGES
    return isinstance(error, BROKEN) or getattr(error, "sqlstate", None) in _OUTAGES
