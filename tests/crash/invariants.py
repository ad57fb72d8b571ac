"""What has to be true of panel, WHMCS and ledger: at any moment, and when a lifecycle is through.

Each check yields a sentence for what is wrong; none means that all is well.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from sqlmodel import col, select

from ledger import claims, journal, requests, services
from ledger.lifecycle import State
from ledger.snapshots import Service
from ledger.tables import PermitRow
from simulator.things import SimAddress, SimServer
from tasks.operations import INSTALL
from tests.crash.lives import ADDRESSES, Life, servers_of_the_client
from tests.stage import PANEL, Stage

WITHOUT_A_CLAIM = frozenset({State.NEW, State.RELEASED})
WITH_AN_OS = frozenset({State.INSTALLING, State.ACTIVE, State.SUSPENDED, State.RELEASING, State.ERASING})


@dataclass(frozen=True)
class Scene:
    """A stage where a lifecycle begins, and what its servers looked like then."""

    stage: Stage
    service_id: int
    servers: dict[int, str]
    logged: int
    """How many lines WHMCS's activity log had by then."""

    @classmethod
    def opens(cls, stage: Stage, service_id: int) -> "Scene":
        """The scene as it is now."""
        stage.panel.settle()
        servers = {server.id: repr(server) for server in stage.panel.servers.values()}
        return cls(stage, service_id, servers, len(stage.billing.activities))

    def touched(self) -> list[SimServer]:
        """The servers that are not as they were."""
        self.stage.panel.settle()
        return [server for server in self.stage.panel.servers.values() if repr(server) != self.servers[server.id]]

    def asked(self, endpoint: str) -> int:
        """How often the panel got this call, whatever it answered."""
        return sum(call.endpoint == endpoint for call in self.stage.panel.requests)

    def written(self, field: str) -> int:
        """How often WHMCS was told this field of a service."""
        return sum(field in call.body for call in self.stage.billing.requests if call.action == "UpdateClientProduct")


async def always(scene: Scene) -> list[str]:
    """What is wrong now, whatever goes on: these hold at each moment, that of a death included."""
    service = await services.get(scene.stage.ledger, scene.service_id)
    wrong = [f"{incident.kind} on server {incident.server_id}" for incident in scene.stage.panel.incidents]
    wrong += [*_one_of_each(scene), *_claimed_first(scene, service)]
    if service is not None:
        wrong += [*_claim_goes_with_state(service), *_told_the_truth(scene, service)]
        wrong += [sentence async for sentence in _once(scene, service)]
    return wrong


async def at_the_end(scene: Scene, life: Life) -> list[str]:
    """What is wrong when the lifecycle is through and nobody is at work any more."""
    stage = scene.stage
    wrong = await always(scene)
    if await requests.open_requests(stage.ledger):
        wrong.append("a request is still open")
    service = await services.get(stage.ledger, scene.service_id)
    state, held_because = (None, None) if service is None else (service.state, service.held_reason)
    if state not in life.ends_in or held_because != life.held_because:
        return [*wrong, f"the service is {state}, HELD because of: {held_because}"]
    if state in (State.ACTIVE, State.SUSPENDED):
        return [*wrong, *_delivered(scene, await stage.server(scene.service_id), ports_up=state is State.ACTIVE)]
    if state is State.HELD:
        return wrong
    if await claims.claimed(stage.ledger, PANEL):
        wrong.append("a server is promised to somebody who has no use for it")
    return wrong


def _one_of_each(scene: Scene) -> Iterator[str]:
    """One server and one panel user for the client; nothing given twice, nothing refused."""
    stage = scene.stage
    if len(scene.touched()) > 1:
        yield f"servers {[server.id for server in scene.touched()]} were touched: one service has one server"
    if sum(user.email == stage.client.email for user in stage.panel.world.users.values()) > 1:
        yield "the client is two panel users"
    if scene.asked("user_create") > 1:
        yield "the creation of the panel user was sent twice"
    for server in stage.panel.servers.values():
        given = [address for address in _own(scene, server) if repr(address) not in scene.servers[server.id]]
        if len(given) > ADDRESSES:
            yield f"server {server.id} was given {len(given)} addresses, {ADDRESSES} were ordered"
    for call in stage.panel.writes():
        if call.status is not None and call.status >= 400:
            yield f"the panel refused {call.endpoint}: it was not looked at first"
    if len(stage.billing.mails) > 1:
        yield "a mail was sent twice"
    if len(stage.billing.activities) > scene.logged + 1:
        yield "WHMCS's log says the same twice"


def _claimed_first(scene: Scene, service: Service | None) -> Iterator[str]:
    """What was touched is promised to the service; what is promised to nobody is clean and nobody's (rules 1 and 5)."""
    claimed = None if service is None or service.claim is None else service.claim.server_id
    for server in scene.touched():
        if server.id == claimed:
            continue
        if server.owner_id is not None:
            yield f"server {server.id} has an owner, and it is promised to nobody"
        if not server.disk.is_clear:
            yield f"server {server.id} is free, and on its disk is: {server.disk.content}"
        if server.addresses or server.running_operation:
            yield f"server {server.id} is free, and it is not done with"
        if service is None or not any(operation.clear_disks for operation in server.operations):
            yield f"server {server.id} was changed and given back without a wipe"


def _claim_goes_with_state(service: Service) -> Iterator[str]:
    """A state and the claim that it implies are one commit (rule 10)."""
    if (service.claim is None) != (service.state in WITHOUT_A_CLAIM):
        yield f"the service is {service.state} with{'out' if service.claim is None else ''} a claim"
    if service.claim is not None and service.claim.generation != service.generation:
        yield "the claim is of another generation"


async def _once(scene: Scene, service: Service) -> AsyncIterator[str]:
    """What must not be done twice was not (rules 3, 4 and 10)."""
    attempts = 0
    for generation in range(1, service.generation + 1):
        noted = await journal.entries(scene.stage.ledger, service.service_id, generation)
        attempts += sum(entry.step == INSTALL for entry in noted)
    if scene.asked("os_install") > attempts:
        yield f"{scene.asked('os_install')} OS installations were asked for in {attempts} attempts"
    used = await _used_permits(scene)
    if scene.asked("diagnostics") > used:
        yield f"{scene.asked('diagnostics')} wipes were asked for under {used} permits"
    if scene.asked("diagnostics") and scene.asked("owner_clear") == 0:
        yield "a server was wiped that was never taken back"
    passwords = scene.written("servicepassword") - scene.written("dedicatedip")
    if passwords > 1:
        yield "a second password was made"
    if scene.written("dedicatedip") > service.generation:
        yield "WHMCS was told the server twice"


async def _used_permits(scene: Scene) -> int:
    async with scene.stage.ledger.reading() as session:
        return len((await session.exec(select(PermitRow).where(col(PermitRow.used_at).is_not(None)))).all())


def _told_the_truth(scene: Scene, service: Service) -> Iterator[str]:
    """WHMCS hears of a server when it is ready, and what it hears is so."""
    told = scene.written("dedicatedip")
    if told == 0 or service.claim is None or service.state in (State.RELEASING, State.ERASING, State.HELD):
        return
    if told == service.generation:
        server = scene.stage.panel.server(service.claim.server_id)
        if service.state not in WITH_AN_OS or not server.disk.content.startswith("os "):
            yield f"WHMCS was told of a server that is not ready (the service is {service.state})"
        yield from _knows(scene, server)


def _knows(scene: Scene, server: SimServer) -> Iterator[str]:
    billed = scene.stage.billed(scene.service_id)
    addresses = [address.address for address in _own(scene, server)]
    if billed.assigned_ips.split() != addresses or billed.dedicated_ip != addresses[0]:
        yield f"WHMCS says {billed.dedicated_ip} and {billed.assigned_ips.split()}, the server has {addresses}"
    if (billed.status, billed.username) != ("Active", "root") or not billed.password:
        yield f"WHMCS has the service as {billed.status} of {billed.username}"


def _delivered(scene: Scene, server: SimServer, *, ports_up: bool) -> Iterator[str]:
    """The client has what he ordered."""
    stage = scene.stage
    if servers_of_the_client(stage) != [server]:
        yield f"the client owns {[owned.id for owned in servers_of_the_client(stage)]}, promised is {server.id}"
    if [port.admin_up for port in server.ports] != [True if port.is_bmc else ports_up for port in server.ports]:
        yield f"the ports of server {server.id} are not all {'on' if ports_up else 'off'}"
    if stage.panel.power_of(server.id) != "on":
        yield f"server {server.id} is off"
    if server.running_operation is not None:
        yield f"an operation runs on server {server.id}"
    if not server.disk.content.startswith("os Debian-12-x86_64") or server.disk.tenant != stage.client.email:
        yield f"on server {server.id} is: {server.disk.content}"
    if [address.status for address in server.addresses] != ["allocated"] * ADDRESSES:
        yield f"server {server.id} has {len(server.addresses)} addresses, {ADDRESSES} were ordered"
    yield from _knows(scene, server)


def _own(scene: Scene, server: SimServer) -> list[SimAddress]:
    """The server's addresses without those that diagnostics borrow."""
    borrowed = scene.stage.panel.world.deallocation_pools
    return [address for address in server.addresses if address.pool_id not in borrowed]
