"""How often a flow run that broke off was driven again: several look for such runs, one of them acts."""

from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import writes
from ledger.tables import RedriveRow


@writes
async def claim(
    session: AsyncSession, flow_run_id: str, *, not_within: timedelta = timedelta(0), now: datetime
) -> int | None:
    """Become the one who drives the run again, and learn the how many-th time it is, from 1.

    None: somebody did so less than `not_within` ago.
    """
    row = await session.get(RedriveRow, flow_run_id, with_for_update=True)
    if row is None:
        row = RedriveRow(flow_run_id=flow_run_id, times=0, last_at=now)
        session.add(row)
    elif now - row.last_at < not_within:
        return None
    row.times += 1
    row.last_at = now
    return row.times
