"""The stage of the stories: a panel that is soon done; and an empty ledger on either database for those who ask."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test
from sqlalchemy import event

from ledger.database import Ledger
from simulator.profile import Profile
from simulator.variants import Variants
from tests.conftest import StageMaker
from tests.postgres import address_of, create_database, drop_database
from tests.stage import QUICK, Stage, do_not_wait_for_the_disk, empty, open_ledger, quick_ledger

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all stories, because a ledger belongs to one."""
    for item in items:
        if HERE in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stories_ledger(migrated_ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ledger]:
    """The one ledger of all stories: its compiled statements are worth a third of a story."""
    one = quick_ledger(Path(shutil.copy(migrated_ledger, tmp_path_factory.mktemp("ledger"))))
    yield one
    await one.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def make_stage(stories_ledger: Ledger) -> AsyncIterator[StageMaker]:
    """Makes a stage with a profile and variants of the test's choice, on a ledger without rows; it is connected."""
    await empty(stories_ledger)
    opened = []

    def make(profile: Profile | None = None, variants: Variants | None = None) -> Stage:
        stage = Stage(stories_ledger, profile, variants)
        opened.append(stage.connect())
        return stage

    yield make
    for one in opened:
        for panel in one.panels.values():
            await panel.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(make_stage: StageMaker) -> Stage:
    """12 servers, 6 of them of the ordered configuration, on a panel that is soon done."""
    return make_stage(QUICK)


@pytest_asyncio.fixture(loop_scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def empty_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A migrated ledger without rows, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        one = await open_ledger(tmp_path)
        event.listen(one._engine.sync_engine, "connect", do_not_wait_for_the_disk)
        yield one
        await one.dispose()
        return
    name = await create_database()
    one = Ledger(address_of(name))
    try:
        await one.upgrade()
        yield one
    finally:
        await one.dispose()
        await drop_database(name)
