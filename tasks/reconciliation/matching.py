"""The three sources joined: one case for each service and for each server that no service claims."""

from collections import defaultdict
from collections.abc import Iterator

from dcimanager.listing import NAMED
from dcimanager.server_row import Server
from dcimanager.users import folded
from ledger.snapshots import Service
from tasks.identity import differing_hardware
from tasks.reconciliation.differences import Difference, Drift
from tasks.reconciliation.drift import IN_USE, Case, desired_state
from tasks.reconciliation.sources import Sources
from tasks.whose import explain, identity_of
from whmcs.services import WhmcsService
from whmcs.text import spelled


def join_sources(sources: Sources) -> Iterator[Case]:
    """Every service of the ledger, every unseen one of WHMCS, and every server that is none of theirs."""
    shared = _Shared(sources)
    claims = [(service.claim.owner_id, service.client_id) for service in sources.services if service.claim is not None]
    owners = [(user, client) for user, client in [*claims, *sources.owners.items()] if client is not None]
    clients = {folded(sources.emails[user]): client for user, client in owners if user in sources.emails}
    addresses_told = any(server.addresses for server in sources.servers.values())
    accounted = set()
    for service in sources.services:
        claim = service.claim
        if claim is not None:
            accounted.add(claim.server_id)
        yield _of_service(sources, service, shared, addresses_told)
    known = sources.elsewhere | {service.service_id for service in sources.services}
    for billing in sources.whmcs.values():
        if billing.service_id not in known:
            server = shared.server_of(billing)
            if server is not None and server.id not in accounted:
                accounted.add(server.id)
            else:
                server = None
            yield Case(whmcs=billing, server=server, shared_with=shared.other_service(billing.service_id))
    for server in sources.servers.values():
        if server.id not in accounted:
            owned_by = None if server.owner_email is None else clients.get(folded(server.owner_email))
            yield Case(server=server, owned_by_client=owned_by, unproven=server.id in sources.unproven)


def odd_rows(sources: Sources) -> Iterator[Difference]:
    """The rows that cannot be read and belong to no service of the ledger, which has a case of its own."""
    claimed = {service.claim.server_id for service in sources.services if service.claim is not None}
    for server_id in sorted(sources.odd_servers.by_id.keys() - claimed):
        yield _odd(sources.odd_servers.why(server_id), server_id=server_id)
    known = sources.elsewhere | {service.service_id for service in sources.services}
    for service_id in sorted(sources.odd_billing.by_id.keys() - known):
        yield _odd(f"in WHMCS {sources.odd_billing.why(service_id)}", service_id=service_id)
    users = [f"user {number}: {why}" for number, why in sorted(sources.odd_users.by_id.items())]
    lists = {
        "users": [*users, *sources.odd_users.nameless],
        "servers": sources.odd_servers.nameless,
        "services in WHMCS": sources.odd_billing.nameless,
    }
    told = [f"{len(rows)} of the {what} ({'; '.join(rows[:NAMED])})" for what, rows in lists.items() if rows]
    if told:
        yield _odd(f"rows that cannot be read: {', '.join(told)}")


def _odd(what: str, *, service_id: int | None = None, server_id: int | None = None) -> Difference:
    return Difference(drift=Drift.ODD_ROW, what=what, service_id=service_id, server_id=server_id, client_id=None)


def _why_odd(sources: Sources, service: Service) -> str:
    """Why nothing can be concluded of a service, since a row of its server, its owner or its own cannot be read."""
    claim = service.claim
    if claim is not None and claim.server_id not in sources.servers:
        why = sources.odd_servers.why(claim.server_id)
        if why:
            return why
    if claim is not None and claim.owner_id is not None and claim.owner_id not in sources.emails:
        why = sources.odd_users.why(claim.owner_id)
        if why:
            return f"of its owner {why}"
    if service.service_id in sources.whmcs or (claim is None and service.service_id not in sources.odd_billing.by_id):
        return ""
    why = sources.odd_billing.why(service.service_id)
    return f"in WHMCS {why}" if why else ""


def _of_service(sources: Sources, service: Service, shared: "_Shared", addresses_told: bool) -> Case:
    claim = service.claim
    server = None if claim is None else sources.servers.get(claim.server_id)
    request = sources.requests.get(service.service_id)
    billing = sources.whmcs.get(service.service_id)
    return Case(
        whmcs=billing,
        ledger=service,
        server=server,
        request=request,
        redriven=0 if request is None else sources.redriven.get(request.flow_run_id, 0),
        owner_email=None if claim is None or claim.owner_id is None else sources.emails.get(claim.owner_id),
        hardware_differs=""
        if claim is None or server is None
        else " and ".join(differing_hardware(server, claim, service.state)),
        whose_differs="" if billing is None else _whose_differs(service, billing),
        shared_with=None if claim is None else shared.other_service(service.service_id),
        ports_shared_with=shared.other_at_ports(service.service_id, server),
        addresses_told=addresses_told,
        rescue=sources.rescues.get(service.service_id),
        odd=_why_odd(sources, service),
    )


def _whose_differs(service: Service, billing: WhmcsService) -> str:
    seen = identity_of(billing)
    differing = seen.differs_from(service)
    if not differing:
        return ""
    return (
        f"{' and '.join(differing)} of WHMCS not as recorded for client {service.client_id}: {explain(service, seen)}"
    )


class _Shared:
    """Who has the same server as somebody else."""

    def __init__(self, sources: Sources) -> None:
        self._servers = {
            spelled(address.address): server for server in sources.servers.values() for address in server.addresses
        }
        claims = {service.service_id: service.claim for service in sources.services if service.claim is not None}
        self._at_port: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for service_id, claim in claims.items():
            server = sources.servers.get(claim.server_id)
            for port in server.network_ports if server is not None else ():
                self._at_port[port.switch_id, port.id].add(service_id)
        groups: defaultdict[object, set[int]] = defaultdict(set)
        for service_id, claim in claims.items():
            groups[claim.server_id].add(service_id)
            for value in claim.hardware.identities:
                groups[value] |= {service_id, sources.hardware.get(value, service_id)}
        # What is claimed is known; only of the others an address in WHMCS has to tell which server they have.
        for billing in sources.whmcs.values():
            if billing.service_id not in claims and desired_state(billing) in IN_USE and billing.dedicated_ip:
                server = self.server_of(billing)
                groups[spelled(billing.dedicated_ip) if server is None else server.id].add(billing.service_id)
        self._others = {one: min(group - {one}) for group in groups.values() if len(group) > 1 for one in group}

    def other_at_ports(self, service_id: int, server: Server | None) -> int | None:
        """Another service whose server lists one of this server's ports, too."""
        ports = () if server is None else server.network_ports
        others = {one for port in ports for one in self._at_port[port.switch_id, port.id]} - {service_id}
        return min(others, default=None)

    def server_of(self, billing: WhmcsService) -> Server | None:
        """The server that has one of the service's addresses."""
        return next((self._servers[a] for a in sorted(billing.addresses) if a in self._servers), None)

    def other_service(self, service_id: int) -> int | None:
        """Another service that has this one's server."""
        return self._others.get(service_id)
