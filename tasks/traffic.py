"""The month's traffic of a panel's servers, kept in Prefect for WHMCS."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from dcimanager.errors import PanelError, Unreachable
from ledger import overview
from ledger.lifecycle import State
from ledger.snapshots import Claim
from tasks import shelf
from tasks.clock import clock
from tasks.connections import ledger, panel_named
from tasks.effects import ensures, reads
from tasks.log import run_log
from tasks.outcomes import Refusal
from tasks.shelf import Kept

IN_USE = frozenset({State.ACTIVE, State.SUSPENDED})
"""Only these servers are the client's and his alone: before and after, traffic is an installation's or a wipe's."""

MB = 1024 * 1024
"""WHMCS keeps traffic in MB and shows 1024 of them as a GB."""

SILENT_IN_A_ROW = 3
"""So many servers without any answer one after the other are no matter of the servers any more."""


class Used(BaseModel):
    """One service's traffic since the month began. limit_mb: a month's; None: the panel tells none."""

    model_config = ConfigDict(frozen=True)

    service_id: int
    used_mb: int
    limit_mb: int | None


class MonthOfTraffic(BaseModel):
    """What the services of one panel have moved at one moment; who is missing could not be read."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    panel: str
    services: list[Used]

    def variables(self) -> Iterator[Kept]:
        """Names and values of the variables that WHMCS's module reads."""
        rows: list[JsonValue] = [[used.service_id, used.used_mb, used.limit_mb] for used in self.services]
        return shelf.variables("dcimanager_traffic", self.panel, self.at, {"services": rows})


@reads("the month's traffic", run_name="read the traffic of panel {name}")
async def read_traffic(name: str) -> MonthOfTraffic:
    """Ask for each active and suspended service's server what it moved since the first of the month, in UTC.

    A server whose traffic cannot be read is left out, never zero.
    Raises Unreachable: the panel is silent; Refusal: not one server could be read, so it is no matter of the servers.
    """
    panel = await panel_named(name)
    now = clock().now()
    began = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found: list[Used] = []
    failed: list[PanelError] = []
    silent = 0
    async for claim in _servers(name):
        try:
            moved = await panel.traffic.of(claim.server_id, since=began, until=now)
        except PanelError as error:
            silent = silent + 1 if isinstance(error, Unreachable) else 0
            if silent == SILENT_IN_A_ROW:
                raise
            failed.append(error)
            continue
        silent = 0
        limit = None if moved.limit is None else moved.limit // MB
        found.append(Used(service_id=claim.service_id, used_mb=moved.total // MB, limit_mb=limit))
    if failed and not found:
        raise Refusal(f"No server of panel {name} tells its traffic; the first one: {failed[0]}")
    if failed:
        run_log().warning("%s of panel %s's servers do not tell their traffic; one: %s", len(failed), name, failed[0])
    return MonthOfTraffic(at=now, panel=name, services=found)


async def _servers(panel: str) -> AsyncIterator[Claim]:
    """The claims of the services that are in use, read a page at a time."""
    after = 0
    while page := await overview.services_of(ledger(), panel, after=after):
        for service in page:
            if service.state in IN_USE and service.claim is not None and service.claim.panel == panel:
                yield service.claim
        after = page[-1].service_id


@ensures("WHMCS can read the month's traffic", run_name="keep the traffic of panel {month.panel} for WHMCS")
async def keep_traffic(month: MonthOfTraffic) -> None:
    """Write it into Prefect's variables. Raises PrefectUnreachable."""
    await shelf.keep(month.variables())
