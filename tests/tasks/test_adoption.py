from collections.abc import Sequence
from datetime import timedelta

import pytest

from flows.adopt import adopt
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import claims, decisions, panel_users, services
from ledger.states import State
from tasks.adoption import Adoptee, AdoptionFinding, adopt_services
from tests.harness import PANEL, Harness
from tests.stories.scenario import one_line

OLD = 5
"""A server that was sold before dciflow came."""


@pytest.fixture
def sold(harness: Harness) -> int:
    """A service of ISPsystem's module, whose client owns server OLD."""
    service_id = harness.buy()
    harness.billed(service_id).status = "Active"
    harness.panel.admin.set_owner(OLD, harness.client.email)
    harness.panel.server(OLD).domain = "Web1.example.com."
    harness.panel.write_tenant_data(OLD, "the client's photographs")
    return service_id


async def look(*adoptees: Adoptee, apply: bool = True) -> Sequence[AdoptionFinding]:
    """Adopt, or only look."""
    return await adopt_services(PANEL, list(adoptees), apply=apply)


async def refused(harness: Harness, adoptee: Adoptee) -> str:
    """What speaks against the adoption; nothing was written."""
    (finding,) = await look(adoptee)
    assert not finding.fits and not finding.adopted
    assert await claims.claimed(harness.ledger, PANEL) == {}
    return finding.what


async def test_a_preview_writes_nothing(harness: Harness, sold: int) -> None:
    (finding,) = await look(Adoptee(service_id=sold, server_id=OLD), apply=False)
    assert finding.fits and not finding.adopted
    assert await services.get(harness.ledger, sold) is None


async def test_an_adopted_service_lives_on_as_if_it_had_been_activated(harness: Harness, sold: int) -> None:
    await look(Adoptee(service_id=sold, server_id=OLD, client_id=harness.client.id, suspended=False))
    service = await harness.service(sold)
    assert service.state is State.ACTIVE
    assert service.claim is not None and service.claim.hardware.serial == harness.panel.server(OLD).serial
    assert harness.panel.writes() == []
    await harness.run(suspend, sold)
    await harness.run(terminate, sold)
    assert (await harness.service(sold)).state is State.RELEASED
    assert harness.panel.server(OLD).disk.is_clear


async def test_the_server_of_an_adopted_service_is_off_the_network_for_a_day_before_it_is_wiped(
    harness: Harness, sold: int
) -> None:
    await look(Adoptee(service_id=sold, server_id=OLD))
    began = harness.clock.now()
    await harness.run(terminate, sold)
    assert harness.clock.elapsed(began) >= timedelta(hours=24)
    assert (await harness.service(sold)).state is State.RELEASED


async def test_a_suspended_service_is_adopted_as_suspended(harness: Harness, sold: int) -> None:
    harness.billed(sold).status = "Suspended"
    await look(Adoptee(service_id=sold, server_id=OLD))
    assert (await harness.service(sold)).state is State.SUSPENDED


async def test_who_linked_a_server_is_kept_with_the_service_once_and_a_preview_keeps_nothing(
    harness: Harness, sold: int
) -> None:
    adoptee = {"service_id": sold, "server_id": OLD, "client_id": harness.client.id, "suspended": False}
    for apply in (False, True, True):
        await adopt.fn(PANEL, [Adoptee(**adoptee)], apply=apply, who=" an\nna ")
    [kept] = await decisions.of_service(harness.ledger, sold)
    assert (kept.choice, kept.who, kept.why) == ("adopt", "an na", f"server {OLD} was its client's already")
    assert (kept.state, kept.epoch) == (State.ACTIVE, (await harness.service(sold)).epoch)


async def test_an_adoption_asked_for_twice_is_one(harness: Harness, sold: int) -> None:
    for _ in range(2):
        (finding,) = await look(Adoptee(service_id=sold, server_id=OLD))
        assert finding.fits
    assert (await harness.service(sold)).generation == 1


async def test_a_server_of_somebody_else_is_not_adopted(harness: Harness, sold: int) -> None:
    harness.panel.admin.set_owner(OLD, "other@example.com")
    assert "somebody else" in await refused(harness, Adoptee(service_id=sold, server_id=OLD))


async def test_a_server_of_nobody_is_not_adopted(harness: Harness, sold: int) -> None:
    assert "nobody" in await refused(harness, Adoptee(service_id=sold, server_id=OLD + 1))


async def test_a_server_that_is_not_there_is_not_adopted(harness: Harness, sold: int) -> None:
    assert "has no server 999" in await refused(harness, Adoptee(service_id=sold, server_id=999))


async def test_a_server_that_could_not_be_told_from_another_is_not_adopted(harness: Harness, sold: int) -> None:
    server = harness.panel.server(OLD)
    server.serial = server.barcode = None
    server.macs = []
    for port in server.ports:
        port.mac = ""
    assert "neither serial number" in await refused(harness, Adoptee(service_id=sold, server_id=OLD))


@pytest.mark.parametrize("status", ["Pending", "Cancelled", "Terminated", "Fraud"])
async def test_a_service_without_a_server_in_whmcs_is_not_adopted(harness: Harness, sold: int, status: str) -> None:
    harness.billed(sold).status = status
    assert status in await refused(harness, Adoptee(service_id=sold, server_id=OLD))


async def test_a_service_that_whmcs_does_not_know_is_not_adopted(harness: Harness) -> None:
    assert "shows no service 999" in await refused(harness, Adoptee(service_id=999, server_id=OLD))


async def test_what_has_changed_since_the_preview_is_not_adopted(harness: Harness, sold: int) -> None:
    assert "client" in await refused(harness, Adoptee(service_id=sold, server_id=OLD, client_id=99))
    assert "by now" in await refused(harness, Adoptee(service_id=sold, server_id=OLD, suspended=True))


async def test_a_server_named_for_two_services_is_adopted_by_neither(harness: Harness, sold: int) -> None:
    other = harness.buy()
    harness.billed(other).status = "Active"
    found = await look(Adoptee(service_id=sold, server_id=OLD), Adoptee(service_id=other, server_id=OLD))
    assert not any(finding.fits for finding in found)
    assert await claims.claimed(harness.ledger, PANEL) == {}


async def test_a_server_that_another_service_has_stays_with_it(harness: Harness, sold: int) -> None:
    await look(Adoptee(service_id=sold, server_id=OLD))
    other = harness.buy()
    harness.billed(other).status = "Active"
    (finding,) = await look(Adoptee(service_id=other, server_id=OLD))
    assert not finding.fits and "another service" in finding.what
    assert await claims.claimed(harness.ledger, PANEL) == {OLD: sold}
    assert "does not know service" in await one_line(harness.run(suspend, other))


async def test_a_stale_id_that_names_another_server_of_the_client_adopts_nothing(harness: Harness, sold: int) -> None:
    other = OLD + 1
    harness.panel.admin.set_owner(other, harness.client.email)
    harness.billed(sold).dedicated_ip = add_address(harness, OLD)
    harness.panel.server(other).domain = "somewhere.example.com"
    what = await refused(harness, Adoptee(service_id=sold, server_id=other))
    assert "Nothing but its owner says" in what
    (finding,) = await look(Adoptee(service_id=sold, server_id=OLD), apply=False)
    assert finding.fits
    assert (
        harness.billed(sold).dedicated_ip in finding.in_whmcs and harness.billed(sold).dedicated_ip in finding.on_panel
    )


def add_address(harness: Harness, server_id: int) -> str:
    """An address of the server, on the panel."""
    server = harness.panel.server(server_id)
    addresses = harness.panel.addresses
    [address] = addresses.add(server, addresses.usual_pool(server), 1)
    return address.address


async def test_an_administrators_server_is_not_adopted(harness: Harness, sold: int) -> None:
    admin = harness.panel.world.profile.admin_email
    harness.client.email = admin
    harness.panel.admin.set_owner(OLD, admin)
    assert "administrator's" in await refused(harness, Adoptee(service_id=sold, server_id=OLD))


async def test_a_server_of_another_clients_panel_user_is_not_adopted(harness: Harness, sold: int) -> None:
    owner_id = harness.panel.server(OLD).owner_id
    assert owner_id is not None
    await panel_users.give(harness.ledger, panel=PANEL, user_id=owner_id, client_id=99, now=harness.clock.now())
    assert "made for client 99" in await refused(harness, Adoptee(service_id=sold, server_id=OLD))


async def test_an_adopted_service_is_known_by_client_order_and_date(harness: Harness, sold: int) -> None:
    await look(Adoptee(service_id=sold, server_id=OLD))
    service, row = await harness.service(sold), harness.billed(sold)
    assert (service.client_id, service.order_id, service.registered) == (row.client_id, row.order_id, row.registered)
    other = harness.whmcs.add_client("bob@example.com", "Bob", "Liepa")
    harness.whmcs.give_out_again(sold, other.id, harness.product.id, "bob.example.com")
    assert "given out again" in await one_line(harness.run(terminate, sold))
    assert not harness.panel.server(OLD).disk.is_clear
    assert await panel_users.of_panel(harness.ledger, PANEL) == {harness.panel.server(OLD).owner_id: harness.client.id}
