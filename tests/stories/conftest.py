"""The harness of the stories: a panel that is soon done; and an empty ledger on either database for those who ask."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test
from sqlalchemy import event

from dcimanager.servers import Accepted, Servers
from ledger.database import Ledger
from simulator.panel.profile import Profile
from simulator.panel.variants import Variants
from tests.conftest import HarnessMaker
from tests.harness import (
    QUICK,
    Harness,
    do_not_wait_for_the_disk,
    empty,
    open_ledger,
    quick_ledger,
    trust_panel,
)
from tests.postgres import address_of, create_database, drop_database
from tests.stories.restoring import BackUps

SPOKEN = Variants.model_validate({"words": os.environ.get("DCIFLOW_TEST_WORDS", "documented")})
"""The words of a panel that no story gives words to; `make test-words` runs all stories with the other ones."""


def share_one_loop(items: list[pytest.Item], conftest: str) -> None:
    """Let the asynchronous tests beside and below a conftest run in the session's event loop."""
    for item in items:
        if Path(conftest).parent in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all stories, because a ledger belongs to one."""
    share_one_loop(items, __file__)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stories_ledger(migrated_ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ledger]:
    """The one ledger of all stories: its compiled statements are worth a third of a story."""
    one = quick_ledger(Path(shutil.copy(migrated_ledger, tmp_path_factory.mktemp("ledger"))))
    yield one
    await one.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def make_harness(stories_ledger: Ledger) -> AsyncIterator[HarnessMaker]:
    """Makes a harness with a profile and variants of the test's choice, on a ledger without rows; it is connected."""
    await empty(stories_ledger)
    opened = []

    def make(profile: Profile | None = None, variants: Variants | None = None) -> Harness:
        said = variants or SPOKEN
        words = said.words if "words" in said.model_fields_set else SPOKEN.words
        harness = Harness(stories_ledger, profile, said.model_copy(update={"words": words}))
        opened.append(harness.connect())
        return harness

    yield make
    for one in opened:
        for panel in one.panels.values():
            await panel.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def harness(make_harness: HarnessMaker) -> Harness:
    """12 servers, 6 of them of the ordered configuration, on a panel that is soon done."""
    return make_harness(QUICK)


@pytest_asyncio.fixture(loop_scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def empty_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A migrated ledger in which only the simulated panel is trusted, on SQLite and on PostgreSQL."""
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
        await trust_panel(one)
        yield one
    finally:
        await one.dispose()
        await drop_database(name)


@pytest.fixture
def backups(harness: Harness, tmp_path: Path) -> BackUps:
    """Back-ups of the four sides, taken and restored at any moment of a story."""
    return BackUps(harness, tmp_path)


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The root passwords that the panel was given."""
    given: list[str] = []
    send = Servers.install_os

    async def install_os(self: Servers, server_id: int, **more: Any) -> Accepted:
        given.append(more["password"].get_secret_value())
        return await send(self, server_id, **more)

    monkeypatch.setattr(Servers, "install_os", install_os)
    return given
