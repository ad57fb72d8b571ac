"""A database of a test's own on the machine's PostgreSQL, dropped afterwards."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import make_url

POSTGRES = os.environ.get("DCIFLOW_TEST_POSTGRES", "postgresql+asyncpg://root@127.0.0.1:5432/test")


async def on_postgres(*statements: str) -> None:
    """Run statements, each by itself. Raises OSError: no PostgreSQL answers."""
    address = make_url(POSTGRES).set(drivername="postgresql")
    connection = await asyncpg.connect(address.render_as_string(hide_password=False))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def address_of(database: str) -> str:
    """The address of a database on that PostgreSQL."""
    return make_url(POSTGRES).set(database=database).render_as_string(hide_password=False)


async def create_database() -> str:
    """Create a database without tables; its name.

    Skips the test where no PostgreSQL answers, unless it is required.
    """
    name = f"dciflow_{uuid4().hex}"
    try:
        await on_postgres(f"CREATE DATABASE {name} TEMPLATE template0")
    except OSError as error:
        if "DCIFLOW_TEST_POSTGRES" in os.environ:
            raise
        pytest.skip(f"no PostgreSQL here: {error}")
    return name


async def drop_database(name: str) -> None:
    """Drop it, whoever is still connected."""
    await on_postgres(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def new_database() -> Iterator[str]:
    """The address of a database without tables, for the block. Skips the test as `create_database` does."""
    name = asyncio.run(create_database())
    try:
        asyncio.run(on_postgres(f"ALTER DATABASE {name} SET synchronous_commit = off"))  # no test pulls the plug
        yield address_of(name)
    finally:
        asyncio.run(drop_database(name))
