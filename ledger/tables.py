"""The ledger's tables. Rows stay inside this package; callers get snapshots.

No row holds a secret or personal data beyond ids (safety rule 12).
"""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from ledger.columns import Document, HardwareColumns, LedgerRow, StateName, Utc
from ledger.reinstall_table import ReinstallPermitRow as ReinstallPermitRow
from ledger.states import State


class ServiceRow(LedgerRow, table=True):
    """One WHMCS service and where it stands. Locked first by every write, so it also orders the writers."""

    __tablename__ = "service"

    service_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    panel: str
    client_id: int | None = None
    installation: str | None = None
    order_id: int | None = None
    registered: str | None = None
    state: State = Field(default=State.NEW, sa_type=StateName, index=True)
    generation: int = 0
    epoch: int = 0
    order: dict[str, JsonValue] | None = Field(default=None, sa_type=Document)
    held_reason: str | None = None
    held_evidence: str | None = None
    held_from: State | None = Field(default=None, sa_type=StateName)
    held_at: datetime | None = Field(default=None, sa_type=Utc)
    releasing_since: datetime | None = Field(default=None, sa_type=Utc, index=True)
    way_back: State | None = Field(default=None, sa_type=StateName)
    allowed_past: str | None = None
    protected_at: datetime | None = Field(default=None, sa_type=Utc)
    leftover_of: int | None = None
    created_at: datetime = Field(sa_type=Utc)
    updated_at: datetime = Field(sa_type=Utc)


class ClaimRow(HardwareColumns, table=True):
    """A server promised to a service: a server has one claim at most, and so has a service (safety rule 1)."""

    __tablename__ = "claim"

    panel: str = Field(primary_key=True)
    server_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    service_id: int = Field(foreign_key="service.service_id", unique=True)
    generation: int
    owner_id: int | None = None
    claimed_at: datetime = Field(sa_type=Utc)
    active_since: datetime | None = Field(default=None, sa_type=Utc)
    changed: str | None = None
    operation_before: int | None = None
    powered_off_at: datetime | None = Field(default=None, sa_type=Utc)
    suspends_at: datetime | None = Field(default=None, sa_type=Utc)


class HardwareRow(LedgerRow, table=True):
    """A serial number, MAC address or barcode of a server that is promised, or was forgotten: it is nobody else's."""

    __tablename__ = "hardware"
    __table_args__ = (Index("ix_hardware_panel_server_id", "panel", "server_id"),)

    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    panel: str
    server_id: int
    service_id: int = Field(foreign_key="service.service_id")


class PanelRow(LedgerRow, table=True):
    """A panel: where it answers, and a sample of the machines that it shows. One name each."""

    __tablename__ = "panel"

    name: str = Field(primary_key=True)
    address: str = Field(unique=True)
    sample: list[str] = Field(default_factory=list, sa_type=Document)
    first_seen: datetime = Field(sa_type=Utc)


class RequestRow(LedgerRow, table=True):
    """One action asked for on a service; never two open ones."""

    __tablename__ = "request"
    __table_args__ = (
        Index(
            "uq_request_open",
            "service_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    service_id: int = Field(foreign_key="service.service_id", index=True)
    panel: str
    action: str
    flow_run_id: str
    requested_by: str
    who: str | None = None
    epoch: int
    asked_at: datetime | None = Field(default=None, sa_type=Utc)
    wish: dict[str, JsonValue] | None = Field(default=None, sa_type=Document)
    opened_at: datetime = Field(sa_type=Utc)
    heartbeat_at: datetime = Field(sa_type=Utc)
    closed_at: datetime | None = Field(default=None, sa_type=Utc)
    outcome: str | None = None
    message: str | None = None


class JournalRow(LedgerRow, table=True):
    """A step's intent, written before it acts (safety rule 10)."""

    __tablename__ = "journal"

    service_id: int = Field(
        primary_key=True, foreign_key="service.service_id", sa_column_kwargs={"autoincrement": False}
    )
    generation: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    step: str = Field(primary_key=True)
    attempt: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    state: str
    before: dict[str, JsonValue] | None = Field(default=None, sa_type=Document)
    result: dict[str, JsonValue] | None = Field(default=None, sa_type=Document)
    noted_at: datetime = Field(sa_type=Utc)
    settled_at: datetime | None = Field(default=None, sa_type=Utc)


class PermitRow(HardwareColumns, table=True):
    """The right to wipe one server once (safety rule 4). Never deleted: it is the record of the wipe."""

    __tablename__ = "permit"
    __table_args__ = (
        UniqueConstraint("service_id", "generation", "attempt"),
        Index("ix_permit_panel_server_id", "panel", "server_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    panel: str
    server_id: int
    service_id: int = Field(foreign_key="service.service_id")
    generation: int
    attempt: int
    owner_before: int | None = None
    owner_seen: int | None = None
    operation_before: int | None = None
    written_at: datetime = Field(sa_type=Utc)
    used_at: datetime | None = Field(default=None, sa_type=Utc)
    operation_id: int | None = None
    outcome: str | None = None
    settled_at: datetime | None = Field(default=None, sa_type=Utc)


class InstallPermitRow(LedgerRow, table=True):
    """A person's decision, used once, to install an OS over what may be a client's. Never deleted (safety rule 24)."""

    __tablename__ = "install_permit"

    decision_id: int = Field(primary_key=True, foreign_key="decision.id", sa_column_kwargs={"autoincrement": False})
    service_id: int = Field(foreign_key="service.service_id", index=True)
    generation: int
    panel: str
    server_id: int
    operation_seen: int
    written_at: datetime = Field(sa_type=Utc)


class IncarnationRow(LedgerRow, table=True):
    """Which ledger this is, and how far it has come: one row. Prefect has the same in a variable (safety rule 24)."""

    __tablename__ = "incarnation"

    row: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str
    count: int
    advanced_at: datetime = Field(sa_type=Utc)
    restoring: str | None = None
    restoring_since: datetime | None = Field(default=None, sa_type=Utc)


class ReconciliationRow(LedgerRow, table=True):
    """What the last comparison of a panel with WHMCS and the ledger counted, and who compares it now."""

    __tablename__ = "reconciliation"

    panel: str = Field(primary_key=True)
    flow_run_id: str | None = None
    until: datetime | None = Field(default=None, sa_type=Utc)
    counts: dict[str, int] = Field(default_factory=dict, sa_type=Document)
    products: list[int] = Field(default_factory=list, sa_type=Document)
    finished_at: datetime | None = Field(default=None, sa_type=Utc)


class DifferenceRow(LedgerRow, table=True):
    """A difference that the last comparison found: since when it is known, and how often it was repaired in vain.

    0 stands for no service or no server: neither WHMCS nor a panel gives that number out.
    """

    __tablename__ = "difference"

    panel: str = Field(primary_key=True)
    drift: str = Field(primary_key=True)
    service_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    server_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    since: datetime = Field(sa_type=Utc)
    repairs: int = 0


class ResultRow(LedgerRow, table=True):
    """A step's persisted result, found by every worker on every machine."""

    __tablename__ = "result"

    key: str = Field(primary_key=True)
    data: bytes
    written_at: datetime = Field(sa_type=Utc)


class RedriveRow(LedgerRow, table=True):
    """How often an interrupted flow run was re-queued."""

    __tablename__ = "redrive"

    flow_run_id: str = Field(primary_key=True)
    times: int
    last_at: datetime = Field(sa_type=Utc)


class DecisionRow(LedgerRow, table=True):
    """What a person decided about a service, and why. Never deleted."""

    __tablename__ = "decision"

    id: int | None = Field(default=None, primary_key=True)
    service_id: int = Field(foreign_key="service.service_id", index=True)
    choice: str
    held_reason: str | None = None
    evidence: str | None = None
    state: State = Field(sa_type=StateName)
    epoch: int
    who: str
    why: str
    flow_run_id: str | None = None
    at: datetime = Field(sa_type=Utc)


class ProofRow(LedgerRow, table=True):
    """An entry of a panel's dialect that was proved or is trusted. Never deleted; the newest of an entry counts."""

    __tablename__ = "proof"

    id: int | None = Field(default=None, primary_key=True)
    panel: str = Field(index=True)
    entry: str
    call: str
    words: dict[str, dict[str, str]] = Field(default_factory=dict, sa_type=Document)
    backing: str
    who: str
    why: str
    flow_run_id: str | None = None
    server_id: int | None = None
    before: str = ""
    after: str = ""
    at: datetime = Field(sa_type=Utc)


class CapRow(LedgerRow, table=True):
    """A cap: who counts against it locks the row, so that two at once are counted one after the other."""

    __tablename__ = "cap"

    name: str = Field(primary_key=True)
    counted_at: datetime = Field(sa_type=Utc)


class PanelUserRow(LedgerRow, table=True):
    """The client that a panel user was made or adopted for. Never deleted: nobody else's server is given to them."""

    __tablename__ = "panel_user"

    panel: str = Field(primary_key=True)
    user_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    client_id: int
    at: datetime = Field(sa_type=Utc)


class ForgottenServerRow(LedgerRow, table=True):
    """A server that was gone from its panel when a person ended its claim. No wipe is proved: it is never sold."""

    __tablename__ = "forgotten_server"

    panel: str = Field(primary_key=True)
    server_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    service_id: int = Field(foreign_key="service.service_id")
    at: datetime = Field(sa_type=Utc)


class ServerNoteRow(LedgerRow, table=True):
    """What is known of one server: activations that failed on it in a row, that it is set aside, or reserved."""

    __tablename__ = "server_note"

    panel: str = Field(primary_key=True)
    server_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    failures: int = 0
    failed_service: int | None = None
    set_aside_at: datetime | None = Field(default=None, sa_type=Utc)
    reason: str | None = None
    who: str | None = None
    reserved_at: datetime | None = Field(default=None, sa_type=Utc)
    reserved_for: int | None = None
    reserved_by: str | None = None
    reserved_why: str | None = None
    noted_at: datetime = Field(sa_type=Utc)
