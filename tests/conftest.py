"""What all tests share: no sockets unless a test says so, and the stage."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from simulator.profile import Profile
from simulator.variants import Variants
from tasks.clock import set_clock
from tests.stage import Stage, open_ledger

StageMaker = Callable[..., Stage]


@pytest.fixture(autouse=True)
def _own_clock() -> Iterator[None]:
    yield
    set_clock(None)


@pytest.fixture
async def make_stage(tmp_path: Path) -> AsyncIterator[StageMaker]:
    """Makes a stage with a profile and variants of the test's choice; it is connected already."""
    ledger = await open_ledger(tmp_path)
    opened = []

    def make(profile: Profile | None = None, variants: Variants | None = None) -> Stage:
        stage = Stage(ledger, profile, variants)
        opened.append(stage.connect())
        return stage

    yield make
    for one in opened:
        await one.aclose()
    await ledger.dispose()


@pytest.fixture
async def stage(make_stage: StageMaker) -> Stage:
    """The usual stage: 12 servers, the documented variants."""
    return make_stage()
