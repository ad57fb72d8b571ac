"""What WHMCS, the ledger and the panel each say, read as whole lists: no call for a service unless it differs.

Which services of WHMCS are ours? Its API does not tell a product's module. So those of every product that is a product
of some service with a server in the ledger: the products are learnt from those services and remembered. A product of
which no service ever had a server is not looked at.
Source: docs/sources.md, WHMCS 13 (GetClientsProducts, parameter pid).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from dcimanager.errors import PanelNotFound, UnexpectedPanelResponse
from dcimanager.listing import OddRow, named_rows
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import overview, panel_users, promised_hardware, rescues
from ledger.hardware import Identity
from ledger.reconciliation import Remembered
from ledger.snapshots import Entry, Request, Service
from runtime.clock import clock
from runtime.connections import ledger, panel_named, whmcs_api
from runtime.errors import StepRefused
from runtime.polling import gather_pair
from runtime.settings import settings
from whmcs.errors import UnexpectedWhmcsResponse
from whmcs.errors import WhmcsNotFound as NotInWhmcs
from whmcs.services import OddService, WhmcsService

FEW = 3
"""So many may always go missing: of five servers one is a fifth, and no accident."""

CLOCKS_APART = timedelta(seconds=5)
"""Requests are closed by workers on other machines, whose clocks may be behind ours."""


@dataclass
class OddRows:
    """The rows of one list that cannot be read (safety rule 18): what each is of exists, and nothing else is known."""

    noun: str
    by_id: dict[int, str] = field(default_factory=dict)
    """Why each row that tells its id cannot be read."""
    nameless: list[str] = field(default_factory=list)
    """The rows without an id, by their places: any one that the list does not show may be one of them."""

    def add_each(self, rows: Iterable[OddRow | OddService]) -> None:
        """Keep those of a list."""
        for row in rows:
            self.add(row.id, row.place, row.why)

    def add(self, number: int | None, place: int, why: str) -> None:
        """Keep one."""
        if number is None:
            self.nameless.append(OddRow(None, place, why).named(self.noun))
        else:
            self.by_id[number] = why

    def why(self, number: int) -> str:
        """Why nothing can be said of the one with that id, which the list does not show readably; empty: it can."""
        if number in self.by_id:
            return f"its row cannot be read ({self.noun} {number}: {self.by_id[number]})"
        return f"its row may be one that cannot be read ({self.nameless[0]})" if self.nameless else ""

    def __len__(self) -> int:
        return len(self.by_id) + len(self.nameless)


@dataclass(frozen=True)
class Sources:
    """The three sources, at one moment as nearly as can be."""

    servers: dict[int, Server]
    emails: dict[int, str]
    """The panel's users. Personal data: it stays in memory and is compared only."""
    whmcs: dict[int, WhmcsService]
    products: frozenset[int]
    services: list[Service]
    elsewhere: set[int]
    """Services of other panels."""
    requests: dict[int, Request]
    redriven: dict[str, int]
    unproven: set[int]
    owners: dict[int, int]
    """Panel user id -> the client that the user was made for."""
    odd_servers: OddRows = field(default_factory=lambda: OddRows("server"))
    odd_users: OddRows = field(default_factory=lambda: OddRows("user"))
    odd_billing: OddRows = field(default_factory=lambda: OddRows("service"))
    counts: dict[str, int] = field(default_factory=dict)
    rescues: dict[int, Entry] = field(default_factory=dict)
    """Service id -> the start of the rescue system that stands, by the journal."""
    hardware: dict[Identity, int] = field(default_factory=dict)
    """By what each promised or forgotten machine of any panel is known, and the service that it is kept for."""


async def read_sources(name: str, remembered: Remembered, *, share: float | None = None) -> Sources:
    """Read the three sources and make sure that they are whole.

    `share`: how large a part of a list may be missing; None: the set share.
    Raises StepRefused: a list is empty or shrank by more than the set share. Raises PanelError, WhmcsError,
    LedgerError: a side cannot be reached, or its pages do not add up.
    """
    panel = await panel_named(name)
    share = settings().reconcile_shrink_share if share is None else share
    started = clock().now()
    in_use = await overview.services_in_use(ledger(), name)
    (servers, emails, odd_servers, odd_users), (billed, products, odd_billing) = await gather_pair(
        _read_panel(panel), _read_whmcs(in_use, remembered.products, share=share)
    )
    services = await _read_ledger(name)
    # Last of all: what a run changed meanwhile, on whichever side, its request gives away.
    requests = await overview.driven_since(ledger(), name, started - CLOCKS_APART)
    sources = Sources(
        servers=servers,
        emails=emails,
        whmcs=billed,
        products=products,
        services=services,
        elsewhere=await overview.elsewhere(ledger(), name),
        requests=_by_service(requests),
        redriven=await overview.requeues(ledger(), [one.flow_run_id for one in requests if one.closed_at is None]),
        unproven=await overview.unproven(ledger(), name),
        owners={**await overview.owners(ledger(), name), **await panel_users.of_panel(ledger(), name)},
        odd_servers=odd_servers,
        odd_users=odd_users,
        odd_billing=odd_billing,
        counts={
            "servers": len(servers) + len(odd_servers),
            "services": sum(one.claim is not None for one in services),
            "services in WHMCS": len(billed) + len(odd_billing),
        },
        rescues=await rescues.of_panel(ledger(), name),
        hardware=await promised_hardware.services(ledger()),
    )
    for what, count in sources.counts.items():
        check_not_shrunk(what, count, remembered.counts.get(what), share=share, panel=name)
    await _look_for_missing(panel, sources)
    return sources


def check_not_shrunk(what: str, now: int, before: int | None, *, share: float, panel: str) -> None:
    """Raises StepRefused: the list is a good deal shorter than the last time (safety rule 8)."""
    if before is not None and before - now > allowed_shrinkage(before, share):
        raise StepRefused(
            f"Panel {panel}: {now} {what}, and {before} the last time. Nothing was compared or repaired. If that is "
            f"right, say so: dciflow panel recount {panel}"
        )


def allowed_shrinkage(of: int, share: float) -> int:
    """How many of so many may go missing without it being an accident."""
    return max(FEW, int(of * share))


async def _read_ledger(name: str) -> list[Service]:
    services: list[Service] = []
    while page := await overview.services_of(ledger(), name, after=services[-1].service_id if services else 0):
        services += page
    return services


async def _read_panel(panel: Panel) -> tuple[dict[int, Server], dict[int, str], OddRows, OddRows]:
    servers, users = await gather_pair(panel.servers.all(), panel.users.all())
    odd_servers, odd_users = OddRows("server"), OddRows("user")
    for odd, listed in ((odd_servers, servers.odd), (odd_users, users.odd)):
        if not (servers if odd is odd_servers else users):
            said = f"no readable {odd.noun} ({named_rows(listed, odd.noun)})" if listed else f"no {odd.noun}s at all"
            raise StepRefused(f"Panel {panel.name} lists {said}. Nothing was compared or repaired: look at it.")
        odd.add_each(listed)
    emails = {user.id: user.email for user in users}
    return {server.id: server for server in servers}, emails, odd_servers, odd_users


async def _read_whmcs(
    in_use: Collection[int], known: Collection[int], *, share: float
) -> tuple[dict[int, WhmcsService], frozenset[int], OddRows]:
    """Every service of our products, and the products; one that no list has is asked for by its number.

    The last are the rows that cannot be read.
    """
    whmcs = await whmcs_api()
    found: dict[int, WhmcsService] = {}
    products: set[int] = set()
    unread: list[int] = []
    odd = OddRows("service")

    async def read_product(number: int) -> None:
        products.add(number)
        listed = await whmcs.services.all(number)
        found.update({service.service_id: service for service in listed})
        odd.add_each(listed.odd)

    for number in sorted(known):
        await read_product(number)
    for service_id in in_use:
        if service_id in found or service_id in odd.by_id:
            continue
        try:
            record = await whmcs.services.get(service_id)
        except UnexpectedWhmcsResponse as error:
            odd.add(service_id, 0, error.message)
            if len(odd.by_id) > allowed_shrinkage(len(in_use), share):
                raise  # so many are no single bad rows
            continue
        except NotInWhmcs:
            unread.append(service_id)
            if len(unread) > allowed_shrinkage(len(in_use), share):
                raise StepRefused(
                    f"WHMCS does not show {len(unread)} or more of {len(in_use)} services. Nothing was compared or "
                    "repaired: look at the API credential and at the services in WHMCS."
                ) from None
            continue
        if record.product_id not in products:
            await read_product(record.product_id)
        found[service_id] = record
    return found, frozenset(products), odd


async def _look_for_missing(panel: Panel, sources: Sources) -> None:
    """Ask for each claimed server that the list does not have: one call for each, and the list may be a moment old."""
    for service in sources.services:
        claim = service.claim
        if claim is not None and claim.server_id not in sources.servers.keys() | sources.odd_servers.by_id.keys():
            try:
                sources.servers[claim.server_id] = await panel.servers.get(claim.server_id)
            except UnexpectedPanelResponse as error:
                sources.odd_servers.add(claim.server_id, 0, error.message)
            except PanelNotFound:
                pass


def _by_service(requests: Collection[Request]) -> dict[int, Request]:
    """The request that says most of each service: the open one, if there is one."""
    return {one.service_id: one for one in sorted(requests, key=lambda one: one.closed_at is None)}
