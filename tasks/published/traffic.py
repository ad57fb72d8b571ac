"""The month's traffic of a panel's servers, kept in Prefect for WHMCS."""

from collections.abc import AsyncIterator, Collection, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from dcimanager.endpoints import DialectError
from dcimanager.errors import PanelError, PanelUnreachable
from ledger import overview
from ledger.snapshots import Claim
from ledger.states import State
from runtime.clock import clock
from runtime.connections import connections, ledger, panel_named
from runtime.errors import StepRefused
from runtime.run_log import run_log
from runtime.steps import ensures, reads
from tasks.published.variables import TRAFFIC, NamedValue, chunked, publish_chunks

IN_USE = frozenset({State.ACTIVE, State.SUSPENDED})
"""Only these servers are used by their clients alone: before and after, traffic is an installation's or a wipe's."""

MB = 1024 * 1024
"""WHMCS keeps traffic in MB and shows 1024 of them as a GB."""

SILENT_IN_A_ROW = 3
"""After so many servers in a row without any answer the panel counts as unreachable."""


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

    def variables(self, panels: Collection[str] = ()) -> Iterator[NamedValue]:
        """Names and values of the variables that WHMCS's module reads. `panels`: all there are."""
        rows: list[JsonValue] = [[used.service_id, used.used_mb, used.limit_mb] for used in self.services]
        return chunked(TRAFFIC, self.panel, self.at, {"services": rows}, panels)


@reads("the month's traffic", run_name="read the traffic of panel {name}")
async def read_traffic(name: str) -> MonthOfTraffic:
    """Ask for each active and suspended service's server what it moved since the first of the month, in UTC.

    What it moved before its client used it is not theirs. One whose traffic cannot be read is left out, never zero.
    Raises PanelUnreachable: the panel is silent; StepRefused: not one server's traffic could be read, or the panel's
    table names no number.
    """
    panel = await panel_named(name)
    now = clock().now()
    began = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found: list[Used] = []
    failed: list[PanelError] = []
    silent = 0
    async for claim in servers_in_use(name):
        since = began if claim.active_since is None else max(began, claim.active_since)
        try:
            moved = await panel.traffic.of(claim.server_id, since=since, until=now)
        except DialectError as error:
            raise StepRefused(str(error)) from None
        except PanelError as error:
            silent = silent + 1 if isinstance(error, PanelUnreachable) else 0
            if silent == SILENT_IN_A_ROW:
                raise
            failed.append(error)
            continue
        silent = 0
        limit = None if moved.limit is None else moved.limit // MB
        found.append(Used(service_id=claim.service_id, used_mb=moved.total // MB, limit_mb=limit))
    if failed and not found:
        raise StepRefused(f"No server of panel {name} tells its traffic; the first one: {failed[0]}")
    if failed:
        run_log().warning("%s of panel %s's servers do not tell their traffic; one: %s", len(failed), name, failed[0])
    return MonthOfTraffic(at=now, panel=name, services=found)


async def servers_in_use(panel: str) -> AsyncIterator[Claim]:
    """The claims of the panel's services that are in use, read a page at a time."""
    after = 0
    while page := await overview.services_of(ledger(), panel, after=after):
        for service in page:
            if service.state in IN_USE and service.claim is not None and service.claim.panel == panel:
                yield service.claim
        after = page[-1].service_id


@ensures("WHMCS can read the month's traffic", run_name="keep the traffic of panel {month.panel} for WHMCS")
async def keep_traffic(month: MonthOfTraffic) -> None:
    """Write it into Prefect's variables. Raises PrefectUnreachable."""
    await publish_chunks(month.variables(await connections().name_panels()))
