from typing import Any

import pytest

from flows.activate import activate
from tests.crash.conftest import TEST_SECONDS
from tests.crash.crash_points import Process, ProcessDied
from tests.crash.harness import NewHarness
from tests.crash.invariants import Observed, at_the_end
from tests.crash.scenarios import SCENARIOS
from tests.crash.world import open_harness
from tests.harness import Harness

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]

LATE_SECONDS = 20
"""A panel takes up to half a minute for a call, also for one whose caller is gone."""


def handled_late(harness: Harness, process: Process, things: object, handler: str) -> None:
    """The next such request has left the process, which dies; the panel handles it so many seconds later."""
    handle = getattr(things, handler)

    def late(*args: Any, **words: Any) -> None:
        setattr(things, handler, handle)
        process.die()
        harness.panel.world.later(LATE_SECONDS, lambda: handle(*args, **words))

    setattr(things, handler, late)


@pytest.mark.parametrize("handler", ["users.create", "addresses.add", "operations.start_install"])
async def test_a_request_that_outlives_its_driver_is_not_made_twice(new_harness: NewHarness, handler: str) -> None:
    scenario, harness = SCENARIOS[0], await new_harness()
    service_id = await scenario.begin(open_harness(harness))
    observed = Observed.opens(harness, service_id)
    first = Process(harness)
    things, method = handler.split(".")
    handled_late(harness, first, getattr(harness.panel, things), method)
    with pytest.raises(ProcessDied):
        await first.run(activate, service_id, "activate", **scenario.asks(harness, activate))
    await Process(harness).run(activate, service_id, "activate", **scenario.asks(harness, activate))
    harness.clock.simulated.advance(LATE_SECONDS)
    assert await at_the_end(observed, scenario) == []
