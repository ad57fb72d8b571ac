"""Prefect was restored from a back-up (docs/operate.md, "Back-ups"): its old runs are ended, the ledger is right."""

from ledger.incarnation import Side
from ledger.states import State
from simulator.panel.models import SimServer
from tests.harness import Harness
from tests.stories.moments import (
    PHOTOGRAPHS,
    brought_back_since,
    decided_since,
    delivered_since,
    owner_cleared_since,
    sold_again_since,
)
from tests.stories.restoring import BackUps
from tests.stories.scenario import is_held

SIDE: Side = "prefect"


async def goes_on_as_it_was(harness: Harness, backups: BackUps, service_id: int, server: SimServer) -> None:
    """Anna has her server; the runs of the back-up are over, and nothing was put on HELD or set aside."""
    was, written = await harness.service(service_id), len(harness.panel.writes())
    standing = await backups.restore(SIDE)
    assert standing.side == SIDE
    of_before = set(backups.runs.open)
    done = await backups.go_through(SIDE)
    assert (done.of("hold"), done.of("set-aside")) == ([], [])
    assert set(backups.runs.ended) == of_before
    now = await harness.service(service_id)
    assert (now.state, now.claim) == (was.state, was.claim)
    assert now.epoch > was.epoch
    assert PHOTOGRAPHS in server.disk.content
    assert len(harness.panel.writes()) == written
    assert harness.panel.incidents == []


async def test_a_deletion_in_its_wipe_delay_that_was_brought_back_since_does_not_run_again(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await brought_back_since(harness, backups)
    await goes_on_as_it_was(harness, backups, service_id, server)
    assert list(backups.runs.ended) == ["run of terminate"]


async def test_an_activation_that_was_delivered_since_does_not_run_again(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_since(harness, backups)
    await goes_on_as_it_was(harness, backups, service_id, server)
    assert list(backups.runs.ended) == ["run of activate"]


async def test_a_deletion_that_stands_before_its_wipe_waits_for_a_person(harness: Harness, backups: BackUps) -> None:
    service_id, server = await owner_cleared_since(harness, backups)
    assert (await backups.restore(SIDE)).side == SIDE
    done = await backups.go_through(SIDE)
    assert [one.service_id for one in done.of("hold")] == [service_id]
    held = await is_held(harness, service_id, "restored")
    assert held.held_from is State.ERASING
    assert PHOTOGRAPHS in server.disk.content


async def test_a_server_that_was_sold_again_since_is_its_new_services(harness: Harness, backups: BackUps) -> None:
    service_id, server, second = await sold_again_since(harness, backups)
    await goes_on_as_it_was(harness, backups, second, server)
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_a_decision_made_since_is_not_made_again_by_its_old_run(harness: Harness, backups: BackUps) -> None:
    service_id, server = await decided_since(harness, backups)
    await goes_on_as_it_was(harness, backups, service_id, server)
    assert list(backups.runs.ended) == ["run of decide-held"]


async def test_a_prefect_that_is_new_knows_no_ledger(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_since(harness, backups)
    backups.take()
    backups._saved["prefect"] = None
    await goes_on_as_it_was(harness, backups, service_id, server)
