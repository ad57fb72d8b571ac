"""One real stack for all end-to-end stories: simulator, Prefect server and worker as processes, on free ports."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dciflow.stack import Stack, running_stack
from tests.e2e.billing import Customers, customers_of

SPEED = 240.0
"""Four simulated minutes a second: an OS installation takes under 4 s."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The stack, started once; every story has its own services on it."""
    home: Path = tmp_path_factory.mktemp("stack")
    async with running_stack(home, print, speed=SPEED, keep=lambda: True) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def customers(stack: Stack) -> AsyncIterator[Customers]:
    """The simulated WHMCS's side: buys services and asks for actions as the module will."""
    async with customers_of(stack) as customers:
        yield customers
