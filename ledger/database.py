"""The ledger's database: one place that commits, and the decorators `writes` and `reads` of all its functions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlmodel.ext.asyncio.session import AsyncSession
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from ledger import schema
from ledger.engine import READS, UNWRAPPED, is_conflict, is_outage, make_engine, parse, sqlite_file
from ledger.errors import LedgerError, LedgerUnavailable

OUTAGE_SECONDS = 60.0  # a database that restarts is back by then; a longer outage ends the runs, and they are resumed
TRIES = 5  # a conflict means that somebody else's commit got through, so a few tries are enough

# Reads are single statements, so autocommit is consistent, and saves BEGIN and COMMIT: two round trips on PostgreSQL,
# one statement on SQLite.
LOOK: dict[str, dict[str, Any]] = {"sqlite": {READS: True}, "postgresql": {"isolation_level": "AUTOCOMMIT"}}

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class Ledger:
    """Who was promised which server, in SQLite (one machine) or PostgreSQL (any number).

    `url` is `sqlite+aiosqlite:///FILE` or `postgresql+asyncpg://user@host/database`. The connections belong to the
    event loop that first uses them: make one Ledger for each loop, and `dispose` of it in that loop.

    While the database cannot be reached each call tries again for `outage_seconds`.
    `before_commit` and `after_commit` are called right before and after each commit. A hook that raises ends the
    transaction there: crash tests show by it that a state move and what it implies are one commit.

    Raises LedgerError: the address cannot be read or names another kind of database.
    """

    def __init__(self, url: str, *, outage_seconds: float = OUTAGE_SECONDS) -> None:
        self._url = parse(url)
        self._outage_seconds = outage_seconds
        self._engine = make_engine(self._url)
        self._reading = self._engine.execution_options(**LOOK[self._url.get_backend_name()])
        # SQLite has one writer at a time: this loop's writers queue here, instead of polling the file's lock.
        self._file = sqlite_file(self._url)
        self._turn: AbstractAsyncContextManager[object] = nullcontext() if self._file is None else asyncio.Lock()
        self.before_commit: list[Callable[[], None]] = []
        self.after_commit: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Ledger({self._name!r})"

    @property
    def on_this_machine(self) -> bool:
        """Whether it is a file here, whose clock is this machine's."""
        return self._file is not None

    @property
    def _name(self) -> str:
        return self._url.render_as_string(hide_password=True)

    async def upgrade(self) -> None:
        """Bring the tables to this release's shape. May be called repeatedly and by several processes at once.

        Raises LedgerError: the database cannot be reached, or refuses.
        """
        await self._translate_errors(asyncio.to_thread(schema.migrate, self._url))

    async def check(self) -> None:
        """Ask whether the database answers and has this release's tables.

        Raises LedgerError: it does not; the line says which and what to do.
        """
        if self._file is not None and not self._file.exists():
            raise LedgerError(f"There is no ledger at {self._name}: check the address, or create it with `upgrade`.")
        found, wanted = await self._translate_errors(self._revision()), schema.wanted()
        if found != wanted:
            raise LedgerError(
                f"The ledger at {self._name} has revision {found}, this release needs {wanted}: upgrade it first."
            )

    async def _revision(self) -> str:
        async with self._reading.connect() as connection:
            return await connection.run_sync(schema.found)

    async def dispose(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """The one place that commits: when the body ends well. When it raises, nothing was written."""
        async with self._turn, AsyncSession(self._engine, expire_on_commit=False) as session:
            yield session
            await session.flush()
            for hook in self.before_commit:
                hook()
            try:
                await session.commit()
            except DBAPIError as error:
                if is_outage(error):
                    raise CommitLost from error
                raise
        for hook in self.after_commit:
            hook()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for reads: it sees committed rows, waits for no writer and never commits."""
        async with AsyncSession(self._reading, expire_on_commit=False) as session:
            yield session

    async def _translate_errors(self, work: Awaitable[Answer]) -> Answer:
        """Await `work`; whatever the database or the network says becomes a LedgerError."""
        try:
            return await work
        except (SQLAlchemyError, CommitLost, *UNWRAPPED) as error:
            broke = error.__cause__ if isinstance(error, CommitLost) else error
            cause = broke.orig if isinstance(broke, StatementError) else broke
            # A driver's text may go on with hints and statements; its first line says what happened.
            said = (str(cause).strip() or type(cause).__name__).splitlines()[0]
            kind = LedgerUnavailable if isinstance(error, CommitLost) or is_outage(error) else LedgerError
            raise kind(
                f"The ledger at {self._name} failed: {said}. Check the database, then look before repeating."
            ) from error


class CommitLost(Exception):
    """The connection broke during a commit: whether the database kept it cannot be known here."""


async def _with_retries(once: Callable[[], Awaitable[Answer]], outage_seconds: float) -> Answer:
    """Run a transaction, again after a conflict, and again while a restarting database cannot be reached.

    In both cases nothing was written before. A commit whose answer was lost is not repeated.
    """
    conflicts = AsyncRetrying(
        retry=retry_if_exception(is_conflict),
        wait=wait_random_exponential(multiplier=0.02, max=1),
        stop=stop_after_attempt(TRIES),
        reraise=True,
    )
    outages = AsyncRetrying(
        retry=retry_if_exception(is_outage),
        wait=wait_random_exponential(multiplier=0.5, max=5),
        stop=stop_after_delay(outage_seconds),
        reraise=True,
    )
    return await outages(conflicts, once)


def writes(
    body: Callable[Concatenate[AsyncSession, Asked], Awaitable[Answer]],
) -> Callable[Concatenate[Ledger, Asked], Coroutine[Any, Any, Answer]]:
    """Make `body(session, ...)` callable as `body(ledger, ...)`: one transaction, one commit.

    On a conflict with another transaction the body runs again from its start: it must keep nothing between its runs.
    """

    @wraps(body)
    async def run(ledger: Ledger, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        async def once() -> Answer:
            async with ledger.transaction() as session:
                return await body(session, *args, **kwargs)

        return await ledger._translate_errors(_with_retries(once, ledger._outage_seconds))

    return run


def reads(
    body: Callable[Concatenate[AsyncSession, Asked], Awaitable[Answer]],
) -> Callable[Concatenate[Ledger, Asked], Coroutine[Any, Any, Answer]]:
    """Make `body(session, ...)` callable as `body(ledger, ...)`: one statement, no commit."""

    @wraps(body)
    async def run(ledger: Ledger, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        async def once() -> Answer:
            async with ledger.reading() as session:
                return await body(session, *args, **kwargs)

        return await ledger._translate_errors(_with_retries(once, ledger._outage_seconds))

    return run
