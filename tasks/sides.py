"""What WHMCS, the ledger and the panel each say, read as whole lists: no call for a service unless it differs.

Which services of WHMCS are ours? Its API does not tell a product's module. So those of every product that is a product
of some service with a server in the ledger: the products are learnt from those services and remembered. A product of
which no service ever had a server is not looked at.
Source: dossier "WHMCS", section 13 (GetClientsProducts, parameter pid).
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from dcimanager.errors import NotFound
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import overview
from ledger.overview import Remembered
from ledger.snapshots import Request, Service
from tasks.at_once import both
from tasks.clock import clock
from tasks.connections import billing, ledger, panel_named
from tasks.outcomes import Refusal
from tasks.settings import settings
from whmcs.errors import NotFound as NotInWhmcs
from whmcs.services import BillingService

FEW = 3
"""So many may always go missing: of five servers one is a fifth, and no accident."""

CLOCKS_APART = timedelta(seconds=5)
"""Requests are closed by workers on other machines, whose clocks may be behind ours."""


@dataclass(frozen=True)
class Sides:
    """The three sides, at one moment as nearly as can be."""

    servers: dict[int, Server]
    emails: dict[int, str]
    """The panel's users. Personal data: it stays in memory and is compared only."""
    billing: dict[int, BillingService]
    products: frozenset[int]
    services: list[Service]
    elsewhere: set[int]
    """Services of other panels."""
    requests: dict[int, Request]
    redriven: dict[str, int]
    unproven: set[int]
    owners: dict[int, int]
    """Panel user id -> the client he was made for."""
    counts: dict[str, int] = field(default_factory=dict)


async def read_sides(name: str, remembered: Remembered) -> Sides:
    """Read the three sides and make sure that they are whole.

    Raises Refusal: a list is empty or shrank by more than the set share. Raises PanelError, WhmcsError, LedgerError: a
    side cannot be reached, or its pages do not add up.
    """
    panel = await panel_named(name)
    started = clock().now()
    in_use = await overview.services_in_use(ledger(), name)
    (servers, emails), (billed, products) = await both(
        _read_panel(panel), _read_whmcs(in_use, remembered.products, share=settings().reconcile_shrink_share)
    )
    services = await _read_ledger(name)
    # Last of all: what a run changed meanwhile, on whichever side, its request gives away.
    requests = await overview.driven_since(ledger(), name, started - CLOCKS_APART)
    sides = Sides(
        servers=servers,
        emails=emails,
        billing=billed,
        products=products,
        services=services,
        elsewhere=await overview.elsewhere(ledger(), name),
        requests=_by_service(requests),
        redriven=await overview.redriven(ledger(), [one.flow_run_id for one in requests if one.closed_at is None]),
        unproven=await overview.unproven(ledger(), name),
        owners=await overview.owners(ledger(), name),
        counts={"servers": len(servers), "services": sum(one.claim is not None for one in services)}
        | {"services in WHMCS": len(billed)},
    )
    for what, count in sides.counts.items():
        check_not_shrunk(what, count, remembered.counts.get(what), share=settings().reconcile_shrink_share, panel=name)
    await _look_for_missing(panel, sides)
    return sides


def check_not_shrunk(what: str, now: int, before: int | None, *, share: float, panel: str) -> None:
    """Raises Refusal: the list is a good deal shorter than the last time (safety rule 8)."""
    if before is not None and before - now > may_go_missing(before, share):
        raise Refusal(
            f"Panel {panel}: {now} {what}, and {before} the last time. Nothing was compared or repaired. If that is "
            f"right, say so: dciflow panel recount {panel}"
        )


def may_go_missing(of: int, share: float) -> int:
    """How many of so many may go missing without it being an accident."""
    return max(FEW, int(of * share))


async def _read_ledger(name: str) -> list[Service]:
    services: list[Service] = []
    while page := await overview.services_of(ledger(), name, after=services[-1].service_id if services else 0):
        services += page
    return services


async def _read_panel(panel: Panel) -> tuple[dict[int, Server], dict[int, str]]:
    servers, users = await both(panel.servers.list(), panel.users.list())
    for what, found in (("servers", servers), ("users", users)):
        if not found:
            raise Refusal(f"Panel {panel.name} lists no {what} at all. Nothing was compared or repaired: look at it.")
    return {server.id: server for server in servers}, {user.id: user.email for user in users}


async def _read_whmcs(
    in_use: Collection[int], known: Collection[int], *, share: float
) -> tuple[dict[int, BillingService], frozenset[int]]:
    """Every service of our products, and the products; one that no list has is asked for by its number."""
    whmcs = await billing()
    found: dict[int, BillingService] = {}
    products: set[int] = set()
    unread: list[int] = []

    async def read_product(number: int) -> None:
        products.add(number)
        found.update({service.service_id: service for service in await whmcs.services.list(number)})

    for number in sorted(known):
        await read_product(number)
    for service_id in in_use:
        if service_id in found:
            continue
        try:
            record = await whmcs.services.get(service_id)
        except NotInWhmcs:
            unread.append(service_id)
            if len(unread) > may_go_missing(len(in_use), share):
                raise Refusal(
                    f"WHMCS does not show {len(unread)} or more of {len(in_use)} services. Nothing was compared or "
                    "repaired: look at the API credential and at the services in WHMCS."
                ) from None
            continue
        if record.product_id not in products:
            await read_product(record.product_id)
        found[service_id] = record
    return found, frozenset(products)


async def _look_for_missing(panel: Panel, sides: Sides) -> None:
    """Ask for each claimed server that the list does not have: one call for each, and the list may be a moment old."""
    for service in sides.services:
        claim = service.claim
        if claim is not None and claim.server_id not in sides.servers:
            with suppress(NotFound):
                sides.servers[claim.server_id] = await panel.servers.get(claim.server_id)


def _by_service(requests: Collection[Request]) -> dict[int, Request]:
    """The request that says most of each service: the open one, if there is one."""
    return {one.service_id: one for one in sorted(requests, key=lambda one: one.closed_at is None)}
