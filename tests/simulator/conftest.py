"""Opens simulations for the tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from simulated_visit import Visit, Visiting

from dcimanager.endpoints import Dialect
from simulator.app import Simulation
from simulator.clock import ManualClock
from simulator.profile import Profile
from simulator.variants import Variants


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
