"""The numbers that WHMCS's module counts its requests by: one that comes again for another request was lost there.

The module draws a number and a random token for each request in one row of WHMCS's database, and both are in the run's
idempotency key. A database that was restored counts on from where its back-up was, and each number that was sent
since comes once more, with another token. One such number may be a single commit that was lost; two that are near each
other are a database of before (safety rule 24).
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import WhmcsOfBefore
from ledger.restoration_tables import WhmcsCountRow, WhmcsNumberRow

ONLY = 1
"""The number of the one row: a ledger serves one WHMCS."""

CLASHES = 2
"""So many numbers have to come again until WHMCS counts as restored."""
NEAR = 50
"""Requests that lie between two such numbers at most: two single lost commits of different years are no back-up."""


class NumberedRequest(BaseModel):
    """What an idempotency key says of a request. `source`: whoever counts, as it is named before the number."""

    model_config = ConfigDict(frozen=True)

    source: str
    number: int
    token: str


@writes
async def note(session: AsyncSession, request: NumberedRequest, *, created: datetime, now: datetime) -> bool:
    """Remember a request by its number; True: WHMCS counts as restored since this very one.

    `created`: when its run was made; what is older than the last `begin_anew` says nothing. May be called many times.
    """
    count = await session.get(WhmcsCountRow, ONLY)
    if count is not None and count.since is not None and created <= count.since:
        return False
    row = await session.get(WhmcsNumberRow, (request.source, request.number), with_for_update=True)
    if row is None:
        session.add(WhmcsNumberRow(source=request.source, number=request.number, token=request.token))
        return False
    if row.token == request.token:
        return False
    row.token, row.clashed = request.token, True
    if count is not None and count.restored_at is not None:
        return False
    await session.flush()
    near = select(func.count()).where(
        WhmcsNumberRow.source == request.source,
        col(WhmcsNumberRow.clashed).is_(True),
        col(WhmcsNumberRow.number).between(request.number - NEAR, request.number + NEAR),
    )
    if (await session.exec(near)).one() < CLASHES:
        return False
    if count is None:
        count = WhmcsCountRow(row=ONLY)
        session.add(count)
    count.restored_at, count.number = now, request.number
    return True


@reads
async def restored_at(session: AsyncSession) -> datetime | None:
    """Since when WHMCS counts as restored; None: it does not."""
    count = await session.get(WhmcsCountRow, ONLY)
    return None if count is None else count.restored_at


@writes
async def begin_anew(session: AsyncSession, *, now: datetime) -> None:
    """A person has gone through WHMCS's restoration: it counts from wherever it is by now."""
    await session.exec(delete(WhmcsNumberRow))
    count = await session.get(WhmcsCountRow, ONLY)
    if count is None:
        count = WhmcsCountRow(row=ONLY)
        session.add(count)
    count.since, count.restored_at, count.number = now, None, None


async def require_no_restored_whmcs(session: AsyncSession) -> None:
    """Within the caller's transaction. Raises WhmcsOfBefore."""
    count = await session.get(WhmcsCountRow, ONLY)
    if count is not None and count.restored_at is not None:
        raise WhmcsOfBefore(count.number or 0)
