"""Caps: how much may be destroyed or begun in a while (safety rule 7), counted in the commit of the move they guard.

Whoever counts locks the cap's row first, so that two workers never both take the last place.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.errors import CapReached
from ledger.lifecycle import State
from ledger.orders import Order
from ledger.tables import CapRow, ClaimRow, JournalRow, PermitRow, ServiceRow

TERMINATIONS = "termination-cap"
WIPES = "wipe-cap"
INSTALLATIONS = "installation-cap"
"""The caps. A person may let one service past the first two, which are reasons for HELD."""

SMALL_FLEET = 10
"""Terminations a day that the share never forbids, if nothing else is set: a tenth of twelve servers is one."""

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

INSTALL_STEP = "deploy-os"
GIVEN_UP_STEP = "os-given-up"
"""The journal's words for an OS installation, and for one that failed or whose time was over."""


class Caps(BaseModel):
    """How much may be destroyed in a while."""

    model_config = ConfigDict(frozen=True)

    terminations_per_day: int
    terminations_share: float
    """Terminations a day as a share of the servers that are promised now, 0 to 1."""
    small_fleet: int = SMALL_FLEET
    """As many a day are never too many for the share."""
    wipes_per_hour: int


async def count_termination(session: AsyncSession, row: ServiceRow, caps: Caps, now: datetime) -> None:
    """Let one more service be taken back, within the caller's transaction. A service counts once in 24 hours.

    Raises CapReached.
    """
    await _lock(session, TERMINATIONS, now)
    if _allowed(row, TERMINATIONS):
        return
    fleet = (await session.exec(select(func.count()).select_from(ClaimRow))).one()
    share = max(int(caps.terminations_share * fleet), caps.small_fleet)
    begun = select(func.count()).where(
        col(ServiceRow.releasing_since) > now - DAY, ServiceRow.service_id != row.service_id
    )
    count = (await session.exec(begun)).one()
    if count >= min(caps.terminations_per_day, share):
        of_what = f", the share of {fleet} promised servers" if share < caps.terminations_per_day else ""
        limit = min(caps.terminations_per_day, share)
        raise CapReached(TERMINATIONS, count, limit, f"terminations in 24 hours{of_what}")


async def count_wipe(session: AsyncSession, row: ServiceRow, caps: Caps, now: datetime) -> None:
    """Let one more wipe be permitted, within the caller's transaction. A permit that was never used does not count.

    Raises CapReached.
    """
    await _lock(session, WIPES, now)
    if _allowed(row, WIPES):
        return
    permits = select(func.count()).where(
        func.coalesce(PermitRow.used_at, PermitRow.written_at) > now - HOUR,
        or_(col(PermitRow.used_at).is_not(None), col(PermitRow.outcome).is_(None)),
    )
    count = (await session.exec(permits)).one()
    if count >= caps.wipes_per_hour:
        raise CapReached(WIPES, count, caps.wipes_per_hour, "wipes in an hour")


async def count_installation(session: AsyncSession, row: ServiceRow, at_most: int, now: datetime) -> None:
    """Let one more OS installation of the service's panel begin, within the caller's transaction.

    One counts until its service is ACTIVE, its attempt is given up, or its order's time-out is over.
    Raises CapReached.
    """
    await _lock(session, f"{INSTALLATIONS} of {row.panel}", now)
    given_up = aliased(JournalRow)
    query = (
        select(ServiceRow.order, JournalRow.noted_at)
        .join(
            JournalRow,
            and_(
                col(JournalRow.service_id) == ServiceRow.service_id,
                col(JournalRow.generation) == ServiceRow.generation,
                col(JournalRow.step) == INSTALL_STEP,
            ),
        )
        .join(
            given_up,
            and_(
                given_up.service_id == JournalRow.service_id,
                given_up.generation == JournalRow.generation,
                given_up.attempt == JournalRow.attempt,
                given_up.step == GIVEN_UP_STEP,
            ),
            isouter=True,
        )
        .where(
            ServiceRow.panel == row.panel,
            ServiceRow.state == State.INSTALLING,
            ServiceRow.service_id != row.service_id,
            col(given_up.step).is_(None),
        )
    )
    under_way = [order for order, noted_at in await session.exec(query) if now - noted_at < _time_out(order)]
    if len(under_way) >= at_most:
        raise CapReached(INSTALLATIONS, len(under_way), at_most, f"OS installations at once on panel {row.panel}")


async def _lock(session: AsyncSession, name: str, now: datetime) -> None:
    cap = await session.get(CapRow, name, with_for_update=True)
    if cap is None:
        cap = CapRow(name=name, counted_at=now)
        session.add(cap)
        await session.flush()  # two who come first: one of them loses here, before it counts, and begins again
    cap.counted_at = now


def _allowed(row: ServiceRow, cap: str) -> bool:
    """Whether a person lets the service past the cap; this was the one time."""
    if row.allowed_past != cap:
        return False
    row.allowed_past = None
    return True


def _time_out(order: object) -> timedelta:
    return timedelta(minutes=0 if order is None else Order.model_validate(order).os_install_timeout_minutes)
