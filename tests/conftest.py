"""What all tests share: no sockets unless a test says so, and the harness."""

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from ledger.database import Ledger
from runtime.clock import set_clock
from simulator.panel.profile import Profile
from simulator.panel.variants import Variants
from tests.harness import Harness, do_not_wait_for_the_disk, open_ledger

# Prefect's modules are a million objects: looking through them again and again costs a fifth of the tests.
gc.freeze()
gc.set_threshold(50_000, 20, 20)

HarnessMaker = Callable[..., Harness]


@pytest.fixture(autouse=True)
def _own_clock() -> Iterator[None]:
    yield
    set_clock(None)


@pytest.fixture(scope="session")
def migrated_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which only the simulated panel is trusted: copying it is much quicker than migrating one."""
    folder = tmp_path_factory.mktemp("migrated")

    async def migrate() -> None:
        await (await open_ledger(folder)).dispose()

    asyncio.run(migrate())
    return folder / "ledger.db"


@pytest.fixture
async def make_harness(tmp_path: Path, migrated_ledger: Path) -> AsyncIterator[HarnessMaker]:
    """Makes a harness with a profile and variants of the test's choice; it is connected already."""
    file = shutil.copy(migrated_ledger, tmp_path / "ledger.db")
    ledger = Ledger(f"sqlite+aiosqlite:///{file}")
    event.listen(ledger._engine.sync_engine, "connect", do_not_wait_for_the_disk)
    opened = []

    def make(profile: Profile | None = None, variants: Variants | None = None) -> Harness:
        harness = Harness(ledger, profile, variants)
        opened.append(harness.connect())
        return harness

    yield make
    for one in opened:
        await one.aclose()
    await ledger.dispose()


@pytest.fixture
async def harness(make_harness: HarnessMaker) -> Harness:
    """The usual harness: 12 servers, the documented variants."""
    return make_harness()
