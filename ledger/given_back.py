"""How many addresses went back after the sale: a cap on them holds whoever asks (safety rules 7 and 23)."""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads
from ledger.step_names import StepName
from ledger.tables import JournalRow, ServiceRow


@reads
async def given_back(session: AsyncSession, panel: str, *, since: datetime) -> int:
    """The addresses of a panel's services that were to go back since then, by the journal."""
    query = (
        select(JournalRow.before)
        .join(ServiceRow, col(ServiceRow.service_id) == JournalRow.service_id)
        .where(ServiceRow.panel == panel, JournalRow.step == StepName.GIVE_BACK, JournalRow.noted_at >= since)
    )
    count = 0
    for before in await session.exec(query):
        named = None if before is None else before.get("addresses")
        count += len(named) if isinstance(named, dict) else 0
    return count
