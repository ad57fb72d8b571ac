"""Whether a panel can sell: it answers, its dialect is ours, it has something to order and can wipe what comes back."""

from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext
from pydantic import BaseModel, ConfigDict

from dcimanager.check import Finding, Verdict, compare_with_swagger
from dcimanager.errors import NotFound, PanelError, Refused, Surprise, Unreachable
from dcimanager.panel import Panel
from tasks.card import code
from tasks.connections import connections, forget_panel, panel_named
from tasks.effects import reads
from tasks.log import run_log
from tasks.outcomes import Refusal


async def of_each_panel(panel: str | None, work: Callable[[str], Awaitable[None]]) -> list[str]:
    """Do the work for the panel, or for all that are stored, one after the other; the names of those it failed for.

    What a panel or its block says no to is logged, and the other panels do not wait for it. Raises PrefectUnreachable.
    """
    failed = []
    for name in [panel] if panel else await connections().name_panels():
        try:
            await work(name)
        except (PanelError, Refusal) as error:
            run_log().warning("panel %s: %s", name, error)
            failed.append(name)
    return failed


class Readiness(StrEnum):
    """What a line of the report says."""

    GOOD = "good"
    MEND = "mend"
    UNKNOWN = "unknown"


class Line(BaseModel):
    """One thing that was looked at, and what to do about it."""

    model_config = ConfigDict(frozen=True)

    verdict: Readiness
    what: str


class PanelReport(BaseModel):
    """What was found on a panel."""

    model_config = ConfigDict(frozen=True)

    panel: str
    orders: list[Line]
    deletions: list[Line]
    dialect: list[Finding]

    @property
    def ready_for_orders(self) -> bool:
        """Nothing that orders need has to be mended."""
        return all(line.verdict is not Readiness.MEND for line in self.orders)

    @property
    def ready_for_deletions(self) -> bool:
        """Nothing that deletions need has to be mended."""
        return all(line.verdict is not Readiness.MEND for line in self.deletions)

    def markdown(self) -> str:
        """The report as it is shown beside the run."""
        parts = [f"# Panel {self.panel}", ""]
        for title, ready, lines in (
            ("orders", self.ready_for_orders, self.orders),
            ("deletions", self.ready_for_deletions, self.deletions),
        ):
            parts += [f"## {'Ready' if ready else 'Not ready'} for {title}", ""]
            parts += [f"- **{line.verdict.value}**: {code(line.what)}" for line in lines] + [""]
        parts += [
            "## Dialect against the panel's own Swagger",
            "",
            "| entry | our mark | verdict | note |",
            "|---|---|---|---|",
        ]
        parts += [
            f"| {f.endpoint} | {f.mark.value} | {f.verdict.value} | {code(f.note or '-')} |" for f in self.dialect
        ]
        return "\n".join(parts)


@reads("the panel's readiness", run_name="look whether panel {name} is ready to sell")
async def examine_panel(name: str) -> PanelReport:
    """Log in, look at everything that orders and deletions need, and compare the dialect with the panel's Swagger.

    Raises PanelError: the panel cannot be reached, or refuses the login.
    """
    forget_panel(name)  # the credentials in the block may be newer than the session
    return await examine(await panel_named(name))


async def examine(panel: Panel) -> PanelReport:
    """Look at everything that orders and deletions need. Raises PanelError: unreachable, or the login is refused."""
    await panel.login()
    return PanelReport(
        panel=panel.name,
        orders=[await _servers(panel), await _templates(panel), await _pools(panel), await _locations(panel)],
        deletions=[await _deallocation(panel), _diagnostics(panel)],
        dialect=await compare_with_swagger(panel),
    )


@reads("the report is shown", run_name="report on panel {report.panel}")
async def report_panel(report: PanelReport) -> None:
    """Show the report beside the run and name in the log what has to be mended."""
    for line in [*report.orders, *report.deletions]:
        run_log().log(30 if line.verdict is Readiness.MEND else 20, "%s: %s", line.verdict.value, line.what)
    absent = [finding.endpoint for finding in report.dialect if finding.verdict is Verdict.ABSENT]
    if absent:
        run_log().warning("the panel's Swagger does not have: %s (docs/dialect.md)", ", ".join(absent))
    if FlowRunContext.get() is not None:
        await acreate_markdown_artifact(key=f"panel-{report.panel}", markdown=report.markdown())


def _cannot_tell(what: str, error: PanelError) -> Line:
    if isinstance(error, Unreachable):
        raise error
    return Line(verdict=Readiness.UNKNOWN, what=f"The panel does not tell its {what} ({error}): see docs/dialect.md.")


def _line(good: bool, what: str, mend: str) -> Line:
    return Line(verdict=Readiness.GOOD, what=what) if good else Line(verdict=Readiness.MEND, what=f"{what}: {mend}")


async def _servers(panel: Panel) -> Line:
    try:
        rows = [row for row in await panel.servers.configurations() if row.configuration]
    except (Refused, Surprise) as error:
        return _cannot_tell("server configurations", error)
    counted = ", ".join(f"{row.configuration} ({row.free_server_count} free)" for row in rows) or "none"
    return _line(
        any(row.free_server_count for row in rows),
        f"Server configurations: {counted}",
        "add servers and run diagnostics on them, which gives them their configuration's name",
    )


async def _templates(panel: Panel) -> Line:
    try:
        names = sorted({template.name for template in await panel.os_templates.list()})
    except (Refused, Surprise) as error:
        return _cannot_tell("OS templates", error)
    return _line(bool(names), f"OS templates: {', '.join(names) or 'none'}", "download templates on the panel")


async def _pools(panel: Panel) -> Line:
    try:
        pools = await panel.addresses.pools()
    except (Refused, Surprise) as error:
        return _cannot_tell("IP pools", error)
    counted = ", ".join(f"{pool.name} ({'?' if pool.free is None else pool.free} free)" for pool in pools) or "none"
    return _line(any(pool.free != 0 for pool in pools), f"IP pools: {counted}", "create a pool with free addresses")


async def _locations(panel: Panel) -> Line:
    try:
        locations = await panel.locations.list()
    except (Refused, Surprise) as error:
        return _cannot_tell("locations", error)
    counted = Counter(f"{location.name} (ID {location.id})" for location in locations)
    return _line(bool(locations), f"Locations: {', '.join(counted) or 'none'}", "create a location on the panel")


async def _deallocation(panel: Panel) -> Line:
    try:
        marked = await panel.addresses.deallocation_pools()
    except (NotFound, Refused, Surprise) as error:
        return _cannot_tell("pool for the deallocation of servers", error)
    return _line(
        bool(marked),
        f"Pools marked for the deallocation of servers: {len(marked)}",
        "Networks, IP pools, Pool general settings: select one in Pools for deallocation of servers",
    )


def _diagnostics(panel: Panel) -> Line:
    entry = panel.dialect["diagnostics"]
    return Line(
        verdict=Readiness.UNKNOWN if entry.mark.value == "inferred" else Readiness.GOOD,
        what=f"Diagnostics are started by {entry.method} {entry.path} ({entry.mark.value}); "
        "run one by hand on a free server to see that it works",
    )
