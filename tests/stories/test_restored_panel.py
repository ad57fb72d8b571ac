"""The panel was restored from a back-up (docs/operate.md, "Back-ups"): its owners and operations are of before."""

from flows.activate import activate
from flows.terminate import terminate
from ledger import server_notes
from ledger.incarnation import Side
from ledger.states import State
from tests.harness import PANEL, Harness
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
from tests.stories.scenario import is_held

SIDE: Side = "panel"


async def test_a_deletion_that_was_brought_back_since_is_active_and_its_ports_are_shown_as_off(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await brought_back_since(harness, backups)
    await backups.restore(SIDE)
    done = await backups.go_through(SIDE)
    assert (await harness.service(service_id)).state is State.ACTIVE
    (found,) = [one for one in done.findings if one.service_id == service_id]
    assert found.what.startswith("active-ports-off")
    assert PHOTOGRAPHS in harness.panel.server(server.id).disk.content


async def test_an_activation_that_was_delivered_since_is_not_repeated(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_since(harness, backups)
    await backups.restore(SIDE)
    assert harness.panel.server(server.id).os_template is None
    await backups.go_through(SIDE)
    await harness.run(activate, service_id)  # ACTIVE already: nothing is done
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert PHOTOGRAPHS in harness.panel.server(server.id).disk.content


async def test_a_deletion_that_stands_before_its_wipe_is_held_on_a_panel_of_before(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await owner_cleared_since(harness, backups)
    await backups.restore(SIDE)
    await backups.go_through(SIDE)
    await is_held(harness, service_id, "restored")
    assert PHOTOGRAPHS in harness.panel.server(server.id).disk.content


async def test_a_server_that_was_sold_again_since_stays_with_its_new_service(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server, second = await sold_again_since(harness, backups)
    await backups.restore(SIDE)
    await backups.go_through(SIDE)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert (await harness.server(second)).id == server.id
    assert PHOTOGRAPHS in harness.panel.server(server.id).disk.content


async def test_a_decision_made_since_meets_the_owner_of_before(harness: Harness, backups: BackUps) -> None:
    service_id, server = await decided_since(harness, backups)
    await backups.restore(SIDE)
    done = await backups.go_through(SIDE)
    held = await is_held(harness, service_id, "restored")
    assert "owner-changed" in (held.held_evidence or "")
    assert len(done.of("hold")) == 1
    harness.panel.admin.set_owner(server.id, harness.client.email)
    assert "ACTIVE" in await decide(service_id, "release")
    assert PHOTOGRAPHS in harness.panel.server(server.id).disk.content


async def test_a_server_whose_wipe_the_panel_forgot_is_set_aside(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_since(harness, backups)
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    saved = backups._saved["panel"]
    saved["servers"][server.id].owner_id = None
    await backups.restore(SIDE)
    await backups.go_through(SIDE)
    assert server.id in await server_notes.aside(harness.ledger, PANEL)
