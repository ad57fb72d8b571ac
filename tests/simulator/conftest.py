"""Opens simulations for the tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from dcimanager.endpoints import Dialect
from simulator.http.app import Simulation
from simulator.panel.clock import ManualClock
from simulator.panel.profile import Profile
from simulator.panel.variants import Variants
from tests.simulator.visit import Visit, Visiting


@pytest.fixture
async def visiting() -> AsyncIterator[Visiting]:
    """Opens simulations with a profile, variants or a dialect of the test's choice, signed in."""
    async with AsyncExitStack() as stack:

        async def open(
            profile: Profile | None = None, dialect: Dialect | None = None, login: bool = True, **variants: Any
        ) -> Visit:
            clock = ManualClock()
            simulation = Simulation(profile, clock=clock, variants=Variants(**variants), dialect=dialect)
            http = httpx.AsyncClient(transport=simulation.transport(), base_url="http://panel.example")
            visit = Visit(simulation, clock, await stack.enter_async_context(http))
            if login:
                await visit.login()
            return visit

        yield open


@pytest.fixture
async def panel(visiting: Visiting) -> Visit:
    return await visiting()
