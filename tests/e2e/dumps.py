"""Real dumps of PostgreSQL and MariaDB, taken and restored by the tools that docs/operate.md names."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from tests.mariadb import mariadb
from tests.postgres import on_postgres

TOOLS = ("pg_dump", "pg_restore", "mariadb", "mariadb-dump")


def require_tools() -> None:
    """Skip the test where one of them is missing, unless the databases are required."""
    lacks = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacks:
        end = pytest.fail if "DCIFLOW_TEST_POSTGRES" in os.environ else pytest.skip
        end(f"not here: {', '.join(lacks)}")


class PostgresDump:
    """The dump of one PostgreSQL database."""

    def __init__(self, address: str, file: Path) -> None:
        url = make_url(address)
        assert url.database is not None
        self._database = url.database
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._file = file

    async def take(self) -> None:
        await _tool("pg_dump", "--format=custom", f"--file={self._file}", self._address)

    async def restore(self) -> None:
        """Whoever is still connected is thrown out."""
        await on_postgres(
            f"DROP DATABASE {self._database} WITH (FORCE)", f"CREATE DATABASE {self._database} TEMPLATE template0"
        )
        await _tool("pg_restore", f"--dbname={self._address}", str(self._file))


class MariaDump:
    """The dump of one MariaDB database."""

    def __init__(self, address: str, file: Path) -> None:
        self._place = _Place(address)
        self._file = file

    async def take(self) -> None:
        await _tool("mariadb-dump", *self._place.options, f"--result-file={self._file}", self._place.database)

    async def restore(self) -> None:
        await self._place.run(f"source {self._file}", self._place.database)


class _Place:
    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        self.database = place.path.lstrip("/")
        self.options = [f"--host={place.hostname}", f"--port={place.port or 3306}", f"--user={place.username}"]
        if place.password:
            self.options.append(f"--password={place.password}")

    async def run(self, statement: str, *database: str) -> None:
        await _tool("mariadb", *self.options, "--execute", statement, *database)


@asynccontextmanager
async def maria_database() -> AsyncIterator[str]:
    """The address of a database of its own, dropped afterwards. Skips the test as `mariadb` does."""
    server = await mariadb()
    address = f"{server.rstrip('/')}/dciflow_{uuid4().hex}"
    place = _Place(address)
    await place.run(f"CREATE DATABASE {place.database}")
    try:
        yield address
    finally:
        await place.run(f"DROP DATABASE {place.database}")


async def _tool(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode(errors="replace")
    assert process.returncode == 0, f"{command[0]}: {said}"
