"""What servers in use moved, day by day, and the months that are made of the days.

A day is read once, when it is over, and never changed; a month is closed once, when all its days are known. `since`
tells one client's use of a server from another's: the claim's `active_since` in Unix seconds. All days are in UTC.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, TypeVar

from sqlalchemy import ColumnElement, delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.burstable import merged, rate_of
from ledger.database import reads, writes
from ledger.snapshots import Claim, Snapshot
from ledger.tables import ClaimRow, ServiceRow
from ledger.traffic_tables import TrafficDayRow, TrafficMonthRow

TOO_SHORT = timedelta(minutes=10)
"""A use that begins so late on a day may have no point of it: a panel counts in steps of five minutes."""


class Use(NamedTuple):
    """One client's use of one server."""

    service_id: int
    since: int
    panel: str
    server_id: int

    @property
    def began(self) -> datetime:
        """When it began, to the second."""
        return datetime.fromtimestamp(self.since, UTC)


class ReadDay(Snapshot):
    """What the panel told of one day. `rates_in` and `rates_out`: bits a second of each point of five minutes."""

    day: date
    received: int
    sent: int
    rates_in: tuple[int, ...] = ()
    rates_out: tuple[int, ...] = ()


class KnownMonth(Snapshot):
    """A month as far as its days are known. rate: the 95th percentile in bits a second; None: points are missing."""

    received: int
    sent: int
    rate: int | None
    missing: list[date]
    """Days of the use whose traffic is not known."""
    closed_at: datetime | None


class Figures(NamedTuple):
    """What one service moved on one day or in one closed month, in bytes; rate in bits a second, None: not known."""

    service_id: int
    since: int
    received: int
    sent: int
    rate: int | None


def use_of(claim: Claim) -> Use | None:
    """The use that the claim is for; None: its client does not use the server yet."""
    if claim.active_since is None:
        return None
    return Use(claim.service_id, int(claim.active_since.timestamp()), claim.panel, claim.server_id)


def midnight(day: date) -> datetime:
    """When the day begins."""
    return datetime.combine(day, time(), UTC)


def last_day(month: date) -> date:
    """The last day of the month that this day is in."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def days(first: date, last: date) -> Iterator[date]:
    """All days from the first to the last."""
    return (first + timedelta(days=after) for after in range((last - first).days + 1))


@reads
async def known_days(session: AsyncSession, use: Use, since: date) -> set[date]:
    """The days of the use, from one on, that were read."""
    query = select(TrafficDayRow).where(
        TrafficDayRow.service_id == use.service_id, TrafficDayRow.since == use.since, TrafficDayRow.day >= since
    )
    return {row.day for row in await session.exec(query)}


@writes
async def keep_day(session: AsyncSession, use: Use, read: ReadDay, now: datetime) -> bool:
    """Record a day and add its points to its month, in one commit.

    False, and nothing is written: the day is known already, its month is closed, or the use is over. Safe to repeat.
    """
    if await _locked(session, use) is None:
        return False
    if await session.get(TrafficDayRow, (use.service_id, use.since, read.day)) is not None:
        return False
    month = await _month(session, use, read.day)
    if month.closed_at is not None:
        return False
    points = min(len(read.rates_in), len(read.rates_out))
    session.add(
        TrafficDayRow(
            service_id=use.service_id,
            since=use.since,
            day=read.day,
            panel=use.panel,
            server_id=use.server_id,
            received=read.received,
            sent=read.sent,
            points=points,
            rate=rate_of(merged([], read.rates_in), merged([], read.rates_out), points),
            read_at=now,
        )
    )
    month.points += points
    month.peaks_in = merged(month.peaks_in, read.rates_in)
    month.peaks_out = merged(month.peaks_out, read.rates_out)
    session.add(month)
    return True


@reads
async def month_of(session: AsyncSession, use: Use, month: date) -> KnownMonth:
    """What is known of a month of the use. Closing it looks again, in one commit."""
    return await _known(session, use, await _month(session, use, month))


@writes
async def close_month(session: AsyncSession, use: Use, month: date, now: datetime) -> bool:
    """Close a month whose days are all known; False: it is closed already, a day is missing, or the use is over."""
    if await _locked(session, use) is None:
        return False
    row = await _month(session, use, month)
    known = await _known(session, use, row)
    if row.closed_at is not None or known.missing:
        return False
    row.received, row.sent, row.rate, row.closed_at = known.received, known.sent, known.rate, now
    row.peaks_in, row.peaks_out = [], []
    session.add(row)
    return True


@reads
async def of_day(session: AsyncSession, panel: str, day: date) -> list[Figures]:
    """What the panel's servers moved on a day, of the uses that go on; who is not in it is not known."""
    return await _figures(session, TrafficDayRow, panel, col(TrafficDayRow.day) == day)


@reads
async def of_closed_month(session: AsyncSession, panel: str, month: date) -> list[Figures]:
    """What the panel's servers moved in a closed month, of the uses that go on."""
    is_it = (col(TrafficMonthRow.month) == month.replace(day=1)) & col(TrafficMonthRow.closed_at).is_not(None)
    return await _figures(session, TrafficMonthRow, panel, is_it)


@writes
async def forget_before(session: AsyncSession, day: date) -> None:
    """Delete days and months that are older than this day."""
    await session.exec(delete(TrafficDayRow).where(col(TrafficDayRow.day) < day))
    await session.exec(delete(TrafficMonthRow).where(col(TrafficMonthRow.month) < day.replace(day=1)))


Row = TypeVar("Row", TrafficDayRow, TrafficMonthRow)


async def _figures(session: AsyncSession, table: type[Row], panel: str, is_it: ColumnElement[bool]) -> list[Figures]:
    of_it = (col(ClaimRow.panel) == col(table.panel)) & (col(ClaimRow.server_id) == col(table.server_id))
    goes_on = of_it & (col(ClaimRow.service_id) == col(table.service_id))
    query = select(table, ClaimRow).join(ClaimRow, goes_on).where(col(table.panel) == panel, is_it)
    return [
        Figures(row.service_id, row.since, row.received or 0, row.sent or 0, row.rate)
        for row, claim in await session.exec(query.order_by(col(table.service_id)))
        if _is_use(claim, row.since)
    ]


def _is_use(claim: ClaimRow, since: int) -> bool:
    return claim.active_since is not None and int(claim.active_since.timestamp()) == since


async def _locked(session: AsyncSession, use: Use) -> ClaimRow | None:
    """The use's claim, its service locked; None: the server is not that client's any more."""
    await session.get(ServiceRow, use.service_id, with_for_update=True)
    claim = await session.get(ClaimRow, (use.panel, use.server_id))
    if claim is None or claim.service_id != use.service_id:
        return None
    return claim if _is_use(claim, use.since) else None


async def _month(session: AsyncSession, use: Use, day: date) -> TrafficMonthRow:
    """The row of the day's month, made where there is none."""
    first = day.replace(day=1)
    found = await session.get(TrafficMonthRow, (use.service_id, use.since, first))
    if found is not None:
        return found
    return TrafficMonthRow(
        service_id=use.service_id, since=use.since, month=first, panel=use.panel, server_id=use.server_id
    )


async def _known(session: AsyncSession, use: Use, month: TrafficMonthRow) -> KnownMonth:
    last = last_day(month.month)
    of_it = (
        TrafficDayRow.service_id == use.service_id,
        TrafficDayRow.since == use.since,
        col(TrafficDayRow.day).between(month.month, last),
    )
    rows = list(await session.exec(select(TrafficDayRow).where(*of_it)))

    def without_points(row: TrafficDayRow) -> bool:
        return row.points == 0 and midnight(row.day + timedelta(days=1)) - use.began >= TOO_SHORT

    expected = days(max(month.month, use.began.date()), last)
    return KnownMonth(
        received=sum(row.received for row in rows),
        sent=sum(row.sent for row in rows),
        rate=None if any(map(without_points, rows)) else rate_of(month.peaks_in, month.peaks_out, month.points),
        missing=sorted(set(expected) - {row.day for row in rows}),
        closed_at=month.closed_at,
    )
