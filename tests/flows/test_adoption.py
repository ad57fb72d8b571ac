from collections.abc import Sequence

import pytest

from flows.suspend import suspend
from flows.terminate import terminate
from ledger import claims, services
from ledger.lifecycle import State
from tasks.adoption import Adoptee, Finding, adopt_services
from tests.flows.play import one_line
from tests.stage import PANEL, Stage

OLD = 5
"""A server that was sold before dciflow came."""


@pytest.fixture
def sold(stage: Stage) -> int:
    """A service of ISPsystem's module, whose client owns server OLD."""
    service_id = stage.buy()
    stage.billed(service_id).status = "Active"
    stage.panel.by_hand.set_owner(OLD, stage.client.email)
    stage.panel.write_tenant_data(OLD, "the client's photographs")
    return service_id


async def look(*adoptees: Adoptee, apply: bool = True) -> Sequence[Finding]:
    """Adopt, or only look."""
    return await adopt_services(PANEL, list(adoptees), apply=apply)


async def refused(stage: Stage, adoptee: Adoptee) -> str:
    """What speaks against the adoption; nothing was written."""
    (finding,) = await look(adoptee)
    assert not finding.fits and not finding.adopted
    assert await claims.claimed(stage.ledger, PANEL) == {}
    return finding.what


async def test_a_preview_writes_nothing(stage: Stage, sold: int) -> None:
    (finding,) = await look(Adoptee(service_id=sold, server_id=OLD), apply=False)
    assert finding.fits and not finding.adopted
    assert await services.get(stage.ledger, sold) is None


async def test_an_adopted_service_lives_on_as_if_it_had_been_activated(stage: Stage, sold: int) -> None:
    await look(Adoptee(service_id=sold, server_id=OLD, client_id=stage.client.id, suspended=False))
    service = await stage.service(sold)
    assert service.state is State.ACTIVE
    assert service.claim is not None and service.claim.serial == stage.panel.server(OLD).serial
    assert stage.panel.writes() == []
    await stage.run(suspend, sold)
    await stage.run(terminate, sold)
    assert (await stage.service(sold)).state is State.RELEASED
    assert stage.panel.server(OLD).disk.is_clear


async def test_a_suspended_service_is_adopted_as_suspended(stage: Stage, sold: int) -> None:
    stage.billed(sold).status = "Suspended"
    await look(Adoptee(service_id=sold, server_id=OLD))
    assert (await stage.service(sold)).state is State.SUSPENDED


async def test_an_adoption_asked_for_twice_is_one(stage: Stage, sold: int) -> None:
    for _ in range(2):
        (finding,) = await look(Adoptee(service_id=sold, server_id=OLD))
        assert finding.fits
    assert (await stage.service(sold)).generation == 1


async def test_a_server_of_somebody_else_is_not_adopted(stage: Stage, sold: int) -> None:
    stage.panel.by_hand.set_owner(OLD, "other@example.com")
    assert "somebody else" in await refused(stage, Adoptee(service_id=sold, server_id=OLD))


async def test_a_server_of_nobody_is_not_adopted(stage: Stage, sold: int) -> None:
    assert "nobody" in await refused(stage, Adoptee(service_id=sold, server_id=OLD + 1))


async def test_a_server_that_is_not_there_is_not_adopted(stage: Stage, sold: int) -> None:
    assert "has no server 999" in await refused(stage, Adoptee(service_id=sold, server_id=999))


async def test_a_server_that_could_not_be_told_from_another_is_not_adopted(stage: Stage, sold: int) -> None:
    server = stage.panel.server(OLD)
    server.serial = server.barcode = None
    server.macs = []
    for port in server.ports:
        port.mac = ""
    assert "neither serial number" in await refused(stage, Adoptee(service_id=sold, server_id=OLD))


@pytest.mark.parametrize("status", ["Pending", "Cancelled", "Terminated", "Fraud"])
async def test_a_service_without_a_server_in_whmcs_is_not_adopted(stage: Stage, sold: int, status: str) -> None:
    stage.billed(sold).status = status
    assert status in await refused(stage, Adoptee(service_id=sold, server_id=OLD))


async def test_a_service_that_whmcs_does_not_know_is_not_adopted(stage: Stage) -> None:
    assert "shows no service 999" in await refused(stage, Adoptee(service_id=999, server_id=OLD))


async def test_what_has_changed_since_the_preview_is_not_adopted(stage: Stage, sold: int) -> None:
    assert "client" in await refused(stage, Adoptee(service_id=sold, server_id=OLD, client_id=99))
    assert "by now" in await refused(stage, Adoptee(service_id=sold, server_id=OLD, suspended=True))


async def test_a_server_named_for_two_services_is_adopted_by_neither(stage: Stage, sold: int) -> None:
    other = stage.buy()
    stage.billed(other).status = "Active"
    found = await look(Adoptee(service_id=sold, server_id=OLD), Adoptee(service_id=other, server_id=OLD))
    assert not any(finding.fits for finding in found)
    assert await claims.claimed(stage.ledger, PANEL) == {}


async def test_a_server_that_another_service_has_stays_with_it(stage: Stage, sold: int) -> None:
    await look(Adoptee(service_id=sold, server_id=OLD))
    other = stage.buy()
    stage.billed(other).status = "Active"
    (finding,) = await look(Adoptee(service_id=other, server_id=OLD))
    assert not finding.fits and "another service" in finding.what
    assert await claims.claimed(stage.ledger, PANEL) == {OLD: sold}
    assert "does not know service" in await one_line(stage.run(suspend, other))
