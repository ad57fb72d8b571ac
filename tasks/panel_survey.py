"""A survey of a panel: what is really there, how many servers could be sold, and why the others could not."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

from dcimanager.errors import PanelRefused, UnexpectedPanelResponse, WrongCredentials
from dcimanager.panel import Panel
from dcimanager.servers import Server
from dcimanager.survey import survey_rows
from dcimanager.survey_findings import FindingKind, Survey, SurveyedList, id_list, shown
from dcimanager.words import WordKind
from ledger import claims, server_notes
from ledger.hardware import Identity
from runtime.connections import ledger, panel_named
from runtime.markdown import code
from runtime.run_log import EXPECTED, run_log
from runtime.steps import reads
from tasks.allocation import not_free
from tasks.identity import hardware_of
from tasks.shared_hardware import repeated

LONGEST_CELL = 600
"""Characters of a panel's text in one cell of a table."""


class UnreadList(BaseModel):
    """A list that the panel did not give, and what it said instead."""

    model_config = ConfigDict(frozen=True)

    entry: SurveyedList
    why: str


class PanelSurvey(BaseModel):
    """What a survey of one panel showed. why_not: reason -> servers; one server can have several reasons."""

    model_config = ConfigDict(frozen=True)

    panel: str
    servers: int
    sellable: int
    why_not: dict[str, int]
    unread: list[UnreadList]
    found: Survey

    @property
    def read_servers(self) -> bool:
        """The panel gave its servers, without which a survey says nothing."""
        return all(one.entry is not SurveyedList.SERVERS for one in self.unread)

    @property
    def must_be_mended(self) -> bool:
        """Servers cannot be read, or say words that are not in the table: nothing is sold on them."""
        unread = any(
            one.kind is FindingKind.ROW_UNREADABLE and one.found_in is SurveyedList.SERVERS
            for one in self.found.findings
        )
        # Types of operations are told by parts, too, and most of them are none that we wait for.
        words = [one for one in self.found.words if one.kind is not WordKind.OPERATION_TYPE]
        return not self.read_servers or unread or bool(words)

    def sentence(self) -> str:
        """How many servers could be sold, and why the others could not. Not escaped."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.why_not.items())
        lead = f"{self.sellable} of {self.servers} servers could be sold now"
        return f"{lead}; the others: {reasons}" if reasons else lead

    def lines(self) -> list[str]:
        """One line for each kind of finding, with counts. Not escaped."""
        return [f"the list {one.entry} could not be read: {one.why}" for one in self.unread] + self.found.lines()

    def markdown(self) -> str:
        """The survey as it is shown beside the run; what the panel said is inert in it."""
        parts = ["## Survey: what is really there", "", f"{code(self.sentence())}", ""]
        parts += [f"- {code(one.entry)} could not be read: {code(cell(one.why))}" for one in self.unread]
        for heads, rows in (
            (WORD_COLUMNS, self.word_rows()),
            (FIELD_COLUMNS, self.field_rows()),
            (FINDING_COLUMNS, self.finding_rows()),
        ):
            table = [f"| {' | '.join(code(cell(text)) for text in row)} |" for row in rows]
            if table:
                parts += ["", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *table]
        return "\n".join(parts)

    def word_rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of the table of words."""
        for one in self.found.words:
            yield one.kind, one.word, one.field, str(one.count), id_list(one.ids, one.rows)

    def field_rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of the table of fields."""
        for one in self.found.fields:
            yield one.found_in.noun, one.field, one.note, ", ".join(map(str, one.ids))

    def finding_rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of the table of all other findings."""
        for one in self.found.findings:
            where = f"{one.found_in.noun} {id_list(one.ids, one.rows)}"
            yield one.what, str(one.count), where, "; ".join(one.examples) or "-"


WORD_COLUMNS = ("Kind", "Word", "Field", "How often", "At servers")
FIELD_COLUMNS = ("List", "Field", "How it is", "First at")
FINDING_COLUMNS = ("What was found", "How often", "At", "Examples")


def cell(text: str) -> str:
    """The text, cut to what a cell holds. Not escaped."""
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


@reads("what is really on the panel", run_name="look through what is on panel {name}")
async def survey_panel(name: str) -> PanelSurvey:
    """Read every server, user, template, pool and location once, and say what is unknown, missing, empty or shared.

    Nothing is changed. Raises what `survey` raises.
    """
    return await survey(await panel_named(name))


async def survey(panel: Panel) -> PanelSurvey:
    """Look through everything on the panel; a list that it does not give is named and left out (safety rule 18).

    Raises PanelUnreachable, WrongCredentials: the panel could not be asked. Raises LedgerUnavailable: what is promised
    is not known.
    """
    rows: dict[SurveyedList, list[JsonValue]] = {}
    unread = []
    for name in SurveyedList:
        try:
            rows[name] = await panel.transport.read_rows(name)
        except WrongCredentials:
            raise
        except (PanelRefused, UnexpectedPanelResponse) as error:
            unread.append(UnreadList(entry=name, why=shown(str(error), LONGEST_CELL)))
    # Some seconds of computing: in a thread of its own, other runs of this worker go on meanwhile.
    found, servers = await asyncio.to_thread(survey_rows, rows, panel.dialect)
    taken = await claims.claimed(ledger(), panel.name)
    forgotten = await claims.forgotten(ledger(), panel.name)
    withheld = await server_notes.withheld(ledger(), panel.name)
    shared = repeated(map(hardware_of, servers))
    why_not: Counter[str] = Counter()
    sellable = 0
    for server in servers:
        reasons = _why_not(server, shared, taken, forgotten, withheld)
        why_not.update(reasons)
        sellable += not reasons
    total = len(rows.get(SurveyedList.SERVERS, []))
    if total > len(servers):
        why_not["that could not be read"] = total - len(servers)
    return PanelSurvey(
        panel=panel.name,
        servers=total,
        sellable=sellable,
        why_not=dict(why_not.most_common()),
        unread=unread,
        found=found,
    )


def _why_not(
    server: Server,
    shared: Collection[Identity],
    taken: Collection[int],
    forgotten: Collection[int],
    withheld: Mapping[int, str],
) -> list[str]:
    """Why an order would not get this server, as phrases; empty: it would, if it asked for its configuration."""
    reasons = not_free(server, shared=shared)
    if not server.configuration:
        reasons.append("without a configuration")
    if server.id in taken:
        reasons.append("promised to a service")
    if server.id in forgotten:
        reasons.append("forgotten without a proved wipe")
    if server.id in withheld:
        reasons.append(withheld[server.id])
    return reasons


def warn_of(found: PanelSurvey) -> None:
    """One warning for each kind of finding in the run's log."""
    for line in found.lines():
        run_log().warning("panel %s: %s (run `dciflow panel survey %s`)", found.panel, line, found.panel)


async def survey_and_warn(name: str) -> None:
    """Survey the panel and log what was found; a survey that fails is a warning, too, and stops nothing."""
    try:
        warn_of(await survey_panel(name))
    except EXPECTED as error:
        run_log().warning("panel %s could not be surveyed: %s", name, error)
