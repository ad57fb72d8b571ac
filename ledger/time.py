"""The time of the ledger's database: what workers compare with each other is by its clock, not by theirs."""

from datetime import UTC, datetime

from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import Ledger, reads


async def now(ledger: Ledger) -> datetime:
    """The time now, in UTC: PostgreSQL's own; the machine's where the ledger is a file on it. Raises LedgerError."""
    return datetime.now(UTC) if ledger.on_this_machine else await _now(ledger)


@reads
async def _now(session: AsyncSession) -> datetime:
    told: datetime = (await session.exec(select(func.clock_timestamp()))).one()
    return told.astimezone(UTC)
