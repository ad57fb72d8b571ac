"""The ledger's tables of traffic: days of servers in use, and months made of them."""

from datetime import date, datetime

from sqlalchemy import BigInteger
from sqlmodel import Field

from ledger.columns import Document, LedgerRow, Utc


class TrafficDayRow(LedgerRow, table=True):
    """What a service's server moved on one day in UTC, as the panel told it once the day was over. Never changed."""

    __tablename__ = "traffic_day"

    service_id: int = Field(
        primary_key=True, foreign_key="service.service_id", sa_column_kwargs={"autoincrement": False}
    )
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    day: date = Field(primary_key=True, index=True)
    panel: str
    server_id: int
    received: int = Field(sa_type=BigInteger)
    sent: int = Field(sa_type=BigInteger)
    points: int = 0
    rate: int | None = Field(default=None, sa_type=BigInteger)
    read_at: datetime = Field(sa_type=Utc)


class TrafficMonthRow(LedgerRow, table=True):
    """A service's month: the peaks of its days until it is closed, and its figures from then on."""

    __tablename__ = "traffic_month"

    service_id: int = Field(
        primary_key=True, foreign_key="service.service_id", sa_column_kwargs={"autoincrement": False}
    )
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    month: date = Field(primary_key=True)
    panel: str
    server_id: int
    points: int = 0
    peaks_in: list[int] = Field(default_factory=list, sa_type=Document)
    peaks_out: list[int] = Field(default_factory=list, sa_type=Document)
    received: int | None = Field(default=None, sa_type=BigInteger)
    sent: int | None = Field(default=None, sa_type=BigInteger)
    rate: int | None = Field(default=None, sa_type=BigInteger)
    closed_at: datetime | None = Field(default=None, sa_type=Utc)
