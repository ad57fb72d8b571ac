"""Plays a lifecycle once for each death in it: a driver dies there, and a second one has to finish the work.

And once for each commit whose answer is lost, after which the driver has to finish it by itself.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from prefect import Flow

from flows.lifecycle import SILENT_AFTER
from ledger import services
from ledger.lifecycle import State
from tests.crash.invariants import Scene, always, at_the_end
from tests.crash.lives import Comeback, Life, open_stage
from tests.crash.points import Died, Point, Process, deaths, lost_commits
from tests.stage import Stage

Flows = tuple[Flow[..., Any], ...]
NewStage = Callable[[], Awaitable[Stage]]


class Caught(NamedTuple):
    """Where something went wrong."""

    nth: int | None
    """The point that the driver died at; None: it did not have to die for that."""
    wrong: list[str]
    """What is not as it has to be, in sentences."""


class Checked(NamedTuple):
    """What came of a lifecycle whose driver died again and again."""

    points: list[Point]
    died_at: list[int]
    """The points that it died at, or lost its commit."""
    caught: Caught | None
    """The first time that something was wrong; nothing was played after it."""


async def check(new_stage: NewStage, life: Life, comeback: Comeback) -> Checked:
    """Play the lifecycle undisturbed, which tells its points; then let a driver die at each that is worth it.

    One that comes back by itself does not die, but loses its commit there.
    """
    points, wrong = await play(await new_stage(), life, comeback)
    if wrong:
        return Checked(points, [], Caught(None, wrong))
    died_at = (lost_commits if comeback is Comeback.ITSELF else deaths)(points)
    for nth in died_at:
        reached, wrong = await play(await new_stage(), life, comeback, nth)
        if comeback is Comeback.ITSELF:
            reached = reached[:nth]  # it went on
        if reached != points[:nth]:
            wrong = [*wrong, f"it did not go the same way twice: {reached[-1]} where {points[nth - 1]} was before"]
        if wrong:
            return Checked(points, died_at, Caught(nth, wrong))
    return Checked(points, died_at, None)


async def play(
    stage: Stage, life: Life, comeback: Comeback, dies_at: int | None = None
) -> tuple[list[Point], list[str]]:
    """Play the lifecycle once: a process dies at its nth point, if at all, and another one finishes its work.

    One that comes back by itself loses the commit there instead.

    Returns the points that the first process got to, and what is wrong.
    """
    scene = Scene.opens(stage, await life.begin(open_stage(stage)))
    first = Process(stage, loses_at=dies_at) if comeback is Comeback.ITSELF else Process(stage, dies_at)
    with life.by_hand(stage):
        left, wrong = await _run(first, scene, life, life.flows)
        if first.died:
            wrong += [f"right after the death: {sentence}" for sentence in await always(scene)]
            if comeback is Comeback.OTHER:
                stage.clock.simulated.advance(SILENT_AFTER.total_seconds() + 1)
        if life.then:
            # What never got into the ledger, no later run can find there.
            left = life.then if await services.get(stage.ledger, scene.service_id) is not None else ()
        if first.died or life.then:
            _, ended = await _run(Process(stage), scene, life, left, comeback)
            wrong += ended
    return first.points, wrong + await at_the_end(scene, life)


async def _run(
    process: Process, scene: Scene, life: Life, flows: Flows, comeback: Comeback = Comeback.RETRY
) -> tuple[Flows, list[str]]:
    """Run the flows one after another; the ones that are left when the process dies, and how one ended badly."""
    for done, flow in enumerate(flows):
        run_id = f"{flow.name}, {comeback.value}" if comeback is Comeback.OTHER else flow.name
        try:
            await process.run(flow, scene.service_id, run_id, **life.asks(scene.stage, flow))
        except Died:
            return flows[done:], []
        except Exception as error:
            service = await services.get(scene.stage.ledger, scene.service_id)
            if life.held_because is not None and service is not None and service.state is State.HELD:
                return (), []
            return flows[done:], [f"{flow.name} ended with {type(error).__name__}: {error}"]
    return (), []
