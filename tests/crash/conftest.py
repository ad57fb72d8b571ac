"""The ledger of all crashes, and the table of what was run."""

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
from tests.crash.crash_points import KINDS
from tests.crash.errand_scenarios import ERRAND_SCENARIOS
from tests.crash.harness import NewHarness
from tests.crash.names import NAME_SCENARIOS
from tests.crash.scenarios import SCENARIOS
from tests.crash.staff import STAFF_SCENARIOS
from tests.crash.world import FLEET
from tests.harness import Harness, empty, quick_ledger

WIDTH = 132

TEST_SECONDS = 600
"""Each test runs a lifecycle dozens of times: seconds on an idle machine, more than the usual limit on a busy one."""

EXECUTED = "lifecycle, points of each kind, deaths"
DEATHS = "deaths"


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
async def new_harness(crash_ledger: Ledger) -> NewHarness:
    """Makes a data centre in which nothing has happened yet."""

    async def make() -> Harness:
        return Harness(await empty(crash_ledger), FLEET)

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many points each lifecycle has, and how many deaths there were."""
    executed: dict[str, dict[str, int]] = defaultdict(dict)
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == EXECUTED:
                scenario, points, deaths = value
                executed[scenario].update({**points, DEATHS: executed[scenario].get(DEATHS, 0) + deaths})
    if not executed:
        return
    table = Table(title="The points where a driver can die or lose a commit, and how often one did")
    table.add_column("lifecycle", no_wrap=True)
    for column in (*map(str, KINDS), DEATHS):
        table.add_column(column, justify="right")
    for scenario in (*SCENARIOS, *STAFF_SCENARIOS, *ERRAND_SCENARIOS, *NAME_SCENARIOS):
        table.add_row(
            scenario.name, *(str(executed[scenario.name].get(column, "-")) for column in (*map(str, KINDS), DEATHS))
        )
    Console(width=WIDTH).print(table)
