"""WHMCS was restored from a back-up (docs/operate.md, "Back-ups"): what it does not know any more keeps its server."""

from flows.terminate import terminate
from ledger.incarnation import Side
from ledger.states import State
from tests.harness import Harness
from tests.stories.moments import (
    PHOTOGRAPHS,
    brought_back_since,
    decide,
    decided_since,
    delivered_since,
    owner_cleared_since,
    sold_again_since,
)
from tests.stories.restoring import BackUps
from tests.stories.scenario import is_held, one_line

SIDE: Side = "whmcs"


async def test_a_deletion_that_was_brought_back_since_is_shown_as_ended_and_wipes_nothing(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await brought_back_since(harness, backups)
    await backups.restore(SIDE)
    assert harness.billed(service_id).status == "Terminated"
    await backups.go_through(SIDE)
    await is_held(harness, service_id, "restored")
    await one_line(harness.run(terminate, service_id))
    harness.billed(service_id).status = "Active"  # staff put it right
    assert "ACTIVE" in await decide(service_id, "release")
    assert PHOTOGRAPHS in server.disk.content


async def test_an_activation_that_was_delivered_since_is_told_to_whmcs_again(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await delivered_since(harness, backups)
    await backups.restore(SIDE)
    assert harness.billed(service_id).status == "Pending"
    done = await backups.go_through(SIDE)
    assert (await harness.service(service_id)).state is State.ACTIVE
    (told,) = [one for one in done.findings if one.service_id == service_id]
    assert told.what.startswith("not-written-back")
    assert PHOTOGRAPHS in server.disk.content


async def test_a_service_ordered_since_that_stands_before_its_wipe_is_held_and_not_wiped(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await owner_cleared_since(harness, backups)
    await backups.restore(SIDE)
    assert service_id not in harness.whmcs.services
    await backups.go_through(SIDE)
    await is_held(harness, service_id, "restored")
    assert PHOTOGRAPHS in server.disk.content


async def test_a_server_that_was_sold_again_since_stays_with_whom_whmcs_does_not_know_any_more(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server, second = await sold_again_since(harness, backups)
    await backups.restore(SIDE)
    assert second not in harness.whmcs.services
    assert harness.billed(service_id).status == "Active"
    done = await backups.go_through(SIDE)
    await is_held(harness, second, "restored")
    assert "active-without-server" in next(one.what for one in done.findings if one.service_id == service_id)
    number = harness.buy("bob.example.com", harness.whmcs.add_client("bob@example.com", "Bob", "Other").id)
    assert number == second  # WHMCS gives it out again: Bob's deletion is not Anna's
    await one_line(harness.run(terminate, number))
    assert PHOTOGRAPHS in server.disk.content


async def test_a_decision_made_since_stands(harness: Harness, backups: BackUps) -> None:
    service_id, server = await decided_since(harness, backups)
    await backups.restore(SIDE)
    done = await backups.go_through(SIDE)
    assert done.of("hold") == []
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert PHOTOGRAPHS in server.disk.content
