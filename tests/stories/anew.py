"""What the stories of reinstallations have in common: a server in use, what is asked, and that nothing was touched."""

from dataclasses import replace
from typing import Any

from sqlmodel import select

from flows.reinstall import reinstall
from ledger import reinstalls
from ledger.columns import LedgerRow
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import ReinstallPermit
from ledger.states import State
from tests.harness import Harness
from tests.stories.scenario import activated, written

UBUNTU = "Ubuntu-24.04-x86_64"
PHOTOGRAPHS = "the client's photographs"
HOST = "web1.example.com"


def by_client(harness: Harness, service_id: int, **more: Any) -> dict[str, Any]:
    """What WHMCS sends when the client has typed the host name and pressed."""
    known = harness.billed(service_id)
    identity = ServiceIdentity(installation="whmcs", client_id=known.client_id)
    return {
        "requested_by": "client",
        "identity": identity,
        "asked_at": harness.clock.now(),
        "os_template": UBUNTU,
        "hostname_typed": HOST,
        **more,
    }


async def ask(harness: Harness, service_id: int, **more: Any) -> None:
    await harness.run(reinstall, service_id, **by_client(harness, service_id, **more))


async def in_use(harness: Harness) -> tuple[int, int]:
    """A service whose client has written data to its server."""
    service_id, server = await activated(harness, hostname=HOST)
    harness.panel.write_tenant_data(server.id, PHOTOGRAPHS)
    return service_id, server.id


def change_templates(harness: Harness, name: str, **change: Any) -> None:
    """The panel's templates of that name, changed."""
    templates = harness.panel.world.templates
    templates.update({one.id: replace(one, **change) for one in templates.values() if one.name == name})


def disk(harness: Harness, server_id: int) -> str:
    harness.panel.settle()
    return harness.panel.server(server_id).disk.content


async def permit_of(harness: Harness, service_id: int) -> ReinstallPermit | None:
    service = await harness.service(service_id)
    return await reinstalls.current(harness.ledger, service_id, service.generation)


async def is_untouched(harness: Harness, service_id: int, server_id: int, writes: int) -> None:
    """The client's data is there, the panel was asked for no change, and the service is ACTIVE with what it had."""
    assert PHOTOGRAPHS in disk(harness, server_id)
    assert written(harness, since=writes) == []
    service = await harness.service(service_id)
    assert service.state is State.ACTIVE
    assert service.order is not None
    assert service.order.os_template == "Debian-12-x86_64"


async def harness_dump(harness: Harness) -> str:
    """Every row of the ledger, as text."""
    async with harness.ledger.reading() as session:
        rows = [
            str(list(await session.exec(select(table))))  # type: ignore[call-overload]
            for table in LedgerRow.metadata.sorted_tables
        ]
    return "\n".join(rows)
