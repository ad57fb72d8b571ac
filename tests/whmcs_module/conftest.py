"""A pretend WHMCS for each file of tests; each test finds an empty shop in it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator.whmcs_host import PretendWhmcs, missing, pretend_whmcs

HERE = Path(__file__).parent
DATABASE = os.environ.get("DCIFLOW_TEST_MARIADB")


@pytest.fixture(scope="module")
def overlay() -> Path:
    """The folder that mirrors WHMCS's root; a file of tests may have another."""
    return HERE / "sample"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PretendWhmcs]:
    if DATABASE is None:
        pytest.skip("DCIFLOW_TEST_MARIADB names no MariaDB for the pretend WHMCS")
    if packages := await missing(DATABASE):
        pytest.fail(f"The pretend WHMCS needs Debian's {', '.join(packages)}")
    async with pretend_whmcs(module=overlay, database=DATABASE, home=tmp_path_factory.mktemp("whmcs")) as host:
        yield host


@pytest_asyncio.fixture(loop_scope="module")
async def whmcs(running: PretendWhmcs) -> PretendWhmcs:
    """An empty shop."""
    await running.reset()
    return running
