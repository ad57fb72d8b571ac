from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

import flows.rehearse
from ledger import claims, proofs, requests, services
from ledger.proofs import Backing
from ledger.snapshots import Service
from ledger.states import State
from runtime.errors import StepRefused
from runtime.heartbeat import STALLED_AFTER
from tasks.rehearsal.report import REHEARSED
from tests.crash.conftest import EXECUTED, TEST_SECONDS
from tests.crash.crash_points import EVERY, CrashPoint, Process, ProcessDied, deaths, lost_commits
from tests.crash.harness import NewHarness
from tests.crash.world import open_harness
from tests.harness import PANEL, Harness

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]

SPARE = 3


async def rehearsals(harness: Harness) -> list[Service]:
    """What the ledger has of rehearsals: one that died before its claim, or after its end, another follows."""
    found = [await services.get(harness.ledger, number) for number in (-1, -2)]
    return [service for service in found if service is not None]


async def rehearse(process: Process, run_id: str) -> None:
    """A run of the rehearsal, until it ends or the process dies. Raises ProcessDied."""

    async def body(service_id: int, panel: str) -> None:
        await flows.rehearse.rehearse.fn(panel=panel, server=SPARE, clear_its_disks=True)

    flow: Any = SimpleNamespace(name="rehearse", fn=body)
    with patch.object(flows.rehearse, "run_id", lambda: run_id):
        await process.run(flow, 0, run_id)


async def wrong_now(harness: Harness, as_it_was: dict[int, str]) -> list[str]:
    """What is wrong at any moment: only the spare server may be touched, and nothing bad happened to it."""
    harness.panel.settle()
    wrong = [f"{incident.kind} on server {incident.server_id}" for incident in harness.panel.incidents]
    for server in harness.panel.servers.values():
        if server.id != SPARE and repr(server) != as_it_was[server.id]:
            wrong.append(f"server {server.id} was touched")
    spare, promised = harness.panel.server(SPARE), await claims.claimed(harness.ledger, PANEL)
    if (spare.owner_id is not None or not spare.disk.is_clear) and list(promised) != [SPARE]:
        wrong.append("the spare server is in use, and it is promised to nobody")
    return wrong


async def wrong_at_the_end(harness: Harness, as_it_was: dict[int, str]) -> list[str]:
    """What is wrong when the rehearsal was finished: the server is free and clean."""
    wrong = await wrong_now(harness, as_it_was)
    spare = harness.panel.server(SPARE)
    if spare.owner_id is not None or not spare.disk.is_clear or spare.addresses or spare.running_operation:
        wrong.append("the spare server is not free and clean")
    if await claims.claimed(harness.ledger, PANEL):
        wrong.append("a promise is left")
    *before, last = [(one.service_id, one.state) for one in await rehearsals(harness)]
    if last[1] is not State.RELEASED or any(state not in (State.NEW, State.RELEASED) for _, state in before):
        wrong.append(f"the rehearsals are {before} and {last}")
    if {one.service_id for one in await requests.open_requests(harness.ledger)} - {number for number, _ in before}:
        wrong.append("a request is left")
    return wrong


OF_ERRANDS = {"power_off", "power_reset", "key_create", "ptr_set", "rescue_start", "rescue_leave"}


async def not_proved(harness: Harness) -> set[str]:
    """The calls of which the ledger has no proof. One that no order needs may be left for the next rehearsal."""
    kept = await proofs.of_panel(harness.ledger, PANEL)
    return set(REHEARSED) - OF_ERRANDS - {one.entry for one in kept if one.backing is Backing.PROVED}


async def executed(
    harness: Harness, *, dies_at: int | None = None, loses_at: int | None = None, second: str = "first"
) -> tuple[list[CrashPoint], list[str]]:
    """The rehearsal, with a death or a lost commit at a point, and a second run that finishes it after a death."""
    open_harness(harness)
    harness.panel.settle()
    as_it_was = {server.id: repr(server) for server in harness.panel.servers.values()}
    process = Process(harness, dies_at, loses_at=loses_at)
    wrong: list[str] = []
    try:
        await rehearse(process, "first")
    except ProcessDied:
        wrong += await wrong_now(harness, as_it_was)
        if second != "first":
            harness.clock.simulated.advance(STALLED_AFTER.total_seconds() + 1)
        try:
            await rehearse(Process(harness), second)
        except StepRefused as refused:  # it proves no call that an earlier run sent, and names those
            left = [entry for entry in await not_proved(harness) if f"[{entry}]" not in str(refused)]
            wrong += [f"{entry} is neither proved nor named" for entry in left]
        else:
            wrong += [f"{entry} is not proved" for entry in await not_proved(harness)]
    else:
        wrong += [f"{entry} is not proved" for entry in await not_proved(harness)]
    return process.points, wrong + await wrong_at_the_end(harness, as_it_was)


RARELY = EVERY if EVERY == 1 else 4 * EVERY
"""A rehearsal has ten times the points of a lifecycle, and each takes ten times as long to get to."""


@pytest.mark.parametrize("second", ["first", "another run"])
async def test_a_rehearsal_that_dies_at_any_point_touches_nobody_and_can_be_finished(
    new_harness: NewHarness, second: str, record_property: Callable[[str, object], None]
) -> None:
    points, wrong = await executed(await new_harness())
    assert wrong == []
    # The two recoveries share the points: each takes every other one.
    chosen = deaths(points)[second != "first" :: 2][::RARELY]
    for nth in chosen:
        _, wrong = await executed(await new_harness(), dies_at=nth, second=second)
        assert (nth, points[nth - 1], wrong) == (nth, points[nth - 1], [])
    record_property(EXECUTED, (f"rehearse, {second}", {"all": len(points)}, len(chosen)))


async def test_a_rehearsal_that_loses_any_commit_goes_on_by_itself(
    new_harness: NewHarness, record_property: Callable[[str, object], None]
) -> None:
    points, _ = await executed(await new_harness())
    chosen = lost_commits(points)[::RARELY]
    for nth in chosen:
        _, wrong = await executed(await new_harness(), loses_at=nth)
        assert (nth, wrong) == (nth, [])
    record_property(EXECUTED, ("rehearse, lost commits", {"all": len(points)}, len(chosen)))
