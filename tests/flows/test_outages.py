"""Ledger or Prefect break off in the middle of runs; tests/crash plays it at every commit of every lifecycle."""

import asyncio
from collections.abc import Container
from itertools import count

import pytest
from prefect.exceptions import Abort

from flows import lifecycle
from flows.activate import activate
from flows.lifecycle import BEGINS
from flows.suspend import suspend
from ledger import requests
from ledger.errors import Outage
from ledger.lifecycle import State
from tasks import alerts
from tasks.outcomes import Held, PrefectUnreachable
from tasks.seat import Interruption, Room, Seat, sit
from tests.flows.play import activated, is_held, midway, sent
from tests.stage import Stage

OPENING, END = 1, 2
"""A suspension commits twice."""


@pytest.fixture(autouse=True)
def _one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins again is the same flow run."""
    monkeypatch.setattr(lifecycle, "run_id", lambda: "the-run")


def answers_are_lost(stage: Stage, of: Container[int]) -> None:
    """From now on, so many commits later, one is kept and its answer lost."""
    commits = count(1)

    def after() -> None:
        if next(commits) in of:
            raise Outage("The ledger broke off in the middle of a commit.")

    stage.ledger.after_commit.append(after)


async def test_a_ledger_that_breaks_off_again_and_again_leaves_the_run_to_the_janitor(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    answers_are_lost(stage, of=range(1, BEGINS + 1))
    with pytest.raises(Outage):
        await stage.run(suspend, service_id)
    assert len(await requests.open_requests(stage.ledger)) == 1
    await stage.run(suspend, service_id)
    assert (await stage.service(service_id)).state is State.SUSPENDED
    assert await requests.open_requests(stage.ledger) == []


async def test_a_prefect_that_cannot_be_asked_for_a_moment_ends_no_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, _ = await activated(stage)
    away = iter([PrefectUnreachable("away"), PrefectUnreachable("away")])

    async def label_run(*_: object, **__: object) -> None:
        for error in away:
            raise error

    monkeypatch.setattr(lifecycle, "label_run", label_run)
    await stage.run(suspend, service_id)
    assert (await stage.service(service_id)).state is State.SUSPENDED
    last = await requests.last(stage.ledger, service_id)
    assert last is not None
    assert (last.flow_run_id, last.outcome) == ("the-run", "done")


async def test_a_panel_that_restarts_while_a_step_makes_something_ends_no_run(stage: Stage) -> None:
    service_id = stage.buy()
    stage.faults.refuse_before("os_install")
    await stage.run(activate, service_id, order=stage.order())
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert [call.status for call in sent(stage, "os_install")] == [None, 200]


async def test_a_hold_whose_answer_was_lost_is_told_as_a_hold(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    answers_are_lost(stage, of=[END])
    with pytest.raises(Held):
        await stage.run(suspend, service_id)
    await is_held(stage, service_id, "owner-changed")
    assert [event for event, _, _ in stage.events] == [alerts.HELD]
    last = await requests.last(stage.ledger, service_id)
    assert last is not None
    assert last.outcome == "held"


@pytest.mark.parametrize("why", ["handed back", "cancelled"])
async def test_a_run_that_waits_for_the_ledger_can_be_interrupted(stage: Stage, why: Interruption) -> None:
    service_id, _ = await activated(stage)
    answers_are_lost(stage, of=[OPENING])
    seat = Seat(Room(1, kept_for_urgent=0), urgent=True)
    sit(seat)
    async with midway(stage, stage.run(suspend, service_id)) as running:
        seat.interrupted = why
        running.cancel()
        with pytest.raises(Abort, match=why):
            await running
    assert len(await requests.open_requests(stage.ledger)) == 1
    assert len(asyncio.all_tasks()) == 1
