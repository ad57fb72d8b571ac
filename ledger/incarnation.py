"""The ledger's incarnation: an unguessable name and a count that goes up, by which an older copy is recognised.

Prefect keeps the same two in a variable (`runtime.incarnation`). A ledger that was restored is behind it, a Prefect
that was restored is behind the ledger (safety rule 24).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import LeftOut, NothingRuns
from ledger.restoration_tables import LeftOutRow
from ledger.snapshots import Snapshot
from ledger.tables import IncarnationRow, ServiceRow

Side = Literal["ledger", "prefect", "whmcs", "panel"]
"""What can be restored from a back-up."""

ONLY = 1
"""The number of the one row."""


class Incarnation(Snapshot):
    """Which ledger this is and how far it has come."""

    name: str
    count: int
    advanced_at: datetime
    restoring: Side | None
    """The side whose restoration a person goes through at the moment; nothing runs meanwhile."""
    restoring_since: datetime | None


@reads
async def current(session: AsyncSession) -> Incarnation | None:
    """The incarnation; None: the ledger is new, or older than this release."""
    row = await session.get(IncarnationRow, ONLY)
    return None if row is None else Incarnation.model_validate(row)


@reads
async def is_empty(session: AsyncSession) -> bool:
    """Whether the ledger knows no service at all, so that there is nothing to lose."""
    return (await session.exec(select(ServiceRow.service_id).limit(1))).first() is None


@writes
async def begin(session: AsyncSession, *, now: datetime) -> Incarnation:
    """Give a ledger without one an incarnation; one that has it keeps it. May be called by several at once.

    Its count is 0 until it was counted on: Prefect may not know it yet.
    """
    row = await session.get(IncarnationRow, ONLY, with_for_update=True)
    if row is None:
        row = IncarnationRow(row=ONLY, name=str(uuid4()), count=0, advanced_at=now)
        session.add(row)
        await session.flush()
    return Incarnation.model_validate(row)


@writes
async def advance(session: AsyncSession, seen: Incarnation, *, not_within: timedelta, now: datetime) -> Incarnation:
    """Count one further, unless somebody did so less than `not_within` ago or the row is not as seen.

    Returns the row as it is then.
    """
    row = await _row(session)
    same = (row.name, row.count, row.restoring) == (seen.name, seen.count, None)
    if same and (now - row.advanced_at >= not_within or now < row.advanced_at):
        row.count += 1
        row.advanced_at = now
    return Incarnation.model_validate(row)


@writes
async def begin_restoring(session: AsyncSession, side: Side, *, now: datetime) -> Incarnation:
    """From here on no request is opened, until `renew`. Called again for the same side, it goes on with that one.

    A ledger without an incarnation gets one.
    """
    row = await session.get(IncarnationRow, ONLY, with_for_update=True)
    if row is None:
        row = IncarnationRow(row=ONLY, name=str(uuid4()), count=0, advanced_at=now)
        session.add(row)
    if row.restoring != side or row.restoring_since is None:
        row.restoring, row.restoring_since = side, now
    await session.flush()
    return Incarnation.model_validate(row)


@writes
async def renew(session: AsyncSession, *, name: str, count: int, now: datetime) -> None:
    """Begin the new incarnation: requests are opened again."""
    row = await _row(session)
    row.name, row.count, row.advanced_at = name, count, now
    row.restoring = row.restoring_since = None


async def require_no_restoring(session: AsyncSession, panel: str) -> None:
    """Within the caller's transaction. Raises NothingRuns: a person goes through a restoration; LeftOut: this panel
    was left out of one.
    """
    side = (await session.exec(select(IncarnationRow.restoring).where(IncarnationRow.row == ONLY))).first()
    if side is not None:
        raise NothingRuns(side)
    out = select(LeftOutRow.side).where(LeftOutRow.panel == panel).order_by(col(LeftOutRow.since))
    side = (await session.exec(out)).first()
    if side is not None:
        raise LeftOut(side, panel)


@reads
async def left_out(session: AsyncSession, side: Side) -> dict[str, datetime]:
    """The panels that were left out when that side was restored, and when its restoration was begun."""
    query = select(LeftOutRow.panel, LeftOutRow.since).where(LeftOutRow.side == side).order_by(LeftOutRow.panel)
    return dict((await session.exec(query)).all())


@writes
async def leave_out(session: AsyncSession, panels: Collection[str], side: Side, *, who: str, now: datetime) -> None:
    """Let nothing run on these panels until `take_in`. May be called again: the first word stands."""
    for panel in panels:
        if await session.get(LeftOutRow, (panel, side)) is None:
            session.add(LeftOutRow(panel=panel, side=side, since=now, who=who))


@writes
async def take_in(session: AsyncSession, panels: Collection[str], side: Side) -> None:
    """These panels were compared now, too: as far as that side is concerned, work goes on on them."""
    await session.exec(delete(LeftOutRow).where(col(LeftOutRow.panel).in_(panels), col(LeftOutRow.side) == side))


async def _row(session: AsyncSession) -> IncarnationRow:
    row = await session.get(IncarnationRow, ONLY, with_for_update=True)
    if row is None:
        raise NothingRuns("ledger")
    return row
