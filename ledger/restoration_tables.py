"""The tables that say what a restored back-up has put in doubt (safety rule 24)."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field

from ledger.columns import LedgerRow, Utc


class LeftOutRow(LedgerRow, table=True):
    """A panel that was left out when a side was restored: nothing runs on it until it was compared (safety rule 24)."""

    __tablename__ = "left_out"

    panel: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Utc)
    who: str


class WhmcsNumberRow(LedgerRow, table=True):
    """A request of WHMCS's module, by the number that the module counted (safety rule 24)."""

    __tablename__ = "whmcs_number"

    source: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    token: str
    clashed: bool = False


class WhmcsCountRow(LedgerRow, table=True):
    """Whether WHMCS counts as restored, by which number, and since when its numbers are compared: one row."""

    __tablename__ = "whmcs_count"

    row: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    since: datetime | None = Field(default=None, sa_type=Utc)
    restored_at: datetime | None = Field(default=None, sa_type=Utc)
    number: int | None = Field(default=None, sa_type=BigInteger)
