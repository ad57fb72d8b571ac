"""Situations in which something is another's than it seems, and sentences for whatever harm comes of them.

Each plays on a whole data centre. The product as it is does no harm in any of them.
"""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy import delete

from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import claims
from ledger.service_identity import ServiceIdentity
from ledger.tables import PanelRow
from ledger.wishes import ServiceWish
from runtime import connections
from runtime.clock import seconds, sleep
from runtime.run_log import EXPECTED
from simulator.panel.models import SimServer
from simulator.panel.profile import XEON
from simulator.whmcs.records import ClientRecord
from tasks.held.decisions import DecisionRequest, carry_out
from tests.harness import PANEL, Harness, empty, trust_panel

ALIAS = "main-2"
"""The same panel's second name."""


@dataclass(frozen=True)
class Kept:
    """A client's server that must stay as it is."""

    harness: Harness
    service_id: int
    client: ClientRecord
    server: SimServer
    text: str

    def harm(self) -> Iterator[str]:
        """What happened to it, in sentences."""
        whose = f"server {self.server.id} of {self.client.firstname}"
        if self.text not in self.server.disk.content:
            yield f"{whose} lost its data"
        if self.harness.panel.owner_of(self.server.id) != self.client.email:
            yield f"{whose} is owned by {self.harness.panel.owner_of(self.server.id)}"
        if not all(port.admin_up for port in self.server.network_ports):
            yield f"{whose} was cut off"
        addresses = {address.address for address in self.server.addresses}
        for row in self.harness.whmcs.services.values():
            if row.client_id != self.client.id and addresses & set(row.assigned_ips.split()):
                yield f"{whose} is shown to another client"


def bob(harness: Harness) -> ClientRecord:
    """Another client."""
    return harness.whmcs.add_client("bob@example.com", "Bob", "Liepa")


def identity(harness: Harness, service_id: int) -> ServiceIdentity:
    """What WHMCS's module sends of the service with each command."""
    row = harness.billed(service_id)
    return ServiceIdentity(client_id=row.client_id, order_id=row.order_id, registered=row.registered)


async def delivered(harness: Harness, client: ClientRecord | None = None, text: str = "photographs") -> Kept:
    """A client's service with data on its server."""
    client = client or harness.client
    service_id = harness.buy(client_id=client.id)
    await harness.run(activate, service_id, order=harness.order(client_id=client.id))
    return await in_use(harness, service_id, client, text)


async def in_use(harness: Harness, service_id: int, client: ClientRecord, text: str) -> Kept:
    """The service's client writes data to its server."""
    server = await harness.server(service_id)
    harness.panel.write_tenant_data(server.id, text)
    return Kept(harness, service_id, client, server, text)


async def may_end(run: Awaitable[object]) -> bool:
    """Whether the run ends well; a refusal is as good an end here as any."""
    try:
        await run
    except EXPECTED:
        return False
    return True


async def a_number_comes_again(harness: Harness) -> list[str]:
    """WHMCS gives Anna's number to Bob, whose orders and commands name nobody, as from Prefect's own pages."""
    annas = await delivered(harness)
    harness.whmcs.give_out_again(annas.service_id, bob(harness).id, harness.product.id, "bob.example.com")
    for flow in (suspend, terminate):
        await may_end(harness.run(flow, annas.service_id))
    return [*annas.harm()]


async def an_old_command_comes_late(harness: Harness) -> list[str]:
    """Anna's service is over, Bob has its number; a deletion that names Anna is retried."""
    annas = await delivered(harness)
    old = identity(harness, annas.service_id)
    await harness.run(terminate, annas.service_id, identity=old)
    other = bob(harness)
    harness.whmcs.give_out_again(annas.service_id, other.id, harness.product.id, "bob.example.com")
    order = harness.order(client_id=other.id)
    await harness.run(activate, annas.service_id, order=order, identity=identity(harness, annas.service_id))
    bobs = await in_use(harness, annas.service_id, other, "poems")
    await may_end(harness.run(terminate, bobs.service_id, identity=old))
    return [*bobs.harm()]


async def an_email_becomes_another_clients(harness: Harness) -> list[str]:
    """Anna changes her e-mail; Bob registers the old one and orders."""
    annas = await delivered(harness)
    email, harness.client.email = harness.client.email, "anna.new@example.com"
    other = harness.whmcs.add_client(email, "Bob", "Liepa")
    service_id = harness.buy(client_id=other.id)
    await may_end(harness.run(activate, service_id, order=harness.order(client_id=other.id)))
    servers = [server.id for server in harness.panel.servers.values() if harness.panel.owner_of(server.id) == email]
    return [f"servers {servers} of two clients are one panel user's"] if servers != [annas.server.id] else []


async def a_panel_has_two_names(harness: Harness) -> list[str]:
    """Somebody enters the panel once more, and an order comes in for the second name."""
    await delivered(harness)
    await _entered_again(harness, "https://panel.example/")
    service_id = harness.buy()
    sold = await may_end(activate.fn(service_id=service_id, panel=ALIAS, order=harness.order()))
    return ["one panel sells under two names"] if sold else []


async def a_machine_is_promised_under_another_name(harness: Harness) -> list[str]:
    """The panel has another address and nobody knows it again; its one free server is in the middle of an order."""
    only_server(harness, 1)
    first, second = harness.buy(), harness.buy()
    harness.faults.server_error(500, "user_create")  # after the claim, and before the panel shows an owner
    await may_end(harness.run(activate, first, order=harness.order()))
    async with harness.ledger.transaction() as session:
        await (await session.connection()).execute(delete(PanelRow))
    await _entered_again(harness, "https://10.0.0.7")
    await may_end(activate.fn(service_id=second, panel=ALIAS, order=harness.order()))
    promised, again = [await claims.claimed(harness.ledger, name) for name in (PANEL, ALIAS)]
    return [f"server {server} is promised to two services" for server in promised.keys() & again.keys()]


async def a_machine_of_placeholders_is_swapped(harness: Harness) -> list[str]:
    """A server with a maker's phrase for a serial number is replaced by one with the same phrase."""
    server = only_server(harness, 1)
    _nameless(server)
    service_id = harness.buy()
    if not await may_end(harness.run(activate, service_id, order=harness.order())):
        return []
    harness.panel.admin.swap_hardware(server.id)
    _nameless(server)
    harness.panel.write_tenant_data(server.id, "of another machine")
    await may_end(harness.run(terminate, service_id))
    return [] if "of another machine" in server.disk.content else ["a machine that nothing identifies was wiped"]


def _nameless(server: SimServer) -> None:
    server.serial, server.barcode = "To be filled by O.E.M.", "Default string"
    server.macs = []


async def a_card_is_changed_before_the_deletion(harness: Harness) -> list[str]:
    """The serial number is as it was, an address is not: the board may stand in another case by now."""
    server = only_server(harness, 1)
    server.macs = [f"00:16:3e:00:00:0{number}" for number in (1, 2, 3)]
    annas = await delivered(harness)
    server.macs[0] = "00:16:3e:00:00:99"
    await may_end(harness.run(terminate, annas.service_id))
    return [*annas.harm()]


async def a_server_was_given_up_by_hand(harness: Harness) -> list[str]:
    """Somebody took a server off its user on the panel, and its disks hold what they held."""
    server = only_server(harness, 1)
    harness.panel.admin.set_owner(server.id, "stranger@example.com")
    harness.panel.admin.start_operation(server.id, "os_install")
    harness.clock.simulated.advance(3600)
    harness.panel.settle()
    harness.panel.write_tenant_data(server.id, "the stranger's data")
    harness.panel.incidents.clear()
    harness.panel.admin.set_owner(server.id, None)
    await may_end(harness.run(activate, harness.buy(), order=harness.order()))
    return [f"{incident.kind} on server {incident.server_id}" for incident in harness.panel.incidents]


async def two_servers_list_one_port(harness: Harness) -> list[str]:
    """The panel lists a port of Bob's server at Anna's, too; Anna is suspended."""
    annas = await delivered(harness)
    bobs = await delivered(harness, bob(harness), "poems")
    theirs = bobs.server.network_ports[0]
    annas.server.network_ports[0].id, annas.server.network_ports[0].switch = theirs.id, theirs.switch
    harness.panel.world.ports[theirs.id] = (bobs.server, theirs)
    harness.clock.simulated.advance(3600)
    await may_end(harness.run(suspend, annas.service_id))
    return [*bobs.harm()]


def asks(harness: Harness, service_id: int) -> dict[str, object]:
    """What WHMCS's module says of a suspension or deletion of this moment."""
    row = harness.billed(service_id)
    return {"asked_at": harness.clock.now(), "wish": ServiceWish(status=row.status, next_due=row.next_due)}


def pays(harness: Harness, service_id: int) -> None:
    """The client pays, and WHMCS shows the service Active."""
    row = harness.billed(service_id)
    row.status, row.next_due = "Active", "2027-12-31"


async def overdue(harness: Harness) -> Kept:
    """Anna's service, which she has not paid."""
    annas = await delivered(harness)
    row = harness.billed(annas.service_id)
    row.status, row.next_due = "Suspended", "2026-12-01"
    return annas


async def a_client_pays_while_a_server_is_taken_back(harness: Harness) -> list[str]:
    """A deletion is under way, its wipe is not permitted yet, and the client pays."""
    annas = await overdue(harness)
    harness.faults.admin_acts_before("owner_clear", 1, lambda: pays(harness, annas.service_id))
    await may_end(harness.run(terminate, annas.service_id, **asks(harness, annas.service_id)))
    return [line for line in annas.harm() if "data" in line]


async def an_old_deletion_is_retried(harness: Harness) -> list[str]:
    """A deletion stood in a queue for a month; the client has paid, and somebody presses Retry."""
    annas = await overdue(harness)
    asked = asks(harness, annas.service_id)
    harness.clock.simulated.advance(30 * 24 * 3600)
    pays(harness, annas.service_id)
    await may_end(harness.run(terminate, annas.service_id, **asked))
    return [*annas.harm()]


async def a_suspension_comes_late(harness: Harness) -> list[str]:
    """A suspension waited for its worker while the client paid."""
    annas = await delivered(harness)
    harness.billed(annas.service_id).next_due = "2026-12-01"
    asked = asks(harness, annas.service_id)
    harness.clock.simulated.advance(3600)
    pays(harness, annas.service_id)
    await may_end(harness.run(suspend, annas.service_id, requested_by="cron", **asked))
    return [*annas.harm()]


async def a_row_cannot_be_read(harness: Harness) -> list[str]:
    """The only server left is in maintenance, and its row says so in a word that nobody knows."""
    server = only_server(harness, 1)
    server.in_maintenance = True
    harness.panel.world.odd_rows[server.id] = lambda row: row.update(in_maintenance="since Monday")
    await may_end(harness.run(activate, harness.buy(), order=harness.order()))
    return ["a server in maintenance was sold"] if server.owner_id is not None else []


async def a_ledger_begins_anew(harness: Harness) -> list[str]:
    """The ledger is lost and counts from the beginning, and Prefect still knows its runs by their keys."""
    keys = []
    for _ in range(2):
        anew = Harness(await empty(harness.ledger))
        anew.connect()
        annas = await delivered(anew)
        anew.panel.admin.set_owner(annas.server.id, "stranger@example.com")
        await may_end(anew.run(suspend, annas.service_id))
        anew.panel.admin.set_owner(annas.server.id, annas.client.email)
        await carry_out(annas.service_id, DecisionRequest(choice="retry", who="shift", why="it is theirs again"))
        keys += [key for _, _, key in anew.started]
    return [] if len(set(keys)) == len(keys) == 2 else [f"Prefect takes the new decision for the old one: {keys}"]


def only_server(harness: Harness, server_id: int) -> SimServer:
    """Leave one server for allocation."""
    for server in harness.panel.servers.values():
        if server.configuration == XEON and server.id != server_id:
            harness.panel.admin.protect(server.id)
    return harness.panel.server(server_id)


async def _entered_again(harness: Harness, url: str) -> None:
    """The panel under one more name, as a new server record in WHMCS makes it."""
    profile = harness.panel.world.profile
    access = PanelAccess(name=ALIAS, url=url, username=profile.admin_email, password=SecretStr(profile.admin_password))
    http = harness.simulation.transport()
    connections.connections().panels[ALIAS] = Panel(access, harness.dialect, http=http, sleep=sleep, now=seconds)
    await trust_panel(harness.ledger, name=ALIAS)
