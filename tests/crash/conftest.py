"""The ledger of all crashes, and the table of what was played."""

import logging
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console
from rich.table import Table

from ledger.database import Ledger
from tests.crash.harness import NewStage
from tests.crash.lives import FLEET, LIVES
from tests.crash.points import KINDS
from tests.stage import Stage, empty, quick_ledger

WIDTH = 132

TEST_SECONDS = 600
"""Each test plays a lifecycle dozens of times: seconds on an idle machine, more than the usual limit on a busy one."""

PLAYED = "lifecycle, points of each kind, deaths"
DEATHS = "played"


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """A line for each call of thousands of runs costs a sixth of the time, and nobody reads them."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def crash_ledger(migrated_ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ledger]:
    """One ledger for all: its compiled statements are worth a third of a story."""
    one = quick_ledger(Path(shutil.copy(migrated_ledger, tmp_path_factory.mktemp("ledger"))))
    yield one
    await one.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def new_stage(crash_ledger: Ledger) -> NewStage:
    """Makes a data centre in which nothing has happened yet."""

    async def make() -> Stage:
        return Stage(await empty(crash_ledger), FLEET)

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many points each lifecycle has, and how many deaths were played."""
    played: dict[str, dict[str, int]] = defaultdict(dict)
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == PLAYED:
                life, points, deaths = value
                played[life].update({**points, DEATHS: played[life].get(DEATHS, 0) + deaths})
    if not played:
        return
    table = Table(title="The points where a driver can die or lose a commit, and how often one did")
    table.add_column("lifecycle", no_wrap=True)
    for column in (*map(str, KINDS), DEATHS):
        table.add_column(column, justify="right")
    for life in LIVES:
        table.add_row(life.name, *(str(played[life.name].get(column, "-")) for column in (*map(str, KINDS), DEATHS)))
    Console(width=WIDTH).print(table)
