"""Services: what WHMCS asked for, where each stands, and how one gets into HELD."""

from collections.abc import Container
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import IllegalMove, LedgerError
from ledger.lifecycle import State
from ledger.moves import claim_of, driven, snapshot, step_on, step_plainly, together
from ledger.orders import Order
from ledger.snapshots import Driver, Outcome, Service
from ledger.tables import ClaimRow, RequestRow, ServiceRow


@writes
async def remember(
    session: AsyncSession,
    *,
    service_id: int,
    panel: str,
    client_id: int | None = None,
    order: Order | None = None,
    now: datetime,
) -> Service:
    """Keep what WHMCS said of a service; an unknown one begins as NEW. An order replaces the last one.

    Raises LedgerError: a server of another panel is promised to the service.
    """
    row = await session.get(ServiceRow, service_id, with_for_update=True)
    if row is None:
        row = ServiceRow(service_id=service_id, panel=panel, created_at=now, updated_at=now)
        session.add(row)
    claim = await claim_of(session, service_id)
    if claim is not None and claim.panel != panel:
        raise LedgerError(
            f"Service {service_id} has server {claim.server_id} of panel {claim.panel}, not of {panel}: "
            f"set the product's server back to {claim.panel}, or terminate the service first."
        )
    row.panel = panel
    if client_id is None and order is not None:
        client_id = order.client_id
    if client_id is not None:
        row.client_id = client_id
    if order is not None:
        row.order = order.model_dump(mode="json")
    row.updated_at = now
    return together(row, claim)


@reads
async def get(session: AsyncSession, service_id: int) -> Service | None:
    """The service with its claim, or None when the ledger does not know it."""
    query = (
        select(ServiceRow, ClaimRow)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
        .where(ServiceRow.service_id == service_id)
    )
    found = (await session.exec(query)).one_or_none()
    return None if found is None else together(*found)


@reads
async def held(session: AsyncSession, panel: str | None = None) -> list[Service]:
    """The services that wait for a person, of one panel or of all, longest waiting first."""
    query = (
        select(ServiceRow, ClaimRow)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
        .where(ServiceRow.state == State.HELD)
        .order_by(col(ServiceRow.held_at), col(ServiceRow.service_id))
    )
    if panel is not None:
        query = query.where(ServiceRow.panel == panel)
    return [together(row, claim) for row, claim in await session.exec(query)]


@writes
async def move(
    session: AsyncSession, driver: Driver, to: State, now: datetime, *, frm: Container[State] | None = None
) -> Service:
    """Move the service to `to`, from one of `frm` if given; being there already is fine.

    Raises Superseded; IllegalMove: no such move from here, or `to` implies a claim, a permit or a reason and so has a
    function of its own (`moves.DOORS`).
    """
    row, _ = await driven(session, driver)
    if row.state is not to and frm is not None and row.state not in frm:
        raise IllegalMove(
            f"Service {row.service_id} is {row.state}: it cannot become {to} from there. Look at its last run."
        )
    step_plainly(row, to, now)
    return await snapshot(session, row)


@writes
async def advance(session: AsyncSession, driver: Driver, to: State, now: datetime) -> Service:
    """Move an activation on to `to` (CLAIMED < PREPARING < INSTALLING < ACTIVE); being at or past it is fine.

    Raises Superseded; IllegalMove: a step would be left out, or the service is not in an activation.
    """
    row, _ = await driven(session, driver)
    step_on(row, to, now)
    return await snapshot(session, row)


@writes
async def hold(session: AsyncSession, driver: Driver, *, reason: str, evidence: str, now: datetime) -> Service:
    """Stop here until a person decides.

    A service that is HELD already keeps where it came from; the newest reason stands. `evidence` is text without
    secrets and without personal data. Raises Superseded.
    """
    row, _ = await driven(session, driver)
    put_on_hold(row, reason, evidence, now)
    return await snapshot(session, row)


def put_on_hold(row: ServiceRow, reason: str, evidence: str, now: datetime) -> None:
    """Make the row HELD, within the caller's transaction."""
    if row.state is not State.HELD:
        row.held_from = row.state
        row.held_at = now
    row.state = State.HELD
    row.held_reason = reason
    row.held_evidence = evidence
    row.updated_at = now


def shut(request: RequestRow, outcome: Outcome, message: str | None, now: datetime) -> None:
    """Close the request, within the caller's transaction."""
    request.closed_at = now
    request.outcome = outcome
    request.message = message
