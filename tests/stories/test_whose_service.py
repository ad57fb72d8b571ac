"""A service is its number, its client, its order and its date: whoever gets the number gets nothing else of it."""

from typing import Any

import pytest
from prefect import Flow

from flows.activate import activate
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import panel_users
from ledger.services import rename_installation
from ledger.states import State
from ledger.tables import ServiceRow
from simulator.panel.models import SimServer
from tests.harness import PANEL, Harness
from tests.stories.identities import (
    HERE,
    annas,
    bob,
    commanded,
    forget_whose,
    given_out_again,
    identity,
    order_of,
    owner,
    untouched,
)
from tests.stories.scenario import activated, is_held, one_line, sent, written

COMMANDS = [activate, suspend, unsuspend, terminate]


@pytest.mark.parametrize("flow", COMMANDS, ids=lambda flow: flow.name)
async def test_a_number_that_whmcs_gave_out_again_harms_nobody(harness: Harness, flow: "Flow[..., Any]") -> None:
    service_id, server, _ = await given_out_again(harness)
    before = len(harness.panel.writes())
    order = {"order": order_of(harness, service_id)} if flow is activate else {}
    line = await one_line(commanded(harness, flow, service_id, **order))
    assert "number was given out again" in line
    await is_held(harness, service_id, "client-changed")
    await untouched(harness, service_id, server, before)
    service = await harness.service(service_id)
    assert service.client_id == harness.client.id
    assert service.order is not None and service.order.client_id == harness.client.id


@pytest.mark.parametrize("flow", [suspend, terminate], ids=lambda flow: flow.name)
async def test_a_command_that_names_nobody_is_compared_with_whmcs_itself(
    harness: Harness, flow: "Flow[..., Any]"
) -> None:
    service_id, server, _ = await given_out_again(harness)
    before = len(harness.panel.writes())
    await one_line(harness.run(flow, service_id))
    await is_held(harness, service_id, "client-changed")
    await untouched(harness, service_id, server, before)


async def test_a_reconciliation_writes_nothing_of_the_old_service_into_the_new_ones_row(harness: Harness) -> None:
    service_id, server, _ = await given_out_again(harness)
    harness.clock.simulated.advance(60)
    before = len(harness.panel.writes())
    await reconcile.fn(panel=PANEL, repair="safe")
    await is_held(harness, service_id, "client-changed")
    await untouched(harness, service_id, server, before)
    assert harness.billed(service_id).status == "Pending"


async def test_a_number_that_the_same_client_got_again_is_not_the_old_service(harness: Harness) -> None:
    service_id, server = await annas(harness)
    harness.whmcs.give_out_again(service_id, harness.client.id, harness.product.id, "web2.example.com")
    before = len(harness.panel.writes())
    await one_line(commanded(harness, terminate, service_id))
    assert "order" in str((await is_held(harness, service_id, "client-changed")).held_evidence)
    await untouched(harness, service_id, server, before)


async def test_a_number_that_comes_again_after_its_server_was_given_back_is_a_new_service(harness: Harness) -> None:
    service_id, server = await annas(harness)
    await commanded(harness, terminate, service_id)
    assert server.disk.is_clear
    other = bob(harness)
    harness.whmcs.give_out_again(service_id, other.id, harness.product.id, "bob.example.com")
    line = await one_line(commanded(harness, activate, service_id))
    assert "start the run with an order" in line
    await commanded(harness, activate, service_id, order=order_of(harness, service_id))
    service = await harness.service(service_id)
    assert (service.state, service.client_id, service.generation) == (State.ACTIVE, other.id, 2)
    assert service.order_id == harness.billed(service_id).order_id
    assert owner(harness, await harness.server(service_id)) == other.email


async def test_an_old_run_that_is_retried_stops_nobody_elses_service(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    old = identity(harness, service_id)
    await commanded(harness, terminate, service_id)
    harness.whmcs.give_out_again(service_id, bob(harness).id, harness.product.id, "bob.example.com")
    await commanded(harness, activate, service_id, order=order_of(harness, service_id))
    for flow in (suspend, terminate):
        line = await one_line(harness.run(flow, service_id, identity=old))
        assert "it is an old one" in line
        assert (await harness.service(service_id)).state is State.ACTIVE


async def test_another_whmcs_behind_the_same_door_is_refused(harness: Harness) -> None:
    service_id, server = await annas(harness)
    before = len(harness.panel.writes())
    line = await one_line(harness.run(terminate, service_id, identity=identity(harness, service_id, "c0ffee")))
    assert "serves the WHMCS installation d41d8c" in line
    await untouched_and_active(harness, service_id, server, before)
    fresh = harness.buy("web2.example.com")
    order = order_of(harness, fresh)
    line = await one_line(harness.run(activate, fresh, order=order, identity=identity(harness, fresh, "c0ffee")))
    assert "dciflow whmcs renamed c0ffee" in line
    assert await rename_installation(harness.ledger, "c0ffee") == 1
    await harness.run(activate, fresh, order=order, identity=identity(harness, fresh, "c0ffee"))
    assert (await harness.service(fresh)).state is State.ACTIVE


async def untouched_and_active(harness: Harness, service_id: int, server: SimServer, since: int) -> None:
    assert written(harness, since) == []
    assert not server.disk.is_clear
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_suspension_waits_until_whmcs_can_say_whose_the_service_is(harness: Harness) -> None:
    service_id, server = await annas(harness)
    before = len(harness.panel.writes())
    harness.whmcs.unavailable(100)
    await one_line(commanded(harness, suspend, service_id))
    await untouched_and_active(harness, service_id, server, before)


async def test_a_client_who_paid_comes_back_while_whmcs_is_away(harness: Harness) -> None:
    service_id, server = await annas(harness)
    await commanded(harness, suspend, service_id)
    paid = identity(harness, service_id)
    harness.whmcs.unavailable(100)
    await harness.run(unsuspend, service_id, identity=paid)
    assert all(port.admin_up for port in server.ports)
    await one_line(harness.run(suspend, service_id, identity=paid))


async def test_an_unsuspension_that_names_nobody_waits_for_whmcs(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    await commanded(harness, suspend, service_id)
    harness.whmcs.unavailable(100)
    await one_line(harness.run(unsuspend, service_id))
    assert (await harness.service(service_id)).state is State.SUSPENDED


async def test_a_service_that_whmcs_does_not_show_is_not_wiped(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    known = identity(harness, service_id)
    del harness.whmcs.services[service_id]
    before = len(harness.panel.writes())
    line = await one_line(harness.run(terminate, service_id, identity=known))
    assert "does not say that its server is to be wiped" in line
    assert len(harness.panel.writes()) == before
    assert (await harness.service(service_id)).state is State.HELD


async def test_a_number_given_out_again_while_its_server_is_taken_back_is_seen_at_the_permit(harness: Harness) -> None:
    service_id, server = await annas(harness)
    other = bob(harness)
    harness.faults.admin_acts_before(
        "owner_clear",
        1,
        lambda: harness.whmcs.give_out_again(service_id, other.id, harness.product.id, "bob.example.com"),
    )
    await one_line(commanded(harness, terminate, service_id))
    await is_held(harness, service_id, "client-changed")
    assert not server.disk.is_clear


async def test_whoever_registers_an_e_mail_that_was_another_clients_gets_nothing_of_their_panel_user(
    harness: Harness,
) -> None:
    _, server = await activated(harness)
    annas_email = harness.client.email
    harness.client.email = "anna.new@example.com"
    other = harness.whmcs.add_client(annas_email, "Bob", "Liepa")
    service_id = harness.buy("bob.example.com", other.id)
    line = await one_line(harness.run(activate, service_id, order=harness.order(client_id=other.id)))
    assert f"was made for client {harness.client.id}" in line and "dciflow panel user main" in line
    owned = [one.id for one in harness.panel.servers.values() if owner(harness, one) == annas_email]
    assert owned == [server.id]
    user_id = (await panel_users.of_panel(harness.ledger, PANEL)).popitem()[0]
    await panel_users.give(harness.ledger, panel=PANEL, user_id=user_id, client_id=other.id, now=harness.clock.now())
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_client_whose_e_mail_changed_keeps_their_service(harness: Harness) -> None:
    service_id, server = await annas(harness)
    harness.client.email = "anna.new@example.com"
    await commanded(harness, suspend, service_id)
    await commanded(harness, unsuspend, service_id)
    await commanded(harness, terminate, service_id)
    assert server.disk.is_clear
    assert len(sent(harness, "user_create")) == 1


async def compared(harness: Harness) -> None:
    harness.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair="report")


async def test_what_an_old_ledger_did_not_record_is_recorded_at_a_quiet_look(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    await forget_whose(harness, service_id)
    await compared(harness)
    service, row = await harness.service(service_id), harness.billed(service_id)
    assert (service.order_id, service.registered) == (row.order_id, row.registered)


async def test_it_is_not_recorded_where_the_panels_owner_has_another_e_mail_than_the_client(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    await forget_whose(harness, service_id)
    harness.client.email = "anna.new@example.com"
    await compared(harness)
    assert (await harness.service(service_id)).order_id is None


async def test_it_is_not_recorded_of_a_number_that_was_registered_after_the_ledger_knew_it(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    await forget_whose(harness, service_id)
    harness.clock.simulated.advance(90 * 86400)
    harness.whmcs.give_out_again(service_id, harness.client.id, harness.product.id, "web2.example.com")
    await compared(harness)
    assert (await harness.service(service_id)).order_id is None


async def test_addresses_that_are_all_another_servers_are_reported_and_not_written_over(harness: Harness) -> None:
    service_id, _ = await annas(harness)
    row = harness.billed(service_id)
    row.dedicated_ip, row.assigned_ips = "203.0.113.77", "203.0.113.77"
    harness.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair="safe")
    assert harness.billed(service_id).dedicated_ip == "203.0.113.77"


async def test_an_older_service_is_known_to_be_of_the_whmcs_that_names_its_order(harness: Harness) -> None:
    service_id, server = await annas(harness)
    async with harness.ledger.transaction() as session:
        row = await session.get(ServiceRow, service_id)
        assert row is not None
        row.installation = None
    await commanded(harness, suspend, service_id)
    assert (await harness.service(service_id)).installation == HERE
    before = len(harness.panel.writes())
    await one_line(harness.run(terminate, service_id, identity=identity(harness, service_id, "c0ffee")))
    assert written(harness, before) == []
    assert not server.disk.is_clear


async def test_a_client_who_paid_comes_back_while_whmcs_refuses_our_credential(harness: Harness) -> None:
    service_id, server = await annas(harness)
    await commanded(harness, suspend, service_id)
    harness.whmcs.reject_ip()
    await commanded(harness, unsuspend, service_id)
    assert all(port.admin_up for port in server.ports)


async def test_an_order_for_another_client_than_whmcs_has_gets_nothing(harness: Harness) -> None:
    service_id = harness.buy()
    other = bob(harness)
    line = await one_line(harness.run(activate, service_id, order=harness.order(client_id=other.id)))
    assert "another client" in line
    assert harness.panel.writes() == []
    await harness.run(activate, service_id, order=harness.order())
    assert owner(harness, await harness.server(service_id)) == harness.client.email


async def test_a_wipe_that_has_begun_is_proved_whoever_has_the_number_by_then(harness: Harness) -> None:
    service_id, server = await annas(harness)
    other = bob(harness)
    sleep = harness.clock.sleep

    async def given_out_during_the_wipe(seconds: float) -> None:
        if sent(harness, "diagnostics") and harness.billed(service_id).client_id != other.id:
            harness.whmcs.give_out_again(service_id, other.id, harness.product.id, "bob.example.com")
        await sleep(seconds)

    harness.clock.sleep = given_out_during_the_wipe  # type: ignore[method-assign]
    await commanded(harness, terminate, service_id)
    assert harness.billed(service_id).client_id == other.id
    assert server.disk.is_clear
    assert (await harness.service(service_id)).state is State.RELEASED
