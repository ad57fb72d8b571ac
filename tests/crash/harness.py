"""Executes a lifecycle once for each point where its driver can die; a second driver has to finish the work.

It also executes it once for each commit whose answer is lost, after which the driver has to finish it by itself.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from prefect import Flow

from ledger import services
from runtime.heartbeat import STALLED_AFTER
from tests.crash.crash_points import CrashPoint, Process, ProcessDied, deaths, lost_commits
from tests.crash.invariants import Observed, always, at_the_end
from tests.crash.scenarios import Recovery, Scenario
from tests.crash.world import open_harness
from tests.harness import Harness

Flows = tuple[Flow[..., Any], ...]
NewHarness = Callable[[], Awaitable[Harness]]
Judge = Callable[[Observed, Scenario], Awaitable[list[str]]]


class Caught(NamedTuple):
    """Where something went wrong."""

    nth: int | None
    """The point that the driver died at; None: it did not have to die for that."""
    wrong: list[str]
    """What is not as it has to be, in sentences."""


class Checked(NamedTuple):
    """What came of a lifecycle whose driver died again and again."""

    points: list[CrashPoint]
    died_at: list[int]
    """The points that it died at, or lost its commit."""
    caught: Caught | None
    """The first time that something was wrong; nothing was executed after it."""


async def check(
    new_harness: NewHarness, scenario: Scenario, recovery: Recovery, every: int = 1, judge: Judge = at_the_end
) -> Checked:
    """Execute the lifecycle undisturbed to learn its points; then let a driver die at each that differs.

    One that comes back by itself does not die, but loses its commit there. `every`: only every so manieth of them;
    lifecycles begin at different ones. `judge`: says what is wrong when all is over.
    """
    points, wrong = await execute(await new_harness(), scenario, recovery, judge=judge)
    if wrong:
        return Checked(points, [], Caught(None, wrong))
    died_at = (lost_commits if recovery is Recovery.ITSELF else deaths)(points)[len(scenario.name) % every :: every]
    for nth in died_at:
        reached, wrong = await execute(await new_harness(), scenario, recovery, nth, judge)
        if recovery is Recovery.ITSELF:
            reached = reached[:nth]  # it went on
        if reached != points[:nth]:
            wrong = [*wrong, f"it did not go the same way twice: {reached[-1]} where {points[nth - 1]} was before"]
        if wrong:
            return Checked(points, died_at, Caught(nth, wrong))
    return Checked(points, died_at, None)


async def execute(
    harness: Harness,
    scenario: Scenario,
    recovery: Recovery,
    dies_at: int | None = None,
    judge: Judge = at_the_end,
) -> tuple[list[CrashPoint], list[str]]:
    """Execute the lifecycle once: a process dies at its nth point, if at all, and another one finishes its work.

    One that comes back by itself loses the commit there instead.

    Returns the points that the first process got to, and what is wrong.
    """
    observed = Observed.opens(harness, await scenario.begin(open_harness(harness)), scenario.addresses)
    first = Process(harness, loses_at=dies_at) if recovery is Recovery.ITSELF else Process(harness, dies_at)
    with scenario.by_hand(harness):
        left, wrong = await _run(first, observed, scenario, scenario.flows, interrupted=dies_at is not None)
        if first.died:
            wrong += [f"right after the death: {sentence}" for sentence in await always(observed)]
            if recovery is Recovery.OTHER:
                harness.clock.simulated.advance(STALLED_AFTER.total_seconds() + 1)
            harness.clock.simulated.advance(scenario.pause_seconds)
        if scenario.then:
            # What never got into the ledger, no later run can find there.
            left = scenario.then if await services.get(harness.ledger, observed.service_id) is not None else ()
        if first.died or scenario.then:
            _, ended = await _run(Process(harness), observed, scenario, left, recovery, interrupted=first.died)
            wrong += ended
    return first.points, wrong + await judge(observed, scenario)


async def _run(
    process: Process,
    observed: Observed,
    scenario: Scenario,
    flows: Flows,
    recovery: Recovery = Recovery.RETRY,
    *,
    interrupted: bool,
) -> tuple[Flows, list[str]]:
    """Run the flows one after another; the ones that are left when the process dies, and how one ended badly."""
    for done, flow in enumerate(flows):
        run_id = f"{flow.name}, {recovery.value}" if recovery is Recovery.OTHER else flow.name
        try:
            await process.run(flow, observed.service_id, run_id, **scenario.asks(observed.harness, flow))
        except ProcessDied:
            return flows[done:], []
        except Exception as error:
            service = await services.get(observed.harness.ledger, observed.service_id)
            if scenario.accepts(error, service, interrupted=interrupted):
                return (), []
            return flows[done:], [f"{flow.name} ended with {type(error).__name__}: {error}"]
    return (), []
