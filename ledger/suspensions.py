"""What a suspension leaves for later: the power that it switches off, and the end of the grace that it waits for.

Both stand with the claim, and so end with it: they are of this service on this server.
"""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import writes
from ledger.snapshots import Driver, Service
from ledger.transitions import claim_of, require_driver, snapshot


@writes
async def note_power(session: AsyncSession, driver: Driver, now: datetime, *, is_off: bool) -> Service:
    """Note that the suspension switches a server off that was on, before it does; or that this was undone.

    Noted again it keeps its first moment. May be called many times. Raises Superseded.
    """
    row, _ = await require_driver(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is not None and (claim.powered_off_at is not None) is not is_off:
        claim.powered_off_at = now if is_off else None
        row.updated_at = now
    return await snapshot(session, row)


@writes
async def put_off(session: AsyncSession, driver: Driver, now: datetime, *, until: datetime | None) -> Service:
    """Note until when a suspension waits; None: none does. May be called many times. Raises Superseded."""
    row, _ = await require_driver(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is not None:
        claim.suspends_at = until
        row.updated_at = now
    return await snapshot(session, row)
