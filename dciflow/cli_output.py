"""What `--json` prints: one model for each command that lists, shows or checks.

Programs read these keys (docs/operate.md, "For programs"): a key is added, never renamed or given another meaning. No
secret is in them. Times are ISO 8601 in UTC.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from dcimanager.dialect_check import DialectVerdict
from dcimanager.endpoints import Dialect, Mark
from dcimanager.learning.proposal import Certainty, Learned
from dcimanager.survey_findings import FieldFault, SurveyedList, SurveyFinding, UnknownWord
from ledger.snapshots import Act, Decision, Request, ServerNote, Service
from ledger.states import State
from runtime.gate import EntryStatus, Status
from tasks.panel_check import CheckLine, PanelReport
from tasks.panel_survey import PanelSurvey, UnreadList


class Output(BaseModel):
    """What a command prints."""

    model_config = ConfigDict(frozen=True)


class StoredPanel(Output):
    """`dciflow panel list`: one row for each panel."""

    panel: str
    url: str
    username: str


class NotedServer(Output):
    """`dciflow server list`: one row for each server that failed last, is set aside, or reserved (null: for nobody)."""

    panel: str
    server_id: int
    failures: int
    set_aside_at: datetime | None
    who: str | None
    reason: str | None
    reserved_at: datetime | None
    reserved_for: int | None
    reserved_by: str | None
    reserved_why: str | None

    @classmethod
    def of(cls, note: ServerNote) -> "NotedServer":
        """The server as it is printed."""
        return cls(**note.model_dump(include=set(cls.model_fields)))


class CheckedEntry(Output):
    """An entry of the dialect beside what the panel's own description says of it."""

    entry: str
    mark: Mark
    verdict: DialectVerdict
    note: str


class BackedEntry(Output):
    """Whether an entry may be used for clients' servers, and why: the run that proved it, or who answers for it."""

    entry: str
    status: Status
    at: datetime | None
    who: str | None
    why: str | None
    run_id: str | None
    server_id: int | None

    @classmethod
    def of(cls, one: EntryStatus) -> "BackedEntry":
        """The entry as it is printed."""
        by = one.by
        return cls(
            entry=one.entry,
            status=one.status,
            at=by.at if by else None,
            who=by.who if by else None,
            why=by.why if by else None,
            run_id=by.flow_run_id if by else None,
            server_id=by.server_id if by else None,
        )


class SurveyedPanel(Output):
    """`dciflow panel survey`. rows: list -> rows read; why_not: reason -> servers, of which one can have several."""

    panel: str
    rows: dict[SurveyedList, int]
    servers: int
    sellable: int
    why_not: dict[str, int]
    unread: list[UnreadList]
    words: list[UnknownWord]
    words_left_out: int
    fields: list[FieldFault]
    findings: list[SurveyFinding]

    @classmethod
    def of(cls, survey: PanelSurvey) -> "SurveyedPanel":
        """The survey as it is printed."""
        found = survey.found
        return cls(
            panel=survey.panel,
            rows=found.rows,
            servers=survey.servers,
            sellable=survey.sellable,
            why_not=survey.why_not,
            unread=survey.unread,
            words=found.words,
            words_left_out=found.words_left_out,
            fields=found.fields,
            findings=found.findings,
        )


class CheckedPanel(Output):
    """`dciflow panel check`. survey: what `dciflow panel survey` prints."""

    panel: str
    ready_for_orders: bool
    ready_for_deletions: bool
    orders: list[CheckLine]
    deletions: list[CheckLine]
    dialect: list[CheckedEntry]
    proofs: list[BackedEntry]
    survey: SurveyedPanel | None

    @classmethod
    def of(cls, report: PanelReport) -> "CheckedPanel":
        """The report as it is printed."""
        return cls(
            panel=report.panel,
            ready_for_orders=report.ready_for_orders,
            ready_for_deletions=report.ready_for_deletions,
            orders=report.orders,
            deletions=report.deletions,
            dialect=[
                CheckedEntry(entry=one.endpoint, mark=one.mark, verdict=one.verdict, note=one.note)
                for one in report.dialect
            ],
            proofs=[BackedEntry.of(one) for one in report.proofs],
            survey=None if report.survey is None else SurveyedPanel.of(report.survey),
        )


class ProposedEntry(Output):
    """An entry of the dialect: our call, the panel's ("" if none fits), and why. same: they are one."""

    entry: str
    ours: str
    proposed: str
    body: dict[str, str]
    same: bool
    certainty: Certainty
    evidence: list[str]
    doubts: list[str]


class ProposedWord(Output):
    """A word of the panel. means: None if that is open; known: what our table says of it."""

    kind: str
    word: str
    means: str | None
    known: str | None
    where: str


class LearnedPanel(Output):
    """`dciflow panel learn`. skipped: what was not read, and why."""

    panel: str
    definitions: list[str]
    entries: list[ProposedEntry]
    words: list[ProposedWord]
    skipped: list[str]

    @classmethod
    def of(cls, panel: str, learned: Learned, dialect: Dialect) -> "LearnedPanel":
        """What was learned as it is printed."""
        return cls(
            panel=panel,
            definitions=list(learned.definitions),
            entries=[
                ProposedEntry(
                    entry=one.entry,
                    ours=f"{dialect[one.entry].method} {dialect[one.entry].path}",
                    proposed=one.call,
                    body=dict(one.body or {}),
                    same=one.same,
                    certainty=one.certainty,
                    evidence=list(one.evidence),
                    doubts=list(one.doubts),
                )
                for one in learned.proposals
            ],
            words=[
                ProposedWord(
                    kind=one.kind.value,
                    word=one.word,
                    means=one.means,
                    known=dialect.vocabulary.meaning(one.kind, one.word),
                    where=one.told,
                )
                for one in learned.words
            ],
            skipped=list(learned.skipped),
        )


class HeldService(Output):
    """`dciflow held list`: one row for each service. held_from: what it was before."""

    service_id: int
    panel: str
    client_id: int | None
    server_id: int | None
    state: State
    held_from: State | None
    held_at: datetime | None
    reason: str | None
    evidence: str | None

    @classmethod
    def of(cls, service: Service) -> "HeldService":
        """The service as it is printed."""
        return cls.model_validate(_held(service))


class MadeDecision(Output):
    """What a person decided of the service, and why. state: the service's after it."""

    choice: Act
    who: str
    why: str
    at: datetime
    state: State


class StoppedRun(Output):
    """The run that put the service on HELD. who: the member of staff who asked for it, null: nobody is named."""

    run_id: str
    action: str
    requested_by: str
    who: str | None
    opened_at: datetime


class ShownService(HeldService):
    """`dciflow held show`. ways_out: the decisions that fit the reason, the usual one first; [] if it is not HELD."""

    generation: int
    owner_id: int | None
    serial: str | None
    protected_at: datetime | None
    ways_out: list[str]
    stopped_run: StoppedRun | None
    decisions: list[MadeDecision]

    @classmethod
    def in_detail(
        cls, service: Service, *, ways_out: Sequence[str], stopped: Request | None, made: Sequence[Decision]
    ) -> "ShownService":
        """The service as it is printed."""
        more = {
            "generation": service.generation,
            "owner_id": service.claim.owner_id if service.claim else None,
            "serial": service.claim.hardware.serial if service.claim else None,
            "protected_at": service.protected_at,
            "ways_out": list(ways_out),
            "stopped_run": None
            if stopped is None
            else StoppedRun(
                run_id=stopped.flow_run_id,
                action=stopped.action,
                requested_by=stopped.requested_by,
                who=stopped.who,
                opened_at=stopped.opened_at,
            ),
            "decisions": [
                MadeDecision(choice=one.choice, who=one.who, why=one.why, at=one.at, state=one.state) for one in made
            ],
        }
        return cls.model_validate({**_held(service), **more})


class RegisteredAutomation(Output):
    """`dciflow notify list`: one row for each automation."""

    automation: str
    events: list[str]
    sends_to: list[str]
    enabled: bool


def _held(service: Service) -> dict[str, object]:
    return {
        "service_id": service.service_id,
        "panel": service.panel,
        "client_id": service.client_id,
        "server_id": service.claim.server_id if service.claim else None,
        "state": service.state,
        "held_from": service.held_from,
        "held_at": service.held_at,
        "reason": service.held_reason,
        "evidence": service.held_evidence,
    }
