"""What the ledger's tables are made of: their base, and how times, states and documents are kept."""

from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import JSON, DateTime, Dialect, MetaData, String
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from ledger.hardware import Hardware
from ledger.states import State

NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Utc(TypeDecorator[datetime]):
    """A moment, in UTC. SQLite keeps no time zone, so it is put back on the way out; a naive moment is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: the ledger keeps UTC only.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class StateName(TypeDecorator[State]):
    """A state by its name, readable in any database tool; text, because a new state must not need a new type."""

    impl = String(16)
    cache_ok = True

    def process_bind_param(self, value: State | None, dialect: Dialect) -> str | None:
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> State | None:
        return None if value is None else State(value)


class Document(TypeDecorator[object]):
    """A JSON value; None is SQL's NULL, not JSON's."""

    impl = JSON(none_as_null=True)
    cache_ok = True


class LedgerRow(SQLModel):
    """The base of all rows: its own metadata, so that nobody else's tables get into the migrations."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMES)


class HardwareColumns(LedgerRow):
    """The columns that keep what identifies a server, and the one value that they are together."""

    serial: str | None = None
    macs: list[str] = Field(default_factory=list, sa_type=Document)
    barcode: str | None = None

    @property
    def hardware(self) -> Hardware:
        """What identifies the server, as it was recorded."""
        return Hardware(serial=self.serial, macs=tuple(self.macs), barcode=self.barcode)

    def record_hardware(self, seen: Hardware) -> None:
        """Record `seen` in place of what was recorded before."""
        self.serial, self.macs, self.barcode = seen.serial, list(seen.macs), seen.barcode
