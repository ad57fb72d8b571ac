"""What every writing function of the ledger checks first: who may write, and which moves the service may make."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import and_, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.errors import IllegalMove, ServiceNotFound, Superseded
from ledger.snapshots import Claim, Driver, Service
from ledger.states import MOVES, State
from ledger.tables import ClaimRow, RequestRow, ServiceRow

GUARDED_STATES = {
    State.NEW: "claims.drop",
    State.CLAIMED: "claims.take",
    State.RELEASING: "releases.begin",
    State.ERASING: "permits.write",
    State.RELEASED: "claims.release",
    State.HELD: "requests.hold_and_close or permits.unproven",
}
"""States that imply another row or a reason (a claim, a count, a permit), and the function that writes both."""

GUARDED_MOVES = {(State.ACTIVE, State.INSTALLING): "reinstalls.begin"}
"""The same of a move to a state that implies nothing when it is come to otherwise."""

CHAIN = (State.CLAIMED, State.PREPARING, State.INSTALLING, State.ACTIVE)
"""The states of an activation, in order."""


async def lock_service(session: AsyncSession, service_id: int) -> ServiceRow:
    """The service's row, locked until the commit: writers of one service go one after another.

    Raises ServiceNotFound.
    """
    row = await session.get(ServiceRow, service_id, with_for_update=True)
    if row is None:
        raise ServiceNotFound(service_id)
    return row


async def open_request_of(session: AsyncSession, service_id: int) -> RequestRow | None:
    """The service's open request."""
    query = select(RequestRow).where(RequestRow.service_id == service_id, col(RequestRow.closed_at).is_(None))
    return (await session.exec(query)).one_or_none()


async def require_driver(session: AsyncSession, driver: Driver) -> tuple[ServiceRow, RequestRow]:
    """The service's row, locked, and the driver's open request.

    Raises Superseded: the service has a newer driver, or the driver's request is closed (safety rule 11).
    """
    # Fast path: lock the service and read its open request in one query. Under READ COMMITTED, PostgreSQL checks the
    # WHERE again once it has the lock, so a hit is current; a miss falls through to the two ordered look-ups below.
    query = (
        select(ServiceRow, RequestRow)
        .join(RequestRow, col(RequestRow.service_id) == ServiceRow.service_id)
        .where(ServiceRow.service_id == driver.service_id, col(RequestRow.closed_at).is_(None))
        .with_for_update()
    )
    found = (await session.exec(query)).one_or_none()
    if found is not None and (found[0].epoch, found[1].id) == (driver.epoch, driver.request_id):
        return found
    row = await lock_service(session, driver.service_id)
    request = await open_request_of(session, driver.service_id)
    if request is None:
        raise Superseded(
            f"The request that drove service {row.service_id} is closed: nothing was written. Start a new one."
        )
    if row.epoch != driver.epoch or request.id != driver.request_id:
        raise Superseded(
            f"Somebody else drives service {row.service_id} now ({request.action}, flow run {request.flow_run_id}): "
            "nothing was written. Follow that run."
        )
    return row, request


def transition(row: ServiceRow, to: State, now: datetime) -> None:
    """Move the service along MOVES; the caller writes what the move implies in the same transaction.

    Raises IllegalMove: there is no such move, or the service is HELD, which only a person ends.
    """
    if row.state is State.HELD:
        raise IllegalMove(f"Service {row.service_id} is HELD ({row.held_reason}): a person has to decide first.")
    if to not in MOVES[row.state]:
        raise IllegalMove(f"Service {row.service_id} is {row.state} and cannot become {to}: nothing was written.")
    row.state = to
    row.updated_at = now


def transition_unguarded(row: ServiceRow, to: State, now: datetime) -> None:
    """Move to a state that implies nothing else; a service that is there already stays.

    Raises IllegalMove: no such move, or another function writes that state (`GUARDED_STATES`, `GUARDED_MOVES`).
    """
    if row.state is to:
        return
    guard = GUARDED_STATES.get(to) or GUARDED_MOVES.get((row.state, to))
    if guard is not None:
        raise IllegalMove(f"Service {row.service_id} cannot be moved to {to} alone: {guard} writes what that implies.")
    transition(row, to, now)


def advance_activation(row: ServiceRow, to: State, now: datetime) -> None:
    """Move forward along an activation; a service at or past `to` stays.

    Raises IllegalMove: no such move, or the service is not in an activation.
    """
    if row.state in CHAIN and to in CHAIN:
        if CHAIN.index(row.state) < CHAIN.index(to):
            transition_unguarded(row, to, now)
        return
    raise IllegalMove(
        f"Service {row.service_id} is {row.state}: it is not in an activation and cannot advance to {to}."
    )


async def claim_of(session: AsyncSession, service_id: int) -> ClaimRow | None:
    """The service's claim."""
    return (await session.exec(select(ClaimRow).where(ClaimRow.service_id == service_id))).one_or_none()


async def note_use(session: AsyncSession, service_id: int, now: datetime) -> None:
    """Record since when the client uses the service's server; the first moment stands."""
    first = (col(ClaimRow.service_id) == service_id) & col(ClaimRow.active_since).is_(None)
    await session.exec(update(ClaimRow).where(first).values(active_since=now))


async def claim_and_open_request_of(
    session: AsyncSession, service_id: int
) -> tuple[ClaimRow | None, RequestRow | None]:
    """The service's claim and its open request, in one query; the caller has locked the service's row."""
    of_it = col(RequestRow.service_id) == ServiceRow.service_id
    query = (
        select(ClaimRow, RequestRow)
        .select_from(ServiceRow)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
        .join(RequestRow, and_(of_it, col(RequestRow.closed_at).is_(None)), isouter=True)
        .where(ServiceRow.service_id == service_id)
    )
    return (await session.exec(query)).one()


async def snapshot(session: AsyncSession, row: ServiceRow) -> Service:
    """The service as its callers see it, with its claim."""
    claim = await claim_of(session, row.service_id)
    return together(row, claim)


def together(row: ServiceRow, claim: ClaimRow | None) -> Service:
    """The snapshot of a service and its claim."""
    return Service.model_validate(row).model_copy(
        update={"claim": None if claim is None else Claim.model_validate(claim)}
    )
