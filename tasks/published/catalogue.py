"""What a panel has to offer, kept in Prefect for WHMCS: names for the product form's drop-downs, and the stock."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from dcimanager.errors import PanelRefused, UnexpectedPanelResponse
from dcimanager.listing import Listing, OddRow, named_rows
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import claims, server_notes
from runtime.alerts import emit_alert, low_stock_alert
from runtime.clock import clock
from runtime.connections import connections, ledger, panel_named
from runtime.run_log import run_log
from runtime.settings import settings
from runtime.steps import ensures, reads
from tasks.allocation import not_free
from tasks.identity import hardware_of
from tasks.published.variables import CATALOGUE, NamedValue, chunked, publish_chunks
from tasks.shared_hardware import repeated


class OfferedConfiguration(BaseModel):
    """One server configuration. fit: free, fit servers by location id; None: unknown, which is not zero."""

    model_config = ConfigDict(frozen=True)

    name: str
    fit: dict[str, int] | None
    total: int | None


class OfferedLocation(BaseModel):
    """One location of the panel."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str


class Catalogue(BaseModel):
    """What one panel offers at one moment."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    panel: str
    configurations: list[OfferedConfiguration]
    os_templates: list[str]
    ip_pools: list[str]
    locations: list[OfferedLocation]

    def variables(self, panels: Collection[str] = ()) -> Iterator[NamedValue]:
        """Names and values of the variables that WHMCS's module reads. `panels`: all there are."""
        lists = self.model_dump(mode="json", exclude={"at", "panel"})
        return chunked(CATALOGUE, self.panel, self.at, lists, panels)


@reads("what the panel offers", run_name="read what panel {name} offers")
async def read_catalogue(name: str) -> Catalogue:
    """Read configurations, templates, pools and locations, and count the servers that an order would get.

    A server counts if `not_free` finds nothing against it and it is claimed for no service, set aside or reserved.
    Where the list of servers cannot be read, or shows none while the panel counts free ones, the stock is unknown.
    Raises PanelError: the panel cannot be asked for its templates, pools or locations.
    """
    panel = await panel_named(name)
    templates = await panel.os_templates.all()
    pools = await panel.addresses.pools()
    places = await panel.locations.all()
    for noun, odd in (("OS template", templates.odd), ("IP pool", pools.odd), ("location", places.odd)):
        _warn_of_odd(panel, noun, odd)
    return Catalogue(
        at=clock().now(),
        panel=name,
        configurations=await _configurations(panel),
        os_templates=sorted({one.name for one in templates if not one.is_tool}),
        ip_pools=sorted({pool.name for pool in pools}),
        locations=[
            OfferedLocation(id=place.id, name=place.name) for place in sorted(places, key=lambda place: place.id)
        ],
    )


async def _configurations(panel: Panel) -> list[OfferedConfiguration]:
    counted = {row.configuration: row.free_server_count for row in await panel.servers.configurations()}
    try:
        servers: Listing[Server] | None = await panel.servers.all()
    except (PanelRefused, UnexpectedPanelResponse) as error:
        run_log().warning("the stock of panel %s is unknown: %s", panel.name, error)
        servers = None
    if servers is not None:
        _warn_of_odd(panel, "server", servers.odd)
    taken = {
        *await claims.claimed(ledger(), panel.name),
        *await claims.forgotten(ledger(), panel.name),
        *await server_notes.withheld(ledger(), panel.name),
    }
    if servers is None or (not servers and (any(counted.values()) or taken)):
        return [OfferedConfiguration(name=name, fit=None, total=None) for name in sorted(filter(None, counted))]
    shared = repeated(map(hardware_of, servers))
    free = [server for server in servers if not not_free(server, shared=shared) and server.id not in taken]
    names = sorted({*counted, *(server.configuration for server in servers)} - {"", None}, key=str)
    return [_offered(str(name), [server for server in free if server.configuration == name]) for name in names]


def _warn_of_odd(panel: Panel, noun: str, odd: Collection[OddRow]) -> None:
    """Name the rows that are left out: the stock is that of all others (safety rule 18)."""
    if odd:
        rows = named_rows(odd, noun)
        run_log().warning(
            "panel %s: %s row(s) of its list cannot be read and are left out: %s", panel.name, len(odd), rows
        )


def _offered(name: str, free: list[Server]) -> OfferedConfiguration:
    fit = Counter(str(server.location_id) for server in free if server.location_id is not None)
    return OfferedConfiguration(name=name, fit=dict(sorted(fit.items())), total=len(free))


@ensures("WHMCS can read what the panel offers", run_name="keep what panel {catalogue.panel} offers for WHMCS")
async def keep_catalogue(catalogue: Catalogue) -> None:
    """Write the catalogue into Prefect's variables, and say which configurations run short.

    Raises PrefectUnreachable.
    """
    await publish_chunks(catalogue.variables(await connections().name_panels()))
    for offered in catalogue.configurations:
        if offered.total is not None and offered.total < settings().stock_low:
            run_log().warning("panel %s: %s of %s left", catalogue.panel, offered.total, offered.name)
            emit_alert(low_stock_alert(catalogue.panel, offered.name, offered.total))
