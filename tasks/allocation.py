"""Find a server for an order and promise it to the service: claim first, look again, then act."""

import difflib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from random import SystemRandom

from dcimanager.errors import PanelNotFound, one_line
from dcimanager.filters import Field, Filter, UnsafeValue
from dcimanager.listing import named_rows
from dcimanager.operations import Operation, OperationProgress
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import claims, overview, promised_hardware, server_notes
from ledger.errors import AlreadyClaimed
from ledger.hardware import Identity
from ledger.hardware_values import mac_spelling
from ledger.orders import Order
from ledger.snapshots import Service
from ledger.states import State
from runtime.connections import ledger, panel_named
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.run_log import run_log
from runtime.settings import SellDespite, settings
from runtime.steps import ensures
from tasks.dirty import why_dirty
from tasks.identity import hardware_of, identifying_hardware
from tasks.order import Needs, needs_of, order_of
from tasks.shared_hardware import shared_hardware
from whmcs.text import same_text


@ensures("a server is claimed", run_name="find and claim a server for service {service.service_id}")
async def claim_server(service: Service) -> Service:
    """Find a free server of the ordered configuration and promise it to the service; keep the one it has.

    The claim is written before anything on the panel, then the server is read again: a lost race tries the next
    candidate, in random order so that runs do not queue for the same one.
    A server that is reserved for the service comes first. Where staff chose one (`Order.server_id`), it is that one or
    none.
    Refused: no server fits; the text counts the near misses, one reason each, or says what is against the chosen one.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 1.
    """
    drive = driving(service)
    service = await drive.fresh()
    order = order_of(service)
    panel = await drive.panel()
    if service.claim is not None and service.state is not State.CLAIMED:
        return service  # from PREPARING on the panel may know an owner: set_owner finds out whose the server is
    needs = await needs_of(panel, order)
    if service.claim is not None:
        is_meant = order.server_id in (None, service.claim.server_id)
        if is_meant and not await _lost(panel, service.claim.server_id, order, needs, service):
            return service
        service = await drive.write(claims.drop)

    for candidate in await _candidates(panel, order, needs, service):
        try:
            service = await drive.write(
                claims.take,
                server_id=candidate.id,
                hardware=await identifying_hardware(panel, candidate),
                operation_before=0 if candidate.operation is None else candidate.operation.id,
            )
        except AlreadyClaimed:  # or set aside, or reserved
            continue
        if not await _lost(panel, candidate.id, order, needs, service):
            run_log().info("server %s is claimed for service %s", candidate.id, service.service_id)
            return service
        run_log().info("server %s was taken meanwhile: trying the next", candidate.id)
        service = await drive.write(claims.drop)
    if order.server_id is not None:
        raise StepRefused(await _chosen_unfit(panel, order, order.server_id, service, needs))
    raise StepRefused(await _no_fit(panel, order, service, needs))


async def check_one_fits(service: Service, order: Order) -> None:
    """Look whether the order would get a server now, without claiming one. Raises StepRefused: none, and why."""
    panel = await panel_named(service.panel)
    needs = await needs_of(panel, order)
    if await _candidates(panel, order, needs, service):
        return
    if order.server_id is not None:
        raise StepRefused(await _chosen_unfit(panel, order, order.server_id, service, needs))
    raise StepRefused(await _no_fit(panel, order, service, needs))


def unfit(
    server: Server,
    order: Order,
    *,
    shared: Collection[Identity],
    needs: Needs | None = None,
    waived: Collection[SellDespite] = frozenset(),
) -> list[str]:
    """Why a server does not fit an order, as phrases for the count of near misses; empty: it fits.

    `shared`: the values that more than one server of the panel shows. `needs`: what it needs of the server's place.
    """
    faults = []
    if not same_text(server.configuration or "", order.configuration):
        faults.append("of another configuration")
    if order.location_id is not None and server.location_id != order.location_id:
        faults.append("in another location")
    return faults + not_free(server, shared=shared, waived=waived) + ([] if needs is None else needs.unmet(server))


def not_free(
    server: Server, *, shared: Collection[Identity], waived: Collection[SellDespite] = frozenset()
) -> list[str]:
    """Why nobody could get this server, as phrases; empty: the panel says that it is free and fit.

    `shared`: the values that more than one server of the panel shows: none of them tells it from others. A site may
    waive some reasons (setting DCIFLOW_SELL_DESPITE), and so may the caller (`waived`).
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 1; docs/sources.md, panel 18.2 (new,
    protected, in maintenance, in operation, unique MAC, problems); safety rule 4 the last.
    """
    faults = []
    if server.owner_email is not None:
        faults.append("with an owner" if "@" in server.owner_email else "with an owner that the panel does not name")
    if server.operation is not None:
        faults += _of_last(server.operation)
    if server.is_new:
        faults.append("not yet accepted (new)")
    if server.is_protected:
        faults.append("protected")
    if server.in_maintenance:
        faults.append("in maintenance")
    let_pass = {*settings().sell_despite, *waived}
    return faults + [text for waivable, text in _waivable(server, shared) if waivable not in let_pass]


def _of_last(operation: Operation) -> list[str]:
    match operation.progress:
        case OperationProgress.RUNNING:
            return ["with an operation that runs"]
        case OperationProgress.UNKNOWN:
            return ["whose last operation's word is not in the table (docs/dialect.md)"]
        case OperationProgress.FAILED:
            return ["whose last operation failed"]
        case OperationProgress.FINISHED | OperationProgress.ENDED:
            return []


def _waivable(server: Server, shared: Collection[Identity]) -> Iterator[tuple[SellDespite, str]]:
    if not hardware_of(server).apart_from(shared).identifies:
        yield (
            SellDespite.NO_IDENTITY,
            "without serial number, MAC address or barcode of its own, so that a wipe could not be proved",
        )
    dirty = why_dirty(server, unproven=False)  # of a wipe that is not proved only the ledger knows: it claims no such
    if dirty is not None and server.owner_email is None:
        yield SellDespite.DIRTY, f"perhaps with data on its disks: {dirty}"
    if server.state and server.in_operation is None:
        yield SellDespite.STATE, "whose state's word is not in the table (docs/dialect.md)"
    elif server.in_operation is False:
        yield SellDespite.STATE, f"not in operation ({one_line(server.state, longest=40)})"
    if any(Identity("mac", mac_spelling(mac)) in shared for mac in server.macs):
        yield SellDespite.SHARED_MAC, "with a MAC address that another server has, too"
    if server.problems:
        yield SellDespite.PROBLEMS, "with problems on the panel"


async def _candidates(panel: Panel, order: Order, needs: Needs, service: Service) -> list[Server]:
    """The servers that may be tried, those that are reserved for the service first; of a chosen one, that one alone."""
    if order.server_id is None:
        found = await _free_servers(panel, order, needs)
    else:
        try:
            server = await panel.servers.get(order.server_id)
        except PanelNotFound:
            return []
        found = [] if unfit(server, order, shared=await shared_hardware(panel), needs=needs) else [server]
    taken = await claims.claimed(ledger(), panel.name)
    withheld = await server_notes.withheld(ledger(), panel.name, service.service_id)
    own = await server_notes.reserved_for(ledger(), panel.name, service.service_id)
    found = [server for server in found if server.id not in taken and server.id not in withheld]
    SystemRandom().shuffle(found)
    return sorted(found, key=lambda server: server.id not in own)


async def _lost(panel: Panel, server_id: int, order: Order, needs: Needs, service: Service) -> bool:
    try:
        server = await panel.servers.get(server_id)
        if server.id in await server_notes.withheld(ledger(), panel.name, service.service_id):
            return True
        return bool(unfit(server, order, shared=await shared_hardware(panel), needs=needs))
    except PanelNotFound:
        return True


async def _free_servers(panel: Panel, order: Order, needs: Needs | None = None) -> list[Server]:
    wanted = _of_configuration(order) & Field("owner_email").is_null() & Field("is_new").eq(False)
    found = await panel.servers.all(wanted)
    shared = await shared_hardware(panel) if found else frozenset()
    return [server for server in found if not unfit(server, order, shared=shared, needs=needs)]


def _of_configuration(order: Order) -> Filter:
    try:
        return Field("configuration").eq(order.configuration)
    except UnsafeValue as error:
        raise StepRefused(
            f"The configuration's name cannot be asked for: {error} Correct the product's settings."
        ) from None


async def _no_fit(panel: Panel, order: Order, service: Service, needs: Needs) -> str:
    """One line: what was looked for, and for each reason how many servers missed by it."""
    servers = await panel.servers.all(_of_configuration(order))
    place = "" if order.location_id is None else f" in location {order.location_id}"
    lead = f"No free server of configuration {order.configuration}{place} on panel {panel.name}"
    if not servers and not servers.odd:
        known = [row.configuration for row in await panel.servers.configurations() if row.configuration]
        near = difflib.get_close_matches(order.configuration, known, n=3, cutoff=0.4)
        hint = f" Nearest names: {', '.join(near)}." if near else ""
        return f"{lead}: the panel has no server of it at all.{hint} Correct the product's Server configuration type."
    shared = await shared_hardware(panel)
    memory = await _Memory.of(service)
    misses: Counter[str] = Counter()
    for server in servers:
        faults = memory.against(server, order, shared, needs)
        is_taken = server.id in memory.taken
        misses.update(faults or (["promised to another service"] if is_taken else ["taken this very moment"]))
    told = [f"{count} {reason}" for reason, count in misses.most_common()]
    if servers.odd:
        row = "whose row" if len(servers.odd) == 1 else "whose rows"
        told.append(f"{len(servers.odd)} {row} cannot be read ({named_rows(servers.odd, 'server')})")
    counted = ", ".join(told)
    return f"{lead}. Of {len(servers) + len(servers.odd)} servers: {counted}. Free one, or add stock, and press Retry."


async def _chosen_unfit(panel: Panel, order: Order, server_id: int, service: Service, needs: Needs) -> str:
    """One line: why the server that staff chose is not the service's, and what to do."""
    lead = f"Server {server_id} of panel {panel.name} was chosen for service {service.service_id} and cannot be its"
    do = "Choose another one on the service's page in WHMCS, or none, and press Retry."
    try:
        server = await panel.servers.get(server_id)
    except PanelNotFound:
        return f"{lead}: the panel has no such server. {do}"
    memory = await _Memory.of(service)
    faults = memory.against(server, order, await shared_hardware(panel), needs)
    if server.id in memory.taken:
        faults.append("promised to another service")
    return f"{lead}: it is one {'; '.join(faults or ['taken this very moment'])}. {do}"


@dataclass(frozen=True)
class _Memory:
    """What the ledger knows of a panel's servers that is against a service's getting them."""

    panel: str
    taken: Collection[int]
    forgotten: Collection[int]
    unproven: Collection[int]
    withheld: Mapping[int, str]
    places: Mapping[Identity, tuple[str, int]]

    @classmethod
    async def of(cls, service: Service) -> "_Memory":
        """Read it."""
        return cls(
            panel=service.panel,
            taken=await claims.claimed(ledger(), service.panel),
            forgotten=await claims.forgotten(ledger(), service.panel),
            unproven=await overview.unproven(ledger(), service.panel),
            withheld=await server_notes.withheld(ledger(), service.panel, service.service_id),
            places=await promised_hardware.places(ledger()),
        )

    def against(self, server: Server, order: Order, shared: AbstractSet[Identity], needs: Needs) -> list[str]:
        """Why the order does not get this server, as phrases, but for its being promised."""
        used = {SellDespite.DIRTY} if server.id in self.taken else frozenset()  # a promised one has its service's OS
        faults = unfit(server, order, shared=shared, needs=needs, waived=used)
        if server.id in self.forgotten:
            faults.append("forgotten without a proved wipe")
        elif server.id in self.unproven and server.id not in self.taken:
            faults.append("whose last wipe is not proved")
        here = (self.panel, server.id)
        if any(self.places.get(value, here) != here for value in hardware_of(server).identities - shared):
            faults.append("with the hardware of a server that is promised or held elsewhere")
        if server.id in self.withheld:
            faults.append(self.withheld[server.id])
        return faults
