"""What has to be true whenever no run is under way."""

from collections import Counter
from collections.abc import Iterator

from ledger.snapshots import Service
from ledger.states import State
from simulator.panel.models import SimServer
from tests.machine.expected_state import Data
from tests.machine.harness import MachineHarness

CAUSES = {
    "owner-changed": "owners_changed",
    "hardware-changed": "swapped",
    "server-vanished": "removed",
}
IN_WHMCS = {"client-changed": "given_away", "wanted-again": "told"}
"""The same of reasons that lie in WHMCS; the sets have services."""
"""Reasons for HELD, and the set of the expected state that has the servers for which there is such a reason."""

EXCUSED = frozenset({"wiped_with_owner", "installed_without_owner", "installed_over_owner_change"})
"""Incidents that manual actions alone can cause on a server."""


def wrongs(setup: MachineHarness) -> Iterator[str]:
    """Everything that should not be so, as lines."""
    yield from setup.guard.wrongs
    yield from setup.wrongs
    yield from setup.calls.wrongs
    yield from one_to_one(setup.peek.claims())
    yield from _incidents(setup)
    yield from _data(setup)
    yield from _free_and_dirty(setup)
    yield from _requests(setup)
    for service_id in setup.expected.statuses:
        service = setup.service(service_id)
        if service is not None:
            yield from _promise(service)
            yield from _held(setup, service)
            if service.claim is not None and service.claim.server_id in setup.harness.panel.servers:
                server = setup.harness.panel.server(service.claim.server_id)
                yield from _use(setup, service, server)
                yield from _whose(setup, service, server)


def one_to_one(claims: list[tuple[int, int]]) -> Iterator[str]:
    """No server with two services, no service with two servers: (server, service) of each claim."""
    for what, numbers in (
        ("server", [server for server, _ in claims]),
        ("service", [service for _, service in claims]),
    ):
        for number, times in Counter(numbers).items():
            if times > 1:
                yield f"{what} {number} has {times} claims: {claims}"


def _incidents(setup: MachineHarness) -> Iterator[str]:
    expected = setup.expected
    for incident in setup.harness.panel.incidents:
        by_hand = incident.kind in EXCUSED and incident.server_id in expected.worked_on | expected.owners_changed
        left = incident.kind == "handed_over_unwiped" and incident.server_id in expected.dirtied
        if not by_hand and not left:
            yield f"incident: {incident}"


def _data(setup: MachineHarness) -> Iterator[str]:
    expected, panel = setup.expected, setup.harness.panel
    for server_id, data in [*expected.tenants.items()]:
        if data.text not in panel.server(server_id).disk.content:
            del expected.tenants[server_id]
            overwritten = setup.peek.was_overwritten(server_id, data.service_id or 0, data.generation)
            if not overwritten and not _wiped_rightly(setup, server_id, data):
                yield f"server {server_id} lost {data}"
    for server_id, data in expected.strangers.items():
        if data.text not in panel.server(server_id).disk.content:
            yield f"server {server_id} lost {data}"
        if panel.owner_of(server_id) != "stranger@example.com":
            yield f"server {server_id} was taken from the stranger"


def _wiped_rightly(setup: MachineHarness, server_id: int, data: Data) -> bool:
    deleted = (data.service_id, data.generation, data.whose) in setup.expected.deleted
    return deleted and setup.peek.was_permitted(server_id, data.service_id or 0, data.generation)


def _free_and_dirty(setup: MachineHarness) -> Iterator[str]:
    promised = setup.peek.promises()
    for server in setup.harness.panel.servers.values():
        if server.disk.is_clear and server.running_operation is None:
            setup.expected.dirtied.discard(server.id)
        elif (
            not server.disk.is_clear
            and server.id not in promised
            and server.owner_id is None
            and server.id not in setup.expected.dirtied
        ):
            yield f"server {server.id} is free with {server.disk.content!r}"


def _requests(setup: MachineHarness) -> Iterator[str]:
    for run_id, service_id in setup.peek.open_runs().items():
        if run_id not in setup.expected.dead_runs:
            yield f"the request of {run_id} on service {service_id} is still open"


def _promise(service: Service) -> Iterator[str]:
    stands = service.held_from or service.state
    if (service.claim is None) is not (stands in (State.NEW, State.RELEASED)):
        yield f"service {service.service_id} is {service.state} with {service.claim}"


def _held(setup: MachineHarness, service: Service) -> Iterator[str]:
    if service.state is not State.HELD or service.claim is None:
        return
    expected, server_id = setup.expected, service.claim.server_id
    if service.held_reason in CAUSES:
        justified = server_id in getattr(expected, CAUSES[service.held_reason])
    elif service.held_reason in IN_WHMCS:
        justified = service.service_id in expected.told | expected.given_away
    elif service.held_reason == "wipe-unproven":
        justified = "Spoilt" in expected.faults or server_id in expected.worked_on
    else:
        justified = service.held_reason == "answer-lost" and bool(expected.faults & {"CallFault", "Asleep"})
    if not justified:
        yield f"service {service.service_id} is HELD ({service.held_reason}) for no reason: {service.held_evidence}"


def _use(setup: MachineHarness, service: Service, server: SimServer) -> Iterator[str]:
    if service.state not in (State.ACTIVE, State.SUSPENDED):
        return
    ports = [port.admin_up for port in server.network_ports]
    if server.id not in setup.expected.ports_left and ports != [service.state is State.ACTIVE] * len(ports):
        yield f"service {service.service_id} is {service.state} with ports {ports}"
    row, addresses = setup.staff.row(service.service_id), [address.address for address in server.addresses]
    if (
        row is not None
        and service.service_id not in setup.expected.given_away
        and server.id not in setup.expected.addressed | setup.expected.worked_on
        and row.assigned_ips.split() != addresses
    ):
        yield f"service {service.service_id} has {addresses}, WHMCS says {row.assigned_ips}"


def _whose(setup: MachineHarness, service: Service, server: SimServer) -> Iterator[str]:
    """A server is owned by its service's client, or by nobody yet or any more, unless by hand."""
    whose = setup.expected.whose.get((service.service_id, service.generation))
    if whose is None or server.owner_id is None or server.id in setup.expected.owners_changed:
        return
    owner = setup.harness.panel.owner_of(server.id)
    if owner not in {client.email for client in setup.clients if client.id == whose.client_id}:
        yield f"server {server.id} of client {whose.client_id} is owned by {owner}: service {service.service_id}"
