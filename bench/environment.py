"""The environment of a measurement: a whole stack with its own databases and a data centre of the size needed."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx

from bench.results import Database
from dciflow.demo.prefect_api import PrefectApi
from dciflow.demo.stack import Say, Stack, running_stack
from dciflow.registration import PROJECT
from ledger.database import Ledger
from simulator.panel.profile import Profile
from tests.postgres import address_of, drop_database, on_postgres


@dataclass(frozen=True)
class Environment:
    """A running stack, and the clients with which the benchmark talks to it."""

    stack: Stack
    profile: Profile
    prefect: PrefectApi
    simulator: httpx.AsyncClient
    ledger: Ledger
    say: Say


@asynccontextmanager
async def prepared(database: Database, profile: Profile, say: Say) -> AsyncIterator[Environment]:
    """Start a stack on the chosen database and remove it afterwards; its logs are kept if something failed."""
    home = PROJECT / ".dciflow" / f"bench-{os.getpid()}-{uuid4().hex[:4]}"
    home.mkdir(parents=True)
    file = home / "data-centre.json"
    file.write_text(profile.model_dump_json(), encoding="utf-8")
    good = False
    async with _databases(database) as settings:
        # PYTHONPATH: the process worker runs in another folder and must find the same code.
        settings |= {"DCIFLOW_SIMULATED_PROFILE": str(file), "PYTHONPATH": str(PROJECT)}
        async with (
            running_stack(home, say, speed=1.0, keep=lambda: not good, settings=settings) as stack,
            httpx.AsyncClient(base_url=stack.simulator, timeout=60) as simulator,
        ):
            prefect, ledger = PrefectApi(stack.api), Ledger(stack.environment["DCIFLOW_LEDGER_URL"])
            try:
                yield Environment(stack, profile, prefect, simulator, ledger, say)
                good = True
            finally:
                await ledger.dispose()
                await prefect.aclose()


@asynccontextmanager
async def _databases(database: Database) -> AsyncIterator[dict[str, str]]:
    """The settings that lead to new, empty databases; SQLite's are files of the stack's own."""
    if database is Database.SQLITE:
        yield {}
        return
    names = {setting: f"dciflow_bench_{uuid4().hex}" for setting in _SETTINGS}
    for name in names.values():
        await on_postgres(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield {setting: address_of(name) for setting, name in names.items()}
    finally:
        for name in names.values():
            await drop_database(name)


_SETTINGS = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "DCIFLOW_LEDGER_URL")
