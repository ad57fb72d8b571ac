"""The ledger was restored from a back-up (docs/operate.md, "Back-ups"): nothing that happened since is undone by it."""

from datetime import timedelta

import pytest

from flows.activate import activate
from flows.terminate import terminate
from ledger import incarnation, server_notes
from ledger.errors import NothingRuns
from ledger.states import State
from runtime.errors import StepRefused
from simulator.panel.models import SimServer
from tasks.adoption import Adoptee, adopt_services
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
from tests.stories.scenario import is_held, one_line, sent


async def is_annas(harness: Harness, service_id: int, server: SimServer) -> None:
    """She has her server with what is on it, and the ledger knows it."""
    service = await harness.service(service_id)
    assert (service.state, service.claim is not None) == (State.ACTIVE, True)
    assert harness.panel.world.owner_email(harness.panel.server(server.id)) == harness.client.email
    assert PHOTOGRAPHS in harness.panel.server(server.id).disk.content
    assert harness.panel.incidents == []


async def test_a_deletion_in_its_wipe_delay_that_was_brought_back_since_wipes_nothing(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await brought_back_since(harness, backups)
    standing = await backups.restore("ledger")
    assert standing.side == "ledger"
    assert "dciflow restored ledger" in standing.line
    await backups.go_through("ledger")
    await is_held(harness, service_id, "restored")
    harness.clock.simulated.advance(timedelta(days=5).total_seconds())
    await one_line(harness.run(terminate, service_id))
    harness.started.clear()
    for choice in ("terminate", "retry"):  # what a retry starts is the deletion that stopped
        with pytest.raises(StepRefused, match="in use on server"):
            await decide(service_id, choice)
    assert harness.started == []
    assert sent(harness, "diagnostics") == []
    assert "ACTIVE" in await decide(service_id, "release")
    await is_annas(harness, service_id, server)


async def test_an_activation_that_was_delivered_since_installs_nothing_over_it(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await delivered_since(harness, backups)
    assert (await backups.restore("ledger")).side == "ledger"
    await backups.go_through("ledger")
    await is_held(harness, service_id, "restored")
    for choice in ("terminate", "another-server"):
        with pytest.raises(StepRefused, match="in use on server"):
            await decide(service_id, choice)
    assert "ACTIVE" in await decide(service_id, "release")
    await is_annas(harness, service_id, server)
    assert len(sent(harness, "os_install")) == 1


async def test_a_server_whose_owner_was_cleared_since_and_that_was_not_wiped_goes_to_nobody(
    harness: Harness, backups: BackUps
) -> None:
    _, server = await owner_cleared_since(harness, backups)
    assert (await backups.restore("ledger")).side == "ledger"
    await backups.go_through("ledger")
    aside = await server_notes.aside(harness.ledger, PANEL)
    assert server.id in aside
    bob = harness.whmcs.add_client("bob@example.com", "Bob", "Other")
    service_id = harness.buy("bob.example.com", bob.id)
    await harness.run(activate, service_id, order=harness.order(client_id=bob.id))
    assert (await harness.server(service_id)).id != server.id
    assert PHOTOGRAPHS in server.disk.content


async def test_a_server_that_the_same_client_bought_again_since_is_not_wiped_for_the_old_service(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server, second = await sold_again_since(harness, backups)
    assert (await backups.restore("ledger")).side == "ledger"
    done = await backups.go_through("ledger")
    await is_held(harness, service_id, "restored")
    assert second in [one.service_id for one in done.of("nothing")]
    for choice in ("terminate", "release", "retry"):
        with pytest.raises(StepRefused, match="it may be another service's by now"):
            await decide(service_id, choice)
    await decide(service_id, "forget-server")
    (found,) = await adopt_services(PANEL, [Adoptee(service_id=second, server_id=server.id)], apply=True)
    assert found.adopted, found.what
    await is_annas(harness, second, server)


async def test_a_decision_made_since_is_asked_for_again_and_not_made_by_its_old_form(
    harness: Harness, backups: BackUps
) -> None:
    service_id, server = await decided_since(harness, backups)
    assert (await backups.restore("ledger")).side == "ledger"
    before = await harness.service(service_id)
    done = await backups.go_through("ledger")
    held = await is_held(harness, service_id, "owner-changed")
    assert held.held_at != before.held_at  # its form of before decides nothing, and it gets a new one
    assert service_id in [one.service_id for one in done.of("nothing")]
    await decide(service_id, "release")
    await is_annas(harness, service_id, server)


async def test_while_it_is_gone_through_no_run_begins(harness: Harness, backups: BackUps) -> None:
    service_id, server = await delivered_since(harness, backups)
    await incarnation.begin_restoring(harness.ledger, "ledger", now=harness.clock.now())
    with pytest.raises(NothingRuns, match="dciflow restored ledger"):
        await harness.run(terminate, service_id)
    await is_annas(harness, service_id, server)


async def test_a_ledger_that_is_lost_altogether_touches_nothing_that_has_an_owner(
    harness: Harness, backups: BackUps
) -> None:
    _, server = await owner_cleared_since(harness, backups)
    service_id, hers = await delivered_since(harness, backups)
    before = len(harness.panel.writes())
    assert (await backups.lose_ledger()).side == "ledger"
    done = await backups.go_through("ledger")
    aside = await server_notes.aside(harness.ledger, PANEL)
    assert server.id in aside
    assert hers.id not in aside
    assert hers.id in [one.server_id for one in done.of("nothing")]
    assert len(harness.panel.writes()) == before
    (found,) = await adopt_services(PANEL, [Adoptee(service_id=service_id, server_id=hers.id)], apply=True)
    assert found.adopted, found.what
    await is_annas(harness, service_id, hers)
