"""What a panel has to offer, kept in Prefect for WHMCS: names for the product form's drop-downs, and the stock."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from dcimanager.errors import Refused, Surprise
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import claims
from tasks import shelf
from tasks.alerts import of_low_stock, sound
from tasks.allocation import not_free
from tasks.clock import clock
from tasks.connections import ledger, panel_named
from tasks.effects import ensures, reads
from tasks.log import run_log
from tasks.settings import settings
from tasks.shelf import Kept


class Offered(BaseModel):
    """One server configuration. fit: free, fit servers by location id; None: unknown, which is not zero."""

    model_config = ConfigDict(frozen=True)

    name: str
    fit: dict[str, int] | None
    total: int | None


class Place(BaseModel):
    """One location of the panel."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str


class Catalogue(BaseModel):
    """What one panel offers at one moment."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    panel: str
    configurations: list[Offered]
    os_templates: list[str]
    ip_pools: list[str]
    locations: list[Place]

    def variables(self) -> Iterator[Kept]:
        """Names and values of the variables that WHMCS's module reads."""
        lists = self.model_dump(mode="json", exclude={"at", "panel"})
        return shelf.variables("dcimanager_catalogue", self.panel, self.at, lists)


@reads("what the panel offers", run_name="read what panel {name} offers")
async def read_catalogue(name: str) -> Catalogue:
    """Read configurations, templates, pools and locations, and count the servers that an order would get.

    A server counts for which nothing speaks (`not_free`) and that is promised to nobody. Where the list of servers
    cannot be read, or shows none while the panel counts free ones, the stock is unknown.
    Raises PanelError: the panel cannot be asked for its templates, pools or locations.
    """
    panel = await panel_named(name)
    templates = await panel.os_templates.list()
    pools = await panel.addresses.pools()
    places = await panel.locations.list()
    return Catalogue(
        at=clock().now(),
        panel=name,
        configurations=await _configurations(panel),
        os_templates=sorted({one.name for one in templates if "diag" not in (one.kind or "").casefold()}),
        ip_pools=sorted({pool.name for pool in pools}),
        locations=[Place(id=place.id, name=place.name) for place in sorted(places, key=lambda place: place.id)],
    )


async def _configurations(panel: Panel) -> list[Offered]:
    counted = {row.configuration: row.free_server_count for row in await panel.servers.configurations()}
    try:
        servers: list[Server] | None = await panel.servers.list()
    except (Refused, Surprise) as error:
        run_log().warning("the stock of panel %s is unknown: %s", panel.name, error)
        servers = None
    taken = {*await claims.claimed(ledger(), panel.name), *await claims.forgotten(ledger(), panel.name)}
    if servers is None or (not servers and (any(counted.values()) or taken)):
        return [Offered(name=name, fit=None, total=None) for name in sorted(filter(None, counted))]
    free = [server for server in servers if not not_free(server) and server.id not in taken]
    names = sorted({*counted, *(server.configuration for server in servers)} - {"", None}, key=str)
    return [_offered(str(name), [server for server in free if server.configuration == name]) for name in names]


def _offered(name: str, free: list[Server]) -> Offered:
    fit = Counter(str(server.location_id) for server in free if server.location_id is not None)
    return Offered(name=name, fit=dict(sorted(fit.items())), total=len(free))


@ensures("WHMCS can read what the panel offers", run_name="keep what panel {catalogue.panel} offers for WHMCS")
async def keep_catalogue(catalogue: Catalogue) -> None:
    """Write the catalogue into Prefect's variables, and say which configurations run short.

    Raises PrefectUnreachable.
    """
    await shelf.keep(catalogue.variables())
    for offered in catalogue.configurations:
        if offered.total is not None and offered.total < settings().stock_low:
            run_log().warning("panel %s: %s of %s left", catalogue.panel, offered.total, offered.name)
            sound(of_low_stock(catalogue.panel, offered.name, offered.total))
