"""Requests: each is one action asked for on one service, with the flow run that drives it; one is open at a time.

An open request always carries its service's epoch; a newer driver closes it or takes it over.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import update
from sqlmodel import col, func, or_, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import OvertakenByUnsuspend, RequestInProgress, WrongPanel
from ledger.incarnation import require_no_restoring
from ledger.panel_name import panel_name
from ledger.services import put_on_hold, shut
from ledger.snapshots import Driver, Request, Service
from ledger.states import State
from ledger.tables import RedriveRow, RequestRow
from ledger.transitions import (
    claim_and_open_request_of,
    lock_service,
    note_use,
    require_driver,
    together,
    transition_unguarded,
)
from ledger.wishes import KeptWish, ServiceWish

OVERTAKES = ("unsuspend", "suspend")
"""The one action that goes over an open one: whoever has paid comes back, and nothing goes over that."""
OVERTAKEN = "Overtaken by unsuspend."


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
    goes_over: Collection[str] | None = None,
    asked_at: datetime | None = None,
    asked_first: datetime | None = None,
    wish: ServiceWish | None = None,
    who: str | None = None,
) -> tuple[Driver, Service]:
    """Open a request and become the service's driver; its driver until now is superseded.

    Returns the service as well: every lifecycle decides by its state whether it may begin.

    The flow run whose request is open takes its own request over (a retry in place). Another open request is closed
    "abandoned" when it was silent for longer than `silent_after`, or is the one that was seen in `takeover`, with
    the same epoch: a run that took it over since then is alive. `goes_over`: the actions of which it may be so;
    None: all. A suspension that an unsuspension takes over is closed as overtaken (safety rule 17). `asked_first`:
    when this was asked for at the latest; None: now.
    Raises RequestInProgress: another request is open and its run is alive; OvertakenByUnsuspend; ServiceNotFound;
    WrongPanel; NoPanelName; NothingRuns: a side was restored, and that was not gone through yet (safety rule 24);
    LeftOut: or not on this panel.
    """
    panel_name(panel)
    await require_no_restoring(session, panel)
    row = await lock_service(session, service_id)
    claim, request = await claim_and_open_request_of(session, service_id)
    if claim is not None and claim.panel != panel:
        raise WrongPanel(service_id, claim.panel, panel)
    if action == "suspend":
        await _not_overtaken(session, service_id, asked_first or now)
    if row.state is not State.HELD:  # a command that is refused for that must not move it to its own panel's lists
        row.panel = panel
    if request is not None and request.flow_run_id != flow_run_id:
        is_meant = takeover is not None and (takeover.id, takeover.epoch) == (request.id, request.epoch)
        is_silent = now - request.heartbeat_at > silent_after
        if not (is_meant or is_silent) or (goes_over is not None and request.action not in goes_over):
            raise RequestInProgress(Request.model_validate(request))
        if (action, request.action) == OVERTAKES:
            shut(request, "cancelled", OVERTAKEN, now)
        else:
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
            who=who,
            epoch=row.epoch,
            asked_at=asked_at,
            wish=None if wish is None else KeptWish(**wish.model_dump()).model_dump(),
            opened_at=now,
            heartbeat_at=now,
        )
        session.add(request)
    request.epoch = row.epoch
    request.heartbeat_at = now
    return Driver(service_id=service_id, epoch=row.epoch, request_id=request.id), together(row, claim)


@writes
async def beat(session: AsyncSession, drivers: Iterable[Driver], now: datetime) -> None:
    """Record a heartbeat of all these drivers in one write. A superseded driver changes nothing."""
    alive = tuple_(col(RequestRow.id), col(RequestRow.epoch)).in_([(one.request_id, one.epoch) for one in drivers])
    await session.exec(update(RequestRow).where(alive, col(RequestRow.closed_at).is_(None)).values(heartbeat_at=now))


@writes
async def close(
    session: AsyncSession,
    driver: Driver,
    now: datetime,
    *,
    outcome: Literal["done", "failed", "cancelled"],
    message: str | None,
    to: State | None = None,
) -> None:
    """Close the request and, in the same commit, move the service to `to` if given.

    Afterwards the driver may write no more.
    Raises Superseded; IllegalMove: no such move, or another function writes that state.
    """
    row, request = await require_driver(session, driver)
    if to is not None:
        transition_unguarded(row, to, now)
        if to is State.ACTIVE:
            await note_use(session, row.service_id, now)
    shut(request, outcome, message, now)


@writes
async def hold_and_close(session: AsyncSession, driver: Driver, now: datetime, *, reason: str, evidence: str) -> None:
    """Stop the service until a person decides and close the request as "held", in one commit. Raises Superseded."""
    row, request = await require_driver(session, driver)
    put_on_hold(row, reason, evidence, now)
    shut(request, "held", reason, now)


@writes
async def abandon(
    session: AsyncSession, request: Request, *, outcome: Literal["abandoned", "cancelled"], message: str, now: datetime
) -> bool:
    """Close a request whose flow run ended or died without closing it. False: it changed since it was read."""
    row = await session.get(RequestRow, request.id, with_for_update=True)
    if row is None or row.closed_at is not None or row.epoch != request.epoch:
        return False
    shut(row, outcome, message, now)
    return True


@reads
async def open_requests(session: AsyncSession, panel: str | None = None) -> list[Request]:
    """The open requests, of one panel or of all, the one with the oldest heartbeat first."""
    query = select(RequestRow).where(col(RequestRow.closed_at).is_(None)).order_by(col(RequestRow.heartbeat_at))
    if panel is not None:
        query = query.where(RequestRow.panel == panel)
    return [Request.model_validate(row) for row in await session.exec(query)]


@reads
async def newest(session: AsyncSession, service_id: int, action: str, limit: int = 2) -> list[Request]:
    """The service's newest requests for an action, open or closed, the newest first."""
    query = (
        select(RequestRow)
        .where(RequestRow.service_id == service_id, RequestRow.action == action)
        .order_by(col(RequestRow.epoch).desc())
        .limit(limit)
    )
    return [Request.model_validate(row) for row in await session.exec(query)]


@reads
async def last_of(session: AsyncSession, service_id: int) -> Request | None:
    """The service's newest request, open or closed, for whatever action."""
    query = select(RequestRow).where(RequestRow.service_id == service_id).order_by(col(RequestRow.epoch).desc())
    row = (await session.exec(query.limit(1))).one_or_none()
    return None if row is None else Request.model_validate(row)


@reads
async def get(session: AsyncSession, request_id: str) -> Request | None:
    """The request of that id, open or closed."""
    row = await session.get(RequestRow, request_id)
    return None if row is None else Request.model_validate(row)


@reads
async def was_overtaken(session: AsyncSession, request_id: str) -> bool:
    """Whether the request was closed because an unsuspension went over it."""
    row = await session.get(RequestRow, request_id)
    return row is not None and row.closed_at is not None and row.message == OVERTAKEN


@writes
async def keep_wish(session: AsyncSession, driver: Driver, now: datetime, *, wish: KeptWish) -> None:
    """Keep with the driver's request what WHMCS shows of the service. Raises Superseded."""
    _, request = await require_driver(session, driver)
    request.wish = wish.model_dump()
    request.heartbeat_at = now


async def _not_overtaken(session: AsyncSession, service_id: int, asked: datetime) -> None:
    """Raises OvertakenByUnsuspend: an unsuspension was asked for since."""
    since = func.coalesce(col(RequestRow.asked_at), col(RequestRow.opened_at))
    query = (
        select(RequestRow)
        .where(RequestRow.service_id == service_id, RequestRow.action == "unsuspend", since >= asked)
        .order_by(col(RequestRow.epoch).desc())
        .limit(1)
    )
    later = (await session.exec(query)).one_or_none()
    if later is not None:
        raise OvertakenByUnsuspend(service_id, later.asked_at or later.opened_at)


@reads
async def last_held(session: AsyncSession, service_id: int) -> Request | None:
    """The newest request that put the service on HELD: a person's retry asks for the same action again.

    It may still be open: its run can be interrupted between the hold and the close.
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


@writes
async def claim_requeue(
    session: AsyncSession, flow_run_id: str, *, not_within: timedelta = timedelta(0), now: datetime
) -> int | None:
    """Become the one who re-queues an interrupted flow run, and learn which time this is, counted from 1.

    Several look for such runs, and one of them acts. None: somebody re-queued it less than `not_within` ago.
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
