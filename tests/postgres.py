"""A database of a test's own on the machine's PostgreSQL, dropped afterwards."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

POSTGRES = os.environ.get("DCIFLOW_TEST_POSTGRES", "postgresql+asyncpg://root@127.0.0.1:5432/test")


def _on_postgres(*statements: str) -> None:
    async def run() -> None:
        address = make_url(POSTGRES).set(drivername="postgresql")
        connection = await asyncpg.connect(address.render_as_string(hide_password=False))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@contextmanager
def new_database() -> Iterator[str]:
    """The address of a database without tables. Skips the test where no PostgreSQL answers, unless it is required."""
    name = f"dciflow_{uuid4().hex}"
    try:
        _on_postgres(
            f"CREATE DATABASE {name} TEMPLATE template0",
            f"ALTER DATABASE {name} SET synchronous_commit = off",  # no test pulls the plug
        )
    except OSError as error:
        if "DCIFLOW_TEST_POSTGRES" in os.environ:
            raise
        pytest.skip(f"no PostgreSQL here: {error}")
    try:
        yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    finally:
        _on_postgres(f"DROP DATABASE {name} WITH (FORCE)")
