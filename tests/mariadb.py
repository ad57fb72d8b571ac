"""The MariaDB of the machine, for the simulated WHMCS: each gets a database of its own there, dropped at its end."""

import asyncio
import os
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from simulator.whmcs_php.host import missing

MARIADB = os.environ.get("DCIFLOW_TEST_MARIADB", "mysql://root@127.0.0.1:3306")
ANSWER_SECONDS = 5.0


async def mariadb() -> str:
    """Its address. Skips the test where PHP, its packages or MariaDB are missing, unless they are required."""
    lacks = await missing(MARIADB)
    if not lacks and not await _answers():
        lacks = [f"a MariaDB at {MARIADB}"]
    if lacks:
        end = pytest.fail if "DCIFLOW_TEST_MARIADB" in os.environ else pytest.skip
        end(f"The simulated WHMCS needs {', '.join(lacks)}")
    return MARIADB


async def _answers() -> bool:
    place = urlsplit(MARIADB)
    with suppress(OSError, TimeoutError):
        _, writer = await asyncio.wait_for(asyncio.open_connection(place.hostname, place.port or 3306), ANSWER_SECONDS)
        writer.close()
        return True
    return False
