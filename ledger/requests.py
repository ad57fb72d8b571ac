"""Requests: one action asked for on one service, one at a time, and who drives it.

An open request always carries its service's epoch; a newer driver closes it or takes it over.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import update
from sqlmodel import col, or_, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import Busy, Elsewhere
from ledger.lifecycle import State
from ledger.moves import claim_and_open_request_of, driven, locked, step_plainly, together
from ledger.services import put_on_hold, shut
from ledger.snapshots import Driver, Request, Service
from ledger.tables import RequestRow


@writes
async def open(
    session: AsyncSession,
    *,
    service_id: int,
    panel: str,
    action: str,
    flow_run_id: str,
    requested_by: str,
    now: datetime,
    silent_after: timedelta,
    takeover: Request | None = None,
) -> tuple[Driver, Service]:
    """Open a request and become the service's driver; whoever drove it before drives it no more.

    Returns the service as it is then, too: every lifecycle decides by it whether it may begin.

    The flow run whose request is open takes its own request over (a retry in place). Another open request is closed
    "abandoned" when it was silent for longer than `silent_after`, or is the one that was seen in `takeover`, with the
    same driver: one who took it over since then is alive.
    Raises Busy: another request is open and alive; Unknown; Elsewhere.
    """
    row = await locked(session, service_id)
    claim, request = await claim_and_open_request_of(session, service_id)
    if claim is not None and claim.panel != panel:
        raise Elsewhere(service_id, claim.panel, panel)
    row.panel = panel
    if request is not None and request.flow_run_id != flow_run_id:
        is_meant = takeover is not None and (takeover.id, takeover.epoch) == (request.id, request.epoch)
        if not is_meant and now - request.heartbeat_at <= silent_after:
            raise Busy(Request.model_validate(request))
        shut(request, "abandoned", f"Taken over by flow run {flow_run_id} ({action}).", now)
        await session.flush()  # the index allows one open request: the old one is closed before the new one is written
        request = None
    row.epoch += 1
    row.updated_at = now
    if request is None:
        request = RequestRow(
            id=str(uuid4()),
            service_id=service_id,
            panel=panel,
            action=action,
            flow_run_id=flow_run_id,
            requested_by=requested_by,
            epoch=row.epoch,
            opened_at=now,
            heartbeat_at=now,
        )
        session.add(request)
    request.epoch = row.epoch
    request.heartbeat_at = now
    return Driver(service_id=service_id, epoch=row.epoch, request_id=request.id), together(row, claim)


@writes
async def beat(session: AsyncSession, drivers: Iterable[Driver], now: datetime) -> None:
    """Say that these drivers are alive, all in one write. One that drives no more changes nothing."""
    alive = tuple_(col(RequestRow.id), col(RequestRow.epoch)).in_([(one.request_id, one.epoch) for one in drivers])
    await session.exec(update(RequestRow).where(alive, col(RequestRow.closed_at).is_(None)).values(heartbeat_at=now))


@writes
async def close(
    session: AsyncSession,
    driver: Driver,
    *,
    outcome: Literal["done", "failed", "cancelled"],
    message: str | None,
    now: datetime,
    to: State | None = None,
) -> None:
    """Close the request and, in the same commit, move the service to `to` if given.

    Afterwards the driver drives no more. Raises Superseded; IllegalMove as `services.move`.
    """
    row, request = await driven(session, driver)
    if to is not None:
        step_plainly(row, to, now)
    shut(request, outcome, message, now)


@writes
async def hold_and_close(session: AsyncSession, driver: Driver, *, reason: str, evidence: str, now: datetime) -> None:
    """Stop the service until a person decides and close the request as "held", in one commit. Raises Superseded."""
    row, request = await driven(session, driver)
    put_on_hold(row, reason, evidence, now)
    shut(request, "held", reason, now)


@writes
async def abandon(
    session: AsyncSession, request: Request, *, outcome: Literal["abandoned", "cancelled"], message: str, now: datetime
) -> bool:
    """Close a request whose run is over or gone without having closed it. False: it is no longer as it was seen."""
    row = await session.get(RequestRow, request.id, with_for_update=True)
    if row is None or row.closed_at is not None or row.epoch != request.epoch:
        return False
    shut(row, outcome, message, now)
    return True


@reads
async def open_requests(session: AsyncSession, panel: str | None = None) -> list[Request]:
    """The open requests, of one panel or of all, longest silent first."""
    query = select(RequestRow).where(col(RequestRow.closed_at).is_(None)).order_by(col(RequestRow.heartbeat_at))
    if panel is not None:
        query = query.where(RequestRow.panel == panel)
    return [Request.model_validate(row) for row in await session.exec(query)]


@reads
async def last_held(session: AsyncSession, service_id: int) -> Request | None:
    """The newest request that put the service on HELD: what is asked for again when a person says retry.

    One whose run broke off right then is still open.
    """
    stopped = or_(RequestRow.outcome == "held", col(RequestRow.closed_at).is_(None))
    query = (
        select(RequestRow)
        .where(RequestRow.service_id == service_id, stopped)
        .order_by(col(RequestRow.epoch).desc())
        .limit(1)
    )
    row = (await session.exec(query)).one_or_none()
    return None if row is None else Request.model_validate(row)


@reads
async def last(session: AsyncSession, service_id: int) -> Request | None:
    """The service's newest request, open or closed."""
    query = (
        select(RequestRow).where(RequestRow.service_id == service_id).order_by(col(RequestRow.epoch).desc()).limit(1)
    )
    row = (await session.exec(query)).one_or_none()
    return None if row is None else Request.model_validate(row)
