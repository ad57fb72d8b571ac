"""What has to be true of panel, WHMCS and ledger: at any moment, and when a lifecycle is through.

Each check yields a sentence for what is wrong; none means that all is well.
"""

from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

from sqlmodel import col, select

from ledger import claims, journal, requests, server_notes, services
from ledger.snapshots import Service
from ledger.states import State
from ledger.step_names import StepName
from ledger.tables import PermitRow, ReinstallPermitRow, ServiceRow
from simulator.panel.models import SimAddress, SimServer
from tasks.order import as_meant
from tests.crash.scenarios import Scenario
from tests.crash.world import ADDRESSES, NAMED, servers_of_the_client
from tests.harness import PANEL, Harness

WITHOUT_A_CLAIM = frozenset({State.NEW, State.RELEASED})
WITH_AN_OS = frozenset({State.INSTALLING, State.ACTIVE, State.SUSPENDED, State.RELEASING, State.ERASING})


@dataclass(frozen=True)
class Observed:
    """A harness where a lifecycle begins, and what its servers looked like then."""

    harness: Harness
    service_id: int
    servers: dict[int, str]
    logged: int
    """How many lines WHMCS's activity log had by then."""
    before: dict[int, SimServer] = field(default_factory=dict)
    """The servers as they were."""
    addresses: int = ADDRESSES
    """So many addresses the server has at the end."""

    @classmethod
    def opens(cls, harness: Harness, service_id: int, addresses: int = ADDRESSES) -> "Observed":
        """Take down the harness as it is now."""
        harness.panel.settle()
        servers = {server.id: repr(server) for server in harness.panel.servers.values()}
        before = {server.id: deepcopy(server) for server in harness.panel.servers.values()}
        return cls(harness, service_id, servers, len(harness.whmcs.activities), before, addresses)

    def touched(self) -> list[SimServer]:
        """The servers that are not as they were."""
        self.harness.panel.settle()
        return [server for server in self.harness.panel.servers.values() if repr(server) != self.servers[server.id]]

    def asked(self, endpoint: str) -> int:
        """How often the panel got this call, whatever it answered."""
        return sum(call.endpoint == endpoint for call in self.harness.panel.requests)

    def written(self, field: str) -> int:
        """How often WHMCS was told this field of a service."""
        return sum(field in call.body for call in self.harness.whmcs.requests if call.action == "UpdateClientProduct")


async def always(observed: Observed) -> list[str]:
    """What is wrong now, whatever goes on: these hold at each moment, that of a death included."""
    service = await services.get(observed.harness.ledger, observed.service_id)
    wrong = [f"{incident.kind} on server {incident.server_id}" for incident in observed.harness.panel.incidents]
    left = await _leftovers(observed)
    wrong += [*_one_of_each(observed, 1 + len(left)), *_claimed_first(observed, service, left)]
    for leftover in left:
        wrong += [*_claim_goes_with_state(leftover), *_kept(observed, leftover)]
    if service is not None:
        is_overwritten = service.state is State.INSTALLING and bool(await _reinstall_permits(observed))
        wrong += _claim_goes_with_state(service)
        wrong += [] if is_overwritten else _told_the_truth(observed, service)
        wrong += [sentence async for sentence in _once(observed, service, left)]
    return wrong


async def at_the_end(observed: Observed, scenario: Scenario) -> list[str]:
    """What is wrong when the lifecycle is through and nobody is at work any more."""
    harness = observed.harness
    wrong = await always(observed)
    if await requests.open_requests(harness.ledger):
        wrong.append("a request is still open")
    if await server_notes.reserved_for(harness.ledger, PANEL, observed.service_id):
        wrong.append("a server is still reserved for the service")
    wrong += [f"leftover {left.service_id} is {left.state}" for left in await _leftovers(observed) if left.claim]
    service = await services.get(harness.ledger, observed.service_id)
    state, held_because = (None, None) if service is None else (service.state, service.held_reason)
    if state not in scenario.ends_in or held_because != scenario.held_because:
        return [*wrong, f"the service is {state}, HELD because of: {held_because}"]
    if service is not None and state in (State.ACTIVE, State.SUSPENDED):
        return [
            *wrong,
            *_as_ordered(observed, scenario, service),
            *_delivered(
                observed,
                await harness.server(observed.service_id),
                ports_up=state is State.ACTIVE,
                has_power=state is State.ACTIVE or not scenario.cuts_power,
            ),
        ]
    if state is State.HELD:
        return wrong
    if await claims.claimed(harness.ledger, PANEL):
        wrong.append("a server is promised to somebody who has no use for it")
    return wrong


async def _leftovers(observed: Observed) -> list[Service]:
    """The servers that the service has left for another one, also those that are given back."""
    async with observed.harness.ledger.reading() as session:
        query = select(ServiceRow.service_id).where(ServiceRow.leftover_of == observed.service_id)
        numbers = list(await session.exec(query))
    found = [await services.get(observed.harness.ledger, number) for number in numbers]
    return [service for service in found if service is not None]


def _kept(observed: Observed, leftover: Service) -> Iterator[str]:
    """The client has both servers until the old one is deleted."""
    if leftover.state is State.ACTIVE and leftover.claim is not None:
        server = observed.harness.panel.server(leftover.claim.server_id)
        if repr(server) != observed.servers[server.id]:
            yield f"server {server.id} was touched while its client moves: {server}"


def _as_ordered(observed: Observed, scenario: Scenario, service: Service) -> Iterator[str]:
    """The ledger has the order that the service was activated with, or changed to; and its server is the chosen one."""
    wanted = scenario.asks(observed.harness, scenario.flows[-1]).get("order")
    if wanted is not None and service.order != as_meant(wanted):
        yield f"the ledger has the order {service.order}, it was {wanted}"
    if scenario.gets is not None and (service.claim is None or service.claim.server_id != scenario.gets):
        yield f"the service did not get server {scenario.gets}"


def _one_of_each(observed: Observed, servers: int) -> Iterator[str]:
    """One server and one panel user for the client; nothing given twice, nothing refused."""
    harness = observed.harness
    if len(observed.touched()) > servers:
        yield f"servers {[server.id for server in observed.touched()]} were touched: one service has one server"
    if sum(user.email == harness.client.email for user in harness.panel.world.users.values()) > 1:
        yield "the client is two panel users"
    if observed.asked("user_create") > 1:
        yield "the creation of the panel user was sent twice"
    for server in harness.panel.servers.values():
        given = [address for address in _own(observed, server) if repr(address) not in observed.servers[server.id]]
        most = max(ADDRESSES, observed.addresses)
        if len(given) > most:
            yield f"server {server.id} was given {len(given)} addresses, {most} were ordered"
    for call in harness.panel.writes():
        if call.status is not None and call.status >= 400:
            yield f"the panel refused {call.endpoint}: it was not looked at first"
    if len(harness.whmcs.activities) > observed.logged + 1:
        yield "WHMCS's log says the same twice"


def _claimed_first(observed: Observed, service: Service | None, left: list[Service]) -> Iterator[str]:
    """What was touched is promised to the service; what is not is clean and nobody's (safety rules 1 and 5)."""
    holders = [*left] if service is None else [service, *left]
    claimed = {holder.claim.server_id for holder in holders if holder.claim is not None}
    for server in observed.touched():
        if server.id in claimed:
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
    """A state and the claim that it implies are one commit (safety rule 10)."""
    if (service.claim is None) != (service.state in WITHOUT_A_CLAIM):
        yield f"the service is {service.state} with{'out' if service.claim is None else ''} a claim"
    if service.claim is not None and service.claim.generation != service.generation:
        yield "the claim is of another generation"


async def _once(observed: Observed, service: Service, left: list[Service]) -> AsyncIterator[str]:
    """What must not be done twice was not (safety rules 3, 4 and 10)."""
    attempts = 0
    for holder in (service, *left):
        for generation in range(1, holder.generation + 1):
            noted = await journal.entries(observed.harness.ledger, holder.service_id, generation)
            attempts += sum(entry.step == StepName.DEPLOY_OS for entry in noted)
    if observed.asked("os_install") > attempts:
        yield f"{observed.asked('os_install')} OS installations were asked for in {attempts} attempts"
    used = await _used_permits(observed)
    if observed.asked("diagnostics") > used:
        yield f"{observed.asked('diagnostics')} wipes were asked for under {used} permits"
    if observed.asked("diagnostics") and observed.asked("owner_clear") == 0:
        yield "a server was wiped that was never taken back"
    reinstalls = await _reinstall_permits(observed)
    # A try that came to nothing puts the old one back.
    if observed.written("servicepassword") > max(1, 2 * len(reinstalls)):
        yield "a second password was made"
    runs = await _runs_that_installed_over(observed, service)
    if len(runs) > len(set(runs)):
        yield "one run has installed over a client's OS twice"
    used = sum(permit.used_at is not None for permit in reinstalls)
    if reinstalls and observed.asked("os_install") > 1 + used:
        yield f"an OS was installed {observed.asked('os_install')} times, and {used} times over a client's by a permit"
    if observed.written("dedicatedip") > service.generation:
        yield "WHMCS was told the server twice"


async def _reinstall_permits(observed: Observed) -> list[ReinstallPermitRow]:
    async with observed.harness.ledger.reading() as session:
        return list(await session.exec(select(ReinstallPermitRow)))


async def _runs_that_installed_over(observed: Observed, service: Service) -> list[str]:
    """The run of each reinstallation that was not given up."""
    noted = await journal.entries(observed.harness.ledger, service.service_id, service.generation)
    given_up = {entry.attempt for entry in noted if entry.step == StepName.OS_GIVEN_UP}
    runs = [
        await requests.get(observed.harness.ledger, permit.request_id)
        for permit in await _reinstall_permits(observed)
        if permit.operation_id is not None and permit.attempt not in given_up
    ]
    return [run.flow_run_id for run in runs if run is not None]


async def _used_permits(observed: Observed) -> int:
    async with observed.harness.ledger.reading() as session:
        return len((await session.exec(select(PermitRow).where(col(PermitRow.used_at).is_not(None)))).all())


def _told_the_truth(observed: Observed, service: Service) -> Iterator[str]:
    """WHMCS hears of a server when it is ready, and what it hears is so."""
    told = observed.written("dedicatedip")
    if told == 0 or service.claim is None or service.state in (State.RELEASING, State.ERASING, State.HELD):
        return
    if observed.harness.billed(observed.service_id).client_id != service.client_id:
        return  # WHMCS gave the number out again, and what it says is of another service
    if told == service.generation:
        server = observed.harness.panel.server(service.claim.server_id)
        if service.state not in WITH_AN_OS or not server.disk.content.startswith("os "):
            yield f"WHMCS was told of a server that is not ready (the service is {service.state})"
        if observed.addresses == ADDRESSES:
            yield from _knows(observed, server)
        else:  # WHMCS hears of a change when it is done, and the main address is none of it
            yield from _keeps(observed, server)


def _keeps(observed: Observed, server: SimServer) -> Iterator[str]:
    """A change of the number takes the named address and no other one (safety rule 4)."""
    billed, named = observed.harness.billed(observed.service_id), NAMED.get(observed.harness)
    kept = {address.address for address in server.addresses if address.status == "allocated"}
    for address in {billed.dedicated_ip, *billed.assigned_ips.split()} - kept - {named}:
        yield f"server {server.id} lost its address {address}, which nobody named"


def _knows(observed: Observed, server: SimServer) -> Iterator[str]:
    billed = observed.harness.billed(observed.service_id)
    addresses = [address.address for address in _own(observed, server)]
    if billed.assigned_ips.split() != addresses or billed.dedicated_ip != addresses[0]:
        yield f"WHMCS says {billed.dedicated_ip} and {billed.assigned_ips.split()}, the server has {addresses}"
    if (billed.status, billed.username) != ("Active", "root") or not billed.password:
        yield f"WHMCS has the service as {billed.status} of {billed.username}"


def _delivered(observed: Observed, server: SimServer, *, ports_up: bool, has_power: bool) -> Iterator[str]:
    """The client has what they ordered."""
    harness = observed.harness
    if servers_of_the_client(harness) != [server]:
        yield f"the client owns {[owned.id for owned in servers_of_the_client(harness)]}, promised is {server.id}"
    if [port.admin_up for port in server.ports] != [True if port.is_bmc else ports_up for port in server.ports]:
        yield f"the ports of server {server.id} are not all {'on' if ports_up else 'off'}"
    if (harness.panel.power_of(server.id) == "on") is not has_power:
        yield f"server {server.id} is {harness.panel.power_of(server.id)}"
    if server.running_operation is not None:
        yield f"an operation runs on server {server.id}"
    if not server.disk.content.startswith("os Debian-12-x86_64") or server.disk.tenant != harness.client.email:
        yield f"on server {server.id} is: {server.disk.content}"
    if [address.status for address in server.addresses] != ["allocated"] * observed.addresses:
        yield f"server {server.id} has {len(server.addresses)} addresses, {observed.addresses} were ordered"
    yield from _knows(observed, server)


def _own(observed: Observed, server: SimServer) -> list[SimAddress]:
    """The server's addresses without those that diagnostics borrow."""
    borrowed = observed.harness.panel.world.deallocation_pools
    return [address for address in server.addresses if address.pool_id not in borrowed]
