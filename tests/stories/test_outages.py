"""Ledger or Prefect break off in the middle of runs; tests/crash plays it at every commit of every lifecycle."""

import asyncio
from collections.abc import Container
from itertools import count

import pytest
from prefect.exceptions import Abort

from flows import _request
from flows._lifecycle import MAX_STARTS
from flows.activate import activate
from flows.suspend import suspend
from ledger import requests
from ledger.errors import LedgerUnavailable
from ledger.states import State
from runtime import alerts
from runtime.errors import Held, PrefectUnreachable
from runtime.slots import Interruption, Slot, SlotPool, bind_slot
from tests.harness import Harness
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, is_held, midway, sent

OPENING, END = 1, 2
"""A suspension commits twice."""


@pytest.fixture(autouse=True)
def _one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins again is the same flow run."""
    monkeypatch.setattr(_request, "run_id", lambda: "the-run")


def answers_are_lost(harness: Harness, of: Container[int]) -> None:
    """From now on, so many commits later, one is kept and its answer lost."""
    commits = count(1)

    def after() -> None:
        if next(commits) in of:
            raise LedgerUnavailable("The ledger broke off in the middle of a commit.")

    harness.ledger.after_commit.append(after)


async def test_a_ledger_that_breaks_off_again_and_again_leaves_the_run_to_the_janitor(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    answers_are_lost(harness, of=range(1, MAX_STARTS + 1))
    with pytest.raises(LedgerUnavailable):
        await harness.run(suspend, service_id)
    assert len(await requests.open_requests(harness.ledger)) == 1
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert await requests.open_requests(harness.ledger) == []


async def test_a_prefect_that_cannot_be_asked_for_a_moment_ends_no_run(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, _ = await activated(harness)
    away = iter([PrefectUnreachable("away"), PrefectUnreachable("away")])

    async def label_run(*_: object, **__: object) -> None:
        for error in away:
            raise error

    monkeypatch.setattr(_request, "label_run", label_run)
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    last = await last_request(harness.ledger, service_id)
    assert last is not None
    assert (last.flow_run_id, last.outcome) == ("the-run", "done")


async def test_a_panel_that_restarts_while_a_step_makes_something_ends_no_run(harness: Harness) -> None:
    service_id = harness.buy()
    harness.faults.refuse_before("os_install")
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert [call.status for call in sent(harness, "os_install")] == [None, 200]


async def test_a_hold_whose_answer_was_lost_is_told_as_a_hold(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    answers_are_lost(harness, of=[END])
    with pytest.raises(Held):
        await harness.run(suspend, service_id)
    await is_held(harness, service_id, "owner-changed")
    assert [event for event, _, _ in harness.events] == [alerts.HELD]
    last = await last_request(harness.ledger, service_id)
    assert last is not None
    assert last.outcome == "held"


@pytest.mark.parametrize("why", ["returned to the queue", "cancelled"])
async def test_a_run_that_waits_for_the_ledger_can_be_interrupted(harness: Harness, why: Interruption) -> None:
    service_id, _ = await activated(harness)
    answers_are_lost(harness, of=[OPENING])
    slot = Slot(SlotPool(1, kept_for_urgent=0), urgent=True)
    bind_slot(slot)
    before = asyncio.all_tasks()
    async with midway(harness, harness.run(suspend, service_id)) as running:
        slot.interrupted = why
        running.cancel()
        with pytest.raises(Abort, match=why):
            await running
    assert len(await requests.open_requests(harness.ledger)) == 1
    assert asyncio.all_tasks() <= before
