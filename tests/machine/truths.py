"""What has to be true whenever nobody is at work."""

from collections import Counter
from collections.abc import Iterator

from ledger.lifecycle import State
from ledger.snapshots import Service
from simulator.things import SimServer
from tests.machine.memory import Data
from tests.machine.scene import Scene

CAUSES = {
    "owner-changed": "owners_changed",
    "hardware-changed": "swapped",
    "server-vanished": "removed",
}
"""Reasons for HELD, and the memory that has the servers for which there is one."""

EXCUSED = frozenset({"wiped_with_owner", "installed_without_owner", "installed_over_owner_change"})
"""Incidents that hands alone can bring about on a server on which they work."""


def wrongs(scene: Scene) -> Iterator[str]:
    """Everything that should not be so, as lines."""
    yield from scene.guard.wrongs
    yield from scene.wrongs
    yield from one_to_one(scene.peek.claims())
    yield from _incidents(scene)
    yield from _data(scene)
    yield from _free_and_dirty(scene)
    yield from _requests(scene)
    for service_id in scene.memory.statuses:
        service = scene.service(service_id)
        if service is not None:
            yield from _promise(service)
            yield from _held(scene, service)
            if service.claim is not None and service.claim.server_id in scene.stage.panel.servers:
                yield from _use(scene, service, scene.stage.panel.server(service.claim.server_id))


def one_to_one(claims: list[tuple[int, int]]) -> Iterator[str]:
    """No server with two services, no service with two servers: (server, service) of each claim."""
    for what, numbers in (
        ("server", [server for server, _ in claims]),
        ("service", [service for _, service in claims]),
    ):
        for number, times in Counter(numbers).items():
            if times > 1:
                yield f"{what} {number} has {times} claims: {claims}"


def _incidents(scene: Scene) -> Iterator[str]:
    memory = scene.memory
    for incident in scene.stage.panel.incidents:
        by_hand = incident.kind in EXCUSED and incident.server_id in memory.worked_on | memory.owners_changed
        left = incident.kind == "handed_over_unwiped" and incident.server_id in memory.dirtied
        if not by_hand and not left:
            yield f"incident: {incident}"


def _data(scene: Scene) -> Iterator[str]:
    memory, panel = scene.memory, scene.stage.panel
    for server_id, data in [*memory.tenants.items()]:
        if data.text not in panel.server(server_id).disk.content:
            del memory.tenants[server_id]
            if not _wiped_rightly(scene, server_id, data):
                yield f"server {server_id} lost {data}"
    for server_id, data in memory.strangers.items():
        if data.text not in panel.server(server_id).disk.content:
            yield f"server {server_id} lost {data}"
        if panel.owner_of(server_id) != "stranger@example.com":
            yield f"server {server_id} was taken from the stranger"


def _wiped_rightly(scene: Scene, server_id: int, data: Data) -> bool:
    deleted = (data.service_id, data.generation) in scene.memory.deleted
    return deleted and scene.peek.was_permitted(server_id, data.service_id or 0, data.generation)


def _free_and_dirty(scene: Scene) -> Iterator[str]:
    promised = scene.peek.promises()
    for server in scene.stage.panel.servers.values():
        if server.disk.is_clear and server.running_operation is None:
            scene.memory.dirtied.discard(server.id)
        elif (
            not server.disk.is_clear
            and server.id not in promised
            and server.owner_id is None
            and server.id not in scene.memory.dirtied
        ):
            yield f"server {server.id} is free with {server.disk.content!r}"


def _requests(scene: Scene) -> Iterator[str]:
    for run_id, service_id in scene.peek.open_runs().items():
        if run_id not in scene.memory.dead_runs:
            yield f"the request of {run_id} on service {service_id} is still open"


def _promise(service: Service) -> Iterator[str]:
    stands = service.held_from or service.state
    if (service.claim is None) is not (stands in (State.NEW, State.RELEASED)):
        yield f"service {service.service_id} is {service.state} with {service.claim}"


def _held(scene: Scene, service: Service) -> Iterator[str]:
    if service.state is not State.HELD or service.claim is None:
        return
    memory, server_id = scene.memory, service.claim.server_id
    if service.held_reason in CAUSES:
        justified = server_id in getattr(memory, CAUSES[service.held_reason])
    elif service.held_reason == "wipe-unproven":
        justified = "Spoilt" in memory.accidents or server_id in memory.worked_on
    else:
        justified = service.held_reason == "answer-lost" and bool(memory.accidents & {"Call", "Asleep"})
    if not justified:
        yield f"service {service.service_id} is HELD ({service.held_reason}) for no reason: {service.held_evidence}"


def _use(scene: Scene, service: Service, server: SimServer) -> Iterator[str]:
    if service.state not in (State.ACTIVE, State.SUSPENDED):
        return
    ports = [port.admin_up for port in server.network_ports]
    if server.id not in scene.memory.ports_left and ports != [service.state is State.ACTIVE] * len(ports):
        yield f"service {service.service_id} is {service.state} with ports {ports}"
    billed, addresses = scene.stage.billed(service.service_id), [address.address for address in server.addresses]
    if server.id not in scene.memory.addressed | scene.memory.worked_on and billed.assigned_ips.split() != addresses:
        yield f"service {service.service_id} has {addresses}, WHMCS says {billed.assigned_ips}"
