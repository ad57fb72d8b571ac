"""Starts the simulated WHMCS in PHP (`root/`): PHP's own web server and a database, stopped and removed afterwards.

It loads modules from a folder that mirrors WHMCS's root and calls them as WHMCS does.
Source: docs/sources.md, WHMCS 16.
"""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx

from simulator.processes import free_port, until_it_answers
from simulator.whmcs_php.control import WhmcsControl

PHP_ROOT = Path(__file__).parent / "root"
WORKERS = 6
"""Requests that PHP answers at once: a module call, the API calls that it causes, and one that races it."""
START_SECONDS = 20
"""PHP's server answers within half a second; longer means that it never will, slow cores included."""
REQUEST_SECONDS = 60
"""A module call waits for the Prefect server for 10 s, and a cron run makes several of them."""

_PROBE = """
echo json_encode(["php-curl" => extension_loaded("curl"), "php-mysql" => extension_loaded("pdo_mysql"),
    "php-sqlite3" => extension_loaded("pdo_sqlite"),
    "php-illuminate-database" => (bool) stream_resolve_include_path("Illuminate/Database/autoload.php"),
    "smarty4" => (bool) stream_resolve_include_path("smarty4/Smarty.class.php")]);
"""


class FakeWhmcs(WhmcsControl):
    """A running simulated WHMCS. url: of its root. api_url: of includes/api.php. home: its folder, with PHP's log."""

    def __init__(self, address: str, home: Path, client: httpx.AsyncClient) -> None:
        super().__init__(f"{address}/control.php", client)
        self.url = f"{address}/whmcs"
        self.api_url = f"{self.url}/includes/api.php"
        self.home = home


async def missing(database: str | None = None) -> list[str]:
    """The Debian packages that it needs here and that are not installed; empty when it can run.

    database: as of `fake_whmcs`; it decides between php-mysql and php-sqlite3.
    """
    if shutil.which("php") is None:
        return ["php-cli"]
    process = await asyncio.create_subprocess_exec("php", "-r", _PROBE, stdout=asyncio.subprocess.PIPE)
    found: dict[str, bool] = json.loads((await process.communicate())[0])
    unused = "php-sqlite3" if _is_mysql(database) else "php-mysql"
    return [package for package, there in found.items() if not there and package != unused]


@asynccontextmanager
async def fake_whmcs(
    *, module: Path | None, database: str | None = None, home: Path, port: int = 0
) -> AsyncIterator[FakeWhmcs]:
    """Run a WHMCS in `home` for the block.

    module: a folder that mirrors WHMCS's root (it has modules/ in it), None for a WHMCS without modules.
    database: mysql://user:password@host:port with or without a name, or sqlite:///file; None keeps a file in `home`.
    A database without a name gets a random one and is dropped at the end. port: 0 takes a free one.
    Raises RuntimeError: PHP or its database did not start; the text has what it said.
    """
    for folder in ("compiled", "modules"):
        await asyncio.to_thread((home / folder).mkdir, parents=True, exist_ok=True)
    address, own = _database(database, home)
    modules = home / "modules" if module is None else module / "modules"
    environment = {
        **os.environ,
        "FAKE_WHMCS_DATABASE": address,
        "FAKE_WHMCS_MODULES": str(await asyncio.to_thread(modules.resolve)),
        "FAKE_WHMCS_HOME": str(await asyncio.to_thread(home.resolve)),
        "PHP_CLI_SERVER_WORKERS": str(WORKERS),
    }
    await _php("install", environment)
    try:
        async with _served(port or free_port(), environment, home) as server, _http() as client:
            yield FakeWhmcs(server, home, client)
    finally:
        if own:
            await _php("drop", environment)


@asynccontextmanager
async def _served(port: int, environment: Mapping[str, str], home: Path) -> AsyncIterator[str]:
    address = f"127.0.0.1:{port}"
    with (home / "php.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            "php", "-S", address, str(PHP_ROOT / "router.php"), cwd=PHP_ROOT, env=environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        await until_it_answers(
            "PHP's web server", process, f"http://{address}", home / "php.log", seconds=START_SECONDS, whatever=True
        )
        yield f"http://{address}"
    finally:
        # PHP's workers are children of the process that was started: only the group has all of them.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _php(task: str, environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        "php", str(PHP_ROOT / "setup.php"), task, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode(errors="replace")
    if process.returncode != 0:
        raise RuntimeError(f"The database of the simulated WHMCS could not be made ({task}): {said.strip()[:2000]}")


def _database(given: str | None, home: Path) -> tuple[str, bool]:
    """The address to use, and whether the database is ours to drop."""
    if given is None:
        return f"sqlite://{(home / 'whmcs.db').resolve()}", True
    if _is_mysql(given) and given.removeprefix("mysql://").partition("/")[2] == "":
        return f"{given.rstrip('/')}/dciflow_{uuid4().hex}", True
    return given, False


def _is_mysql(database: str | None) -> bool:
    return database is not None and database.startswith("mysql://")


def _http() -> httpx.AsyncClient:
    # The environment's proxies are not for the loopback address.
    return httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False)
