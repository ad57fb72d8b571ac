"""The ledger's tables. Rows stay inside this package; callers get snapshots.

No row holds a secret or personal data beyond ids (safety rule 12).
"""

from datetime import datetime
from typing import ClassVar

from pydantic import JsonValue
from sqlalchemy import Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from ledger.columns import Document, StateName, Utc
from ledger.lifecycle import State

NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Row(SQLModel):
    """The base of all rows: its own metadata, so that nobody else's tables get into the migrations."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMES)


class ServiceRow(Row, table=True):
    """One WHMCS service and where it stands. Locked first by every write, so it also orders the writers."""

    __tablename__ = "service"

    service_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    panel: str
    client_id: int | None = None
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
    created_at: datetime = Field(sa_type=Utc)
    updated_at: datetime = Field(sa_type=Utc)


class ClaimRow(Row, table=True):
    """A server promised to a service: a server has one claim at most, and so has a service (safety rule 1)."""

    __tablename__ = "claim"

    panel: str = Field(primary_key=True)
    server_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    service_id: int = Field(foreign_key="service.service_id", unique=True)
    generation: int
    owner_id: int | None = None
    serial: str | None = None
    macs: list[str] = Field(default_factory=list, sa_type=Document)
    barcode: str | None = None
    claimed_at: datetime = Field(sa_type=Utc)


class RequestRow(Row, table=True):
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
    epoch: int
    opened_at: datetime = Field(sa_type=Utc)
    heartbeat_at: datetime = Field(sa_type=Utc)
    closed_at: datetime | None = Field(default=None, sa_type=Utc)
    outcome: str | None = None
    message: str | None = None


class JournalRow(Row, table=True):
    """What a step meant to make, before it made it (safety rule 10)."""

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


class PermitRow(Row, table=True):
    """The right to wipe one server once (safety rule 4). Never deleted: it is the record of the wipe."""

    __tablename__ = "permit"
    __table_args__ = (UniqueConstraint("service_id", "generation", "attempt"),)

    id: int | None = Field(default=None, primary_key=True)
    panel: str
    server_id: int
    service_id: int = Field(foreign_key="service.service_id")
    generation: int
    attempt: int
    owner_before: int | None = None
    owner_seen: int | None = None
    serial: str | None = None
    macs: list[str] = Field(default_factory=list, sa_type=Document)
    barcode: str | None = None
    operation_before: int | None = None
    written_at: datetime = Field(sa_type=Utc)
    used_at: datetime | None = Field(default=None, sa_type=Utc)
    operation_id: int | None = None
    outcome: str | None = None
    settled_at: datetime | None = Field(default=None, sa_type=Utc)


class ReconciliationRow(Row, table=True):
    """What the last comparison of a panel with WHMCS and the ledger counted, and who compares it now."""

    __tablename__ = "reconciliation"

    panel: str = Field(primary_key=True)
    flow_run_id: str | None = None
    until: datetime | None = Field(default=None, sa_type=Utc)
    counts: dict[str, int] = Field(default_factory=dict, sa_type=Document)
    products: list[int] = Field(default_factory=list, sa_type=Document)
    finished_at: datetime | None = Field(default=None, sa_type=Utc)


class DifferenceRow(Row, table=True):
    """A difference that the last comparison found: since when it is known, and how often it was repaired in vain.

    0 stands for no service or no server, for neither is a number that WHMCS or a panel gives out.
    """

    __tablename__ = "difference"

    panel: str = Field(primary_key=True)
    drift: str = Field(primary_key=True)
    service_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    server_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    since: datetime = Field(sa_type=Utc)
    repairs: int = 0


class ResultRow(Row, table=True):
    """A step's persisted result, found by every worker on every machine."""

    __tablename__ = "result"

    key: str = Field(primary_key=True)
    data: bytes
    written_at: datetime = Field(sa_type=Utc)


class RedriveRow(Row, table=True):
    """How often a flow run that broke off was driven again."""

    __tablename__ = "redrive"

    flow_run_id: str = Field(primary_key=True)
    times: int
    last_at: datetime = Field(sa_type=Utc)


class DecisionRow(Row, table=True):
    """What a person decided of a service, and why. Never deleted."""

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


class CapRow(Row, table=True):
    """A cap, locked by whoever counts against it: so two who come at once are counted one after the other."""

    __tablename__ = "cap"

    name: str = Field(primary_key=True)
    counted_at: datetime = Field(sa_type=Utc)


class ForgottenServerRow(Row, table=True):
    """A server that was gone from its panel when a person ended its claim. Nothing proves its disks: never sold."""

    __tablename__ = "forgotten_server"

    panel: str = Field(primary_key=True)
    server_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    service_id: int = Field(foreign_key="service.service_id")
    at: datetime = Field(sa_type=Utc)
