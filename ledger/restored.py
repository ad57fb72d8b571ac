"""What is written when a side was restored from a back-up: open requests closed, epochs raised, services on HELD.

Nothing here decides anything about a server. Each function may be called again after an interruption.
"""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.hold_reasons import HoldReason
from ledger.services import put_on_hold, shut
from ledger.snapshots import Request
from ledger.states import State
from ledger.step_names import StepName
from ledger.tables import ClaimRow, JournalRow, PermitRow, RequestRow, ServiceRow
from ledger.transitions import lock_service, open_request_of

EPOCHS = 10_000
"""More drivers than a service had since any back-up: no driver of the time that was lost has an epoch that comes."""

ACTION = "restored"
"""What the request is called that such a hold is kept with: no run stopped, so a retry starts nothing."""


def closed_by(side: str, since: datetime) -> str:
    """What a request says that was closed because a side was restored; `since` tells one restoration from the next."""
    return f"Closed by dciflow restored {side}, begun {since:%Y-%m-%d %H:%M:%S.%f} UTC."


@writes
async def close_requests(session: AsyncSession, *, message: str, now: datetime) -> int:
    """Close every open request; returns how many there were."""
    there = list(await session.exec(select(RequestRow).where(col(RequestRow.closed_at).is_(None))))
    for request in there:
        shut(request, "abandoned", message, now)
    return len(there)


@writes
async def raise_epochs(session: AsyncSession, *, now: datetime) -> None:
    """Supersede every driver there ever was, and give each hold a moment of its own: no form of before decides it."""
    await session.exec(update(ServiceRow).values(epoch=col(ServiceRow.epoch) + EPOCHS))
    await session.exec(update(ServiceRow).where(col(ServiceRow.state) == State.HELD).values(held_at=now))


@writes
async def hold(session: AsyncSession, service_id: int, *, evidence: str, message: str, now: datetime) -> bool:
    """Put the service on HELD; False: it is HELD already, for whatever reason, and stays as it is.

    Where an action was under way it is what a retry starts again: the request that was closed with `message`.
    Raises ServiceNotFound.
    """
    row = await lock_service(session, service_id)
    if row.state is State.HELD:
        return False
    open_one = await open_request_of(session, service_id)
    if open_one is not None:
        shut(open_one, "abandoned", message, now)
    put_on_hold(row, HoldReason.RESTORED, evidence, now)
    row.epoch += 1
    query = select(RequestRow).where(RequestRow.service_id == service_id, RequestRow.message == message)
    stopped = (await session.exec(query.order_by(col(RequestRow.epoch).desc()).limit(1))).first()
    if stopped is None:
        stopped = RequestRow(
            id=str(uuid4()),
            service_id=service_id,
            panel=row.panel,
            action=ACTION,
            flow_run_id=str(uuid4()),
            requested_by="admin",
            epoch=row.epoch,
            opened_at=now,
            heartbeat_at=now,
        )
        session.add(stopped)
    stopped.epoch = row.epoch
    shut(stopped, "held", message, now)
    return True


@reads
async def open_ones(session: AsyncSession) -> list[Request]:
    """The open requests, by service."""
    query = select(RequestRow).where(col(RequestRow.closed_at).is_(None)).order_by(col(RequestRow.service_id))
    return [Request.model_validate(row) for row in await session.exec(query)]


@reads
async def proved_wipes(session: AsyncSession, panel: str) -> dict[int, int]:
    """The servers of the panel whose newest permit led to a proved wipe, and the operation that it was."""
    query = select(PermitRow).where(PermitRow.panel == panel).order_by(col(PermitRow.id))
    newest = {row.server_id: row for row in await session.exec(query)}
    return {
        server_id: row.operation_id
        for server_id, row in newest.items()
        if row.outcome == "proved" and row.operation_id is not None
    }


@reads
async def newest_operation(session: AsyncSession, panel: str, *, until: datetime | None = None) -> int:
    """The newest operation of the panel that the ledger knows, or knew by `until`, by its number; 0: it knows none.

    Panels count their operations up (docs/sources.md, panel 6.3).
    """
    wipes = select(func.max(PermitRow.operation_id)).where(PermitRow.panel == panel)
    asked_for = (
        select(JournalRow.result)
        .join(ServiceRow, col(ServiceRow.service_id) == JournalRow.service_id)
        .where(ServiceRow.panel == panel, JournalRow.step == StepName.DEPLOY_OS)
    )
    before = select(func.max(ClaimRow.operation_before)).where(ClaimRow.panel == panel)
    if until is not None:
        wipes = wipes.where(col(PermitRow.settled_at) <= until)
        asked_for = asked_for.where(col(JournalRow.settled_at) <= until)
        before = before.where(ClaimRow.claimed_at <= until)
    results = [(result or {}).get("operation") for result in await session.exec(asked_for)]
    return max(
        (await session.exec(wipes)).one() or 0,
        (await session.exec(before)).one() or 0,
        *(one for one in results if isinstance(one, int)),
        0,
    )


@reads
async def panels_in_use(session: AsyncSession) -> list[str]:
    """The panels of the ledger's services, by name."""
    return list(await session.exec(select(ServiceRow.panel).distinct().order_by(ServiceRow.panel)))
