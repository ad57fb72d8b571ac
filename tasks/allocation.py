"""Find a server for an order and promise it to the service: claim first, look again, then act."""

import difflib
from collections import Counter
from random import SystemRandom

from dcimanager.errors import NotFound
from dcimanager.filters import Field, Filter, UnsafeValue
from dcimanager.operations import OperationProgress
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import claims
from ledger.errors import AlreadyClaimed
from ledger.lifecycle import State
from ledger.orders import Order
from ledger.snapshots import Service
from tasks.clock import clock
from tasks.connections import ledger, panel_named
from tasks.effects import ensures
from tasks.identity import driver_of, fresh
from tasks.log import run_log
from tasks.orders import order_of
from tasks.outcomes import Refusal


@ensures("a server is claimed", run_name="find and claim a server for service {service.service_id}")
async def claim_server(service: Service) -> Service:
    """Find a free server of the ordered configuration and promise it to the service; keep the one it has.

    The claim is written before anything on the panel, then the server is read again: a lost race tries the next
    candidate, in random order so that runs do not queue for the same one.
    Refused: no server fits; the text counts the near misses, one reason each.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 1.
    """
    service = await fresh(service)
    order = order_of(service)
    panel = await panel_named(service.panel)
    if service.claim is not None:
        # From PREPARING on the panel may have been told: whose the server is then is for set_owner to find out.
        if service.state is not State.CLAIMED or not await _lost(panel, service.claim.server_id, order):
            return service
        service = await claims.drop(ledger(), driver_of(service), now=clock().now())

    candidates = await _free_servers(panel, order)
    SystemRandom().shuffle(candidates)
    taken = await claims.claimed(ledger(), service.panel)
    for candidate in candidates:
        if candidate.id in taken:
            continue
        try:
            service = await claims.take(
                ledger(),
                driver_of(service),
                server_id=candidate.id,
                serial=candidate.serial,
                macs=candidate.macs,
                barcode=candidate.barcode,
                now=clock().now(),
            )
        except AlreadyClaimed:
            continue
        if not await _lost(panel, candidate.id, order):
            run_log().info("server %s is claimed for service %s", candidate.id, service.service_id)
            return service
        run_log().info("server %s was taken meanwhile: trying the next", candidate.id)
        service = await claims.drop(ledger(), driver_of(service), now=clock().now())
    raise Refusal(await _no_fit(panel, order, service))


def unfit(server: Server, order: Order) -> list[str]:
    """Why a server does not fit an order, as phrases for the count of near misses; empty: it fits."""
    faults = []
    if server.configuration != order.configuration:
        faults.append("of another configuration")
    if order.location_id is not None and server.location_id != order.location_id:
        faults.append("in another location")
    return faults + not_free(server)


def not_free(server: Server) -> list[str]:
    """Why nobody could get this server, as phrases; empty: the panel says that it is free and fit.

    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 1; BILLmanager's conditions add new,
    protected and in maintenance, safety rule 4 the last.
    """
    faults = []
    if server.owner_email is not None:
        faults.append("with an owner")
    if server.operation is not None and server.operation.running:
        faults.append("with an operation that runs")
    elif server.operation is not None and server.operation.progress is OperationProgress.FAILED:
        faults.append("whose last operation failed")
    if server.is_new:
        faults.append("not yet accepted (new)")
    if server.is_protected:
        faults.append("protected")
    if server.in_maintenance:
        faults.append("in maintenance")
    if not (server.serial or server.macs or server.barcode):
        faults.append("without serial number, MAC address or barcode, so that a wipe could not be proved")
    return faults


async def _lost(panel: Panel, server_id: int, order: Order) -> bool:
    try:
        return bool(unfit(await panel.servers.get(server_id), order))
    except NotFound:
        return True


async def _free_servers(panel: Panel, order: Order) -> list[Server]:
    wanted = _of_configuration(order) & Field("owner_email").is_null() & Field("is_new").eq(False)
    return [server for server in await panel.servers.list(wanted) if not unfit(server, order)]


def _of_configuration(order: Order) -> Filter:
    try:
        return Field("configuration").eq(order.configuration)
    except UnsafeValue as error:
        raise Refusal(
            f"The configuration's name cannot be asked for: {error} Correct the product's settings."
        ) from None


async def _no_fit(panel: Panel, order: Order, service: Service) -> str:
    """One line: what was looked for, and for each reason how many servers missed by it."""
    servers = await panel.servers.list(_of_configuration(order))
    place = "" if order.location_id is None else f" in location {order.location_id}"
    lead = f"No free server of configuration {order.configuration}{place} on panel {panel.name}"
    if not servers:
        known = [row.configuration for row in await panel.servers.configurations() if row.configuration]
        near = difflib.get_close_matches(order.configuration, known, n=3, cutoff=0.4)
        hint = f" Nearest names: {', '.join(near)}." if near else ""
        return f"{lead}: the panel has no server of it at all.{hint} Correct the product's Server configuration type."
    taken = await claims.claimed(ledger(), service.panel)
    forgotten = await claims.forgotten(ledger(), service.panel)
    misses: Counter[str] = Counter()
    for server in servers:
        faults = unfit(server, order)
        if server.id in forgotten:
            faults.append("forgotten without a proved wipe")
        misses.update(faults or (["promised to another service"] if server.id in taken else ["taken this very moment"]))
    counted = ", ".join(f"{count} {reason}" for reason, count in misses.most_common())
    return f"{lead}. Of {len(servers)} servers: {counted}. Free one, or add stock, and press Retry."
