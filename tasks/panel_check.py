"""Whether a panel can sell: it answers, its dialect is ours, it has something to order and can wipe what comes back."""

from collections import Counter
from collections.abc import Collection, Mapping
from enum import StrEnum
from logging import INFO, WARNING

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext
from pydantic import BaseModel, ConfigDict

from dcimanager.dialect_check import DialectFinding, DialectVerdict, compare_with_swagger
from dcimanager.errors import PanelError, PanelNotFound, PanelRefused, PanelUnreachable, UnexpectedPanelResponse
from dcimanager.listing import Listing, named_rows
from dcimanager.panel import Panel
from dcimanager.parsing import PanelDataT
from runtime.connections import UNSAVED, forget_panel, panel_named
from runtime.flow_run import asking_prefect
from runtime.gate import NEEDED, EntryStatus, entries_of, needed, remedy
from runtime.ledger_time import follow_ledger, skews
from runtime.markdown import code
from runtime.run_log import run_log
from runtime.steps import reads
from tasks.panel_survey import PanelSurvey, warn_of

FOR_DELETIONS = ("terminate",)
FOR_ORDERS = tuple(action for action in NEEDED if action not in FOR_DELETIONS)
"""What a sold server may need before its end: who cannot be suspended or come back must not be sold to."""


class Readiness(StrEnum):
    """What a line of the report says."""

    GOOD = "good"
    MEND = "mend"
    UNKNOWN = "unknown"


class CheckLine(BaseModel):
    """One thing that was looked at, and what to do about it."""

    model_config = ConfigDict(frozen=True)

    verdict: Readiness
    what: str


class PanelReport(BaseModel):
    """What was found on a panel; `survey` is None until one was made."""

    model_config = ConfigDict(frozen=True)

    panel: str
    orders: list[CheckLine]
    deletions: list[CheckLine]
    dialect: list[DialectFinding]
    proofs: list[EntryStatus]
    """How each entry stands that clients' servers need; none for a panel that is not saved and sells nothing."""
    survey: PanelSurvey | None = None

    def with_survey(self, survey: PanelSurvey) -> "PanelReport":
        """The report with what a survey showed, and a line for whether orders can be served by it."""
        return self.model_copy(update={"survey": survey, "orders": [*self.orders, _surveyed(survey)]})

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
        parts += ["", "## What clients' servers are touched with", "", "| entry | backed by |", "|---|---|"]
        parts += [f"| {one.entry} | {code(one.sentence())} |" for one in self.proofs]
        parts += [] if self.survey is None else ["", self.survey.markdown()]
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
    stands = {} if panel.name == UNSAVED else await entries_of(panel)
    return PanelReport(
        panel=panel.name,
        orders=[
            await _servers(panel),
            await _templates(panel),
            await _pools(panel),
            await _locations(panel),
            *_proofs(panel, stands, FOR_ORDERS),
        ],
        deletions=[
            await _deallocation(panel),
            _diagnostics(panel),
            *await _clocks(panel),
            *_proofs(panel, stands, FOR_DELETIONS),
        ],
        dialect=await compare_with_swagger(panel),
        proofs=list(stands.values()),
    )


@reads("the report is shown", run_name="report on panel {report.panel}")
async def report_panel(report: PanelReport) -> None:
    """Show the report beside the run and log what has to be mended. Raises PrefectUnreachable."""
    for line in [*report.orders, *report.deletions]:
        run_log().log(WARNING if line.verdict is Readiness.MEND else INFO, "%s: %s", line.verdict.value, line.what)
    absent = [finding.endpoint for finding in report.dialect if finding.verdict is DialectVerdict.ABSENT]
    if absent:
        run_log().warning("the panel's Swagger does not have: %s (docs/dialect.md)", ", ".join(absent))
    if report.survey is not None:
        warn_of(report.survey)
    if FlowRunContext.get() is not None:
        with asking_prefect():
            await acreate_markdown_artifact(key=f"panel-{report.panel}", markdown=report.markdown())


def _cannot_tell(what: str, error: PanelError) -> CheckLine:
    if isinstance(error, PanelUnreachable):
        raise error
    return CheckLine(
        verdict=Readiness.UNKNOWN, what=f"The panel does not tell its {what} ({error}): see docs/dialect.md."
    )


def _line(good: bool, what: str, mend: str) -> CheckLine:
    return (
        CheckLine(verdict=Readiness.GOOD, what=what)
        if good
        else CheckLine(verdict=Readiness.MEND, what=f"{what}: {mend}")
    )


def _surveyed(survey: PanelSurvey) -> CheckLine:
    if not survey.read_servers:
        return _line(False, "Survey: the panel's servers could not be read", "correct [server_list] (docs/dialect.md)")
    return _line(
        not survey.must_be_mended,
        f"Survey: {survey.sentence()}",
        f"some servers cannot be read or say words that are not in the table: dciflow panel survey {survey.panel}",
    )


async def _servers(panel: Panel) -> CheckLine:
    try:
        listed = await panel.servers.configurations()
    except (PanelRefused, UnexpectedPanelResponse) as error:
        return _cannot_tell("server configurations", error)
    rows = [row for row in listed if row.configuration]
    counted = ", ".join(f"{row.configuration} ({row.free_server_count} free)" for row in rows) or "none"
    return _line(
        any(row.free_server_count for row in rows),
        f"Server configurations: {counted}{_odd(listed, 'configuration')}",
        "add servers and run diagnostics on them, which gives them their configuration's name",
    )


async def _templates(panel: Panel) -> CheckLine:
    try:
        templates = await panel.os_templates.all()
    except (PanelRefused, UnexpectedPanelResponse) as error:
        return _cannot_tell("OS templates", error)
    names = ", ".join(sorted({template.name for template in templates})) or "none"
    return _line(
        bool(templates), f"OS templates: {names}{_odd(templates, 'template')}", "download templates on the panel"
    )


async def _pools(panel: Panel) -> CheckLine:
    try:
        pools = await panel.addresses.pools()
    except (PanelRefused, UnexpectedPanelResponse) as error:
        return _cannot_tell("IP pools", error)
    counted = ", ".join(f"{pool.name} ({'?' if pool.free is None else pool.free} free)" for pool in pools) or "none"
    return _line(
        any(pool.free != 0 for pool in pools),
        f"IP pools: {counted}{_odd(pools, 'pool')}",
        "create a pool with free addresses",
    )


async def _locations(panel: Panel) -> CheckLine:
    try:
        locations = await panel.locations.all()
    except (PanelRefused, UnexpectedPanelResponse) as error:
        return _cannot_tell("locations", error)
    counted = Counter(f"{location.name} (ID {location.id})" for location in locations)
    what = f"Locations: {', '.join(counted) or 'none'}{_odd(locations, 'location')}"
    return _line(bool(locations), what, "create a location on the panel")


def _odd(listed: Listing[PanelDataT], noun: str) -> str:
    """The rows of the list that are left out, since nobody can read them."""
    return f"; {len(listed.odd)} row(s) cannot be read ({named_rows(listed.odd, noun)})" if listed.odd else ""


async def _clocks(panel: Panel) -> list[CheckLine]:
    lines = skews(await follow_ledger(at_once=True), panel)
    return [CheckLine(verdict=Readiness.MEND, what=f"{line}: nothing is wiped until then") for line in lines]


async def _deallocation(panel: Panel) -> CheckLine:
    try:
        marked = await panel.addresses.deallocation_pools()
    except (PanelNotFound, PanelRefused, UnexpectedPanelResponse) as error:
        return _cannot_tell("pool for the deallocation of servers", error)
    return _line(
        bool(marked),
        f"Pools marked for the deallocation of servers: {len(marked)}",
        "Networks, IP pools, Pool general settings: select one in Pools for deallocation of servers",
    )


def _proofs(panel: Panel, stands: Mapping[str, EntryStatus], actions: Collection[str]) -> list[CheckLine]:
    """Whether what these actions call is proved or trusted; no line for a panel that sells nothing."""
    entries = [stands[entry] for entry in needed(actions) if entry in stands]
    if not entries:
        return []
    unproved = [one.entry for one in entries if one.status == "unproved"]
    tolerated = [one.entry for one in entries if one.status == "sold-before"]
    if unproved:
        mend = f"neither proved nor trusted: {', '.join(unproved)}. {remedy(panel.name)}"
        return [_line(False, "Calls on clients' servers", mend)]
    if tolerated:
        what = f"Only used because the panel sold before proofs were kept: {', '.join(tolerated)}. {remedy(panel.name)}"
        return [CheckLine(verdict=Readiness.UNKNOWN, what=what)]
    counted = Counter(one.status for one in entries)
    return [_line(True, f"Calls on clients' servers: {counted['proved']} proved, {counted['trusted']} trusted", "")]


def _diagnostics(panel: Panel) -> CheckLine:
    entry = panel.dialect["diagnostics"]
    return CheckLine(
        verdict=Readiness.UNKNOWN if entry.mark.value == "inferred" else Readiness.GOOD,
        what=f"Diagnostics are started by {entry.method} {entry.path} ({entry.mark.value}); "
        "run one by hand on a free server to see that it works",
    )
