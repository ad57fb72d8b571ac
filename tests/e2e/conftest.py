"""One real stack for all end-to-end stories: simulator, Prefect server and worker as processes, on free ports."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dciflow.demo.stack import Stack, running_stack
from tests.e2e.whmcs_clients import WhmcsClients, whmcs_clients
from tests.prefect_home import prefect_home

LONGEST_FIRST = ("test_kill", "test_restored", "test_scale_out", "test_notifications", "test_whmcs", "test_decide_held")
"""A file's stories share a stack and are one piece of work: what takes minutes must not begin when all else is done."""

SPEED = 240.0
"""Four simulated minutes a second: an OS installation takes under 4 s."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The stack, started once; every story has its own services on it."""
    home = prefect_home(tmp_path_factory, "stack")
    async with running_stack(home, print, speed=SPEED, keep=lambda: True) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def customers(stack: Stack) -> AsyncIterator[WhmcsClients]:
    """The simulated WHMCS's side: buys services and asks for actions as the module will."""
    async with whmcs_clients(stack) as customers:
        yield customers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest go first, the others stay in their order."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)) if item.get_closest_marker("prefect") else -1)
