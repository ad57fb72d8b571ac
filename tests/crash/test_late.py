from typing import Any

import pytest

from flows.activate import activate
from tests.crash.conftest import TEST_SECONDS
from tests.crash.harness import NewStage
from tests.crash.invariants import Scene, at_the_end
from tests.crash.lives import LIVES, open_stage
from tests.crash.points import Died, Process
from tests.stage import Stage

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]

LATE_SECONDS = 20
"""A panel takes up to half a minute for a call, also for one whose caller is gone."""


def handled_late(stage: Stage, process: Process, things: object, handler: str) -> None:
    """The next such request has left the process, which dies; the panel handles it so many seconds later."""
    handle = getattr(things, handler)

    def late(*args: Any, **words: Any) -> None:
        setattr(things, handler, handle)
        process.die()
        stage.panel.world.later(LATE_SECONDS, lambda: handle(*args, **words))

    setattr(things, handler, late)


@pytest.mark.parametrize("handler", ["users.create", "addresses.add", "operations.start_install"])
async def test_a_request_that_outlives_its_driver_is_not_made_twice(new_stage: NewStage, handler: str) -> None:
    life, stage = LIVES[0], await new_stage()
    service_id = await life.begin(open_stage(stage))
    scene = Scene.opens(stage, service_id)
    first = Process(stage)
    things, method = handler.split(".")
    handled_late(stage, first, getattr(stage.panel, things), method)
    with pytest.raises(Died):
        await first.run(activate, service_id, "activate", **life.asks(stage, activate))
    await Process(stage).run(activate, service_id, "activate", **life.asks(stage, activate))
    stage.clock.simulated.advance(LATE_SECONDS)
    assert await at_the_end(scene, life) == []
