"""Whose a service is, as WHMCS's module says it, and numbers that a restored WHMCS gives to somebody else."""

from typing import Any

from prefect import Flow

from flows.activate import activate
from ledger.orders import Order
from ledger.service_identity import ServiceIdentity
from ledger.tables import ServiceRow
from simulator.panel.models import SimServer
from simulator.whmcs.records import ClientRecord
from tests.harness import Harness
from tests.stories.scenario import promised, written

HERE = "d41d8c"
"""What the module calls this WHMCS."""


def identity(harness: Harness, service_id: int, installation: str = HERE) -> ServiceIdentity:
    """What WHMCS's module sends with every command of the service."""
    row = harness.billed(service_id)
    return ServiceIdentity(
        installation=installation, client_id=row.client_id, order_id=row.order_id, registered=row.registered
    )


async def commanded(harness: Harness, flow: "Flow[..., Any]", service_id: int, **more: Any) -> None:
    """A command as WHMCS's module sends it."""
    await harness.run(flow, service_id, **{"identity": identity(harness, service_id), **more})


def order_of(harness: Harness, service_id: int) -> Order:
    return harness.order(client_id=harness.billed(service_id).client_id)


async def annas(harness: Harness) -> tuple[int, SimServer]:
    """Anna's service with her photographs on its server, ordered through the module."""
    service_id = harness.buy()
    await commanded(harness, activate, service_id, order=order_of(harness, service_id))
    server = await harness.server(service_id)
    harness.panel.write_tenant_data(server.id, "anna's photographs")
    return service_id, server


def owner(harness: Harness, server: SimServer) -> str | None:
    return harness.panel.world.owner_email(server)


def bob(harness: Harness) -> ClientRecord:
    return harness.whmcs.add_client("bob@example.com", "Bob", "Liepa")


async def given_out_again(harness: Harness) -> tuple[int, SimServer, ClientRecord]:
    """WHMCS was restored from a dump: Anna's number is Bob's now, and Anna's server is as it was."""
    service_id, server = await annas(harness)
    other = bob(harness)
    harness.clock.simulated.advance(3600)
    harness.whmcs.give_out_again(service_id, other.id, harness.product.id, "bob.example.com")
    return service_id, server, other


async def untouched(harness: Harness, service_id: int, server: SimServer, since: int) -> None:
    """Anna's server is hers and as it was; nothing of it stands in Bob's row."""
    assert written(harness, since) == []
    assert not server.disk.is_clear
    assert owner(harness, server) == harness.client.email
    assert all(port.admin_up for port in server.ports)
    assert harness.billed(service_id).dedicated_ip == ""
    assert harness.billed(service_id).username != "root"
    assert await promised(harness) == {server.id: service_id}


async def forget_whose(harness: Harness, service_id: int) -> None:
    """The ledger as one that knew the service before its order and date were recorded."""
    async with harness.ledger.transaction() as session:
        row = await session.get(ServiceRow, service_id)
        assert row is not None
        row.installation = row.order_id = row.registered = None
