"""The three sides joined: one case for each service and for each server that no service claims."""

from collections import defaultdict
from collections.abc import Iterator

from dcimanager.server import Server
from ledger.snapshots import Service
from tasks.differences import IN_USE, Case, addresses_in_whmcs, wish_of
from tasks.identity import differing_hardware
from tasks.sides import Sides
from whmcs.services import BillingService


def cases(sides: Sides) -> Iterator[Case]:
    """Every service of the ledger, every unseen one of WHMCS, and every server that is none of theirs."""
    shared = _Shared(sides)
    claims = [(service.claim.owner_id, service.client_id) for service in sides.services if service.claim is not None]
    owners = [(user, client) for user, client in [*claims, *sides.owners.items()] if client is not None]
    clients = {sides.emails[user].casefold(): client for user, client in owners if user in sides.emails}
    addresses_told = any(server.addresses for server in sides.servers.values())
    accounted = set()
    for service in sides.services:
        claim = service.claim
        if claim is not None:
            accounted.add(claim.server_id)
        yield _of_service(sides, service, shared, addresses_told)
    known = sides.elsewhere | {service.service_id for service in sides.services}
    for billing in sides.billing.values():
        if billing.service_id not in known:
            server = shared.server_of(billing)
            if server is not None and server.id not in accounted:
                accounted.add(server.id)
            else:
                server = None
            yield Case(billing=billing, server=server, shared_with=shared.other_service(billing.service_id))
    for server in sides.servers.values():
        if server.id not in accounted:
            owned_by = None if server.owner_email is None else clients.get(server.owner_email.casefold())
            yield Case(server=server, owned_by_client=owned_by, unproven=server.id in sides.unproven)


def _of_service(sides: Sides, service: Service, shared: "_Shared", addresses_told: bool) -> Case:
    claim = service.claim
    server = None if claim is None else sides.servers.get(claim.server_id)
    request = sides.requests.get(service.service_id)
    return Case(
        billing=sides.billing.get(service.service_id),
        ledger=service,
        server=server,
        request=request,
        redriven=0 if request is None else sides.redriven.get(request.flow_run_id, 0),
        owner_email=None if claim is None or claim.owner_id is None else sides.emails.get(claim.owner_id),
        hardware_differs="" if claim is None or server is None else " and ".join(differing_hardware(server, claim)),
        shared_with=None if claim is None else shared.other_service(service.service_id),
        addresses_told=addresses_told,
    )


class _Shared:
    """Who has the same server as somebody else."""

    def __init__(self, sides: Sides) -> None:
        self._servers = {
            address.address.lower(): server for server in sides.servers.values() for address in server.addresses
        }
        claims = {service.service_id: service.claim for service in sides.services if service.claim is not None}
        groups: defaultdict[object, set[int]] = defaultdict(set)
        for service_id, claim in claims.items():
            groups[claim.server_id].add(service_id)
            if claim.serial:
                groups["serial", claim.serial].add(service_id)
        # What is claimed is known; only of the others an address in WHMCS has to tell which server they have.
        for billing in sides.billing.values():
            if billing.service_id not in claims and wish_of(billing) in IN_USE and billing.dedicated_ip:
                server = self.server_of(billing)
                groups[billing.dedicated_ip.lower() if server is None else server.id].add(billing.service_id)
        self._others = {one: min(group - {one}) for group in groups.values() if len(group) > 1 for one in group}

    def server_of(self, billing: BillingService) -> Server | None:
        """The server that has one of the service's addresses."""
        return next((self._servers[a] for a in sorted(addresses_in_whmcs(billing)) if a in self._servers), None)

    def other_service(self, service_id: int) -> int | None:
        """Another service that has this one's server."""
        return self._others.get(service_id)
