"""Claims: a server promised to one service, from before the first write on the panel until the wipe is proved."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import AlreadyClaimed, IllegalMove, LedgerError
from ledger.lifecycle import State
from ledger.moves import claim_of, driven, snapshot, step
from ledger.permits import permit_of, settle
from ledger.snapshots import Driver, Service
from ledger.tables import ClaimRow, ForgottenServerRow, JournalRow, ServiceRow

OWNER_STEP = "owner"
"""The journal step of finding or creating the client's panel user: it touches no server."""


@writes
async def take(
    session: AsyncSession,
    driver: Driver,
    *,
    server_id: int,
    serial: str | None,
    macs: Sequence[str],
    barcode: str | None,
    now: datetime,
) -> Service:
    """Promise the server to the service and make it CLAIMED, in one commit (safety rule 1).

    A service that has a claim keeps it, whatever `server_id` is: look at the answer's claim. A service that was
    RELEASED begins its next generation. Raises Superseded; AlreadyClaimed: by another service, or the server was
    forgotten unwiped; IllegalMove: the service is HELD or on its way out.
    """
    row, _ = await driven(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is not None and row.state not in (State.HELD, State.RELEASING, State.ERASING):
        return await snapshot(session, row)
    if row.state is State.RELEASED or row.generation == 0:
        row.generation += 1
    step(row, State.CLAIMED, now)
    taken = await session.get(ClaimRow, (row.panel, server_id))
    if taken is not None or await session.get(ForgottenServerRow, (row.panel, server_id)) is not None:
        raise AlreadyClaimed(row.panel, server_id)
    session.add(
        ClaimRow(
            panel=row.panel,
            server_id=server_id,
            service_id=row.service_id,
            generation=row.generation,
            serial=serial,
            macs=list(macs),
            barcode=barcode,
            claimed_at=now,
        )
    )
    panel = row.panel  # a failed flush expires the row
    try:
        await session.flush()
    except IntegrityError:
        raise AlreadyClaimed(panel, server_id) from None
    return await snapshot(session, row)


@writes
async def drop(session: AsyncSession, driver: Driver, *, now: datetime) -> Service:
    """Give a server back that was never made ours: CLAIMED or PREPARING becomes NEW, the claim goes, in one commit.

    Being NEW already is fine. Raises Superseded; IllegalMove: too late for that; LedgerError: something was done to the
    server.
    """
    row, _ = await driven(session, driver)
    if row.state is not State.NEW:
        step(row, State.NEW, now)
        await session.delete(await _untouched(session, row))
        await session.flush()
    return await snapshot(session, row)


@writes
async def record_owner(session: AsyncSession, driver: Driver, owner_id: int, now: datetime) -> Service:
    """Note the panel user whose server this becomes, before the panel is told.

    From here on the server counts as touched. Raises Superseded; LedgerError: no claim, or another owner is recorded.
    """
    row, _ = await driven(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is None:
        raise LedgerError(
            f"Service {row.service_id} has no server: there is nobody to make its owner. Activate it first."
        )
    if claim.owner_id not in (None, owner_id):
        raise LedgerError(
            f"Server {claim.server_id} of service {row.service_id} belongs to panel user {claim.owner_id}, "
            f"not {owner_id}: check the client's e-mail on the panel."
        )
    claim.owner_id = owner_id
    row.updated_at = now
    return await snapshot(session, row)


@reads
async def claimed(session: AsyncSession, panel: str) -> dict[int, int]:
    """The panel's promised servers: server id -> service id. HELD services count."""
    query = select(ClaimRow.server_id, ClaimRow.service_id).where(ClaimRow.panel == panel)
    return {server_id: service_id for server_id, service_id in await session.exec(query)}


@reads
async def forgotten(session: AsyncSession, panel: str) -> set[int]:
    """The panel's servers that were gone when their claim was ended: nothing proves their disks, nobody gets them."""
    query = select(ForgottenServerRow.server_id).where(ForgottenServerRow.panel == panel)
    return set(await session.exec(query))


@writes
async def release(session: AsyncSession, driver: Driver, *, permit_id: int, now: datetime) -> Service:
    """Return the server to the pool after a proved wipe: ERASING becomes RELEASED, and the claim goes.

    One commit, which also notes the permit as proved. A release that was done already is fine. Raises Superseded;
    IllegalMove: not ERASING; LedgerError: the permit is not this server's, was not used, has no operation on record, or
    was settled otherwise (safety rule 5).
    """
    row, _ = await driven(session, driver)
    permit = await permit_of(session, row, permit_id)
    if row.state is State.RELEASED and permit.outcome == "proved":
        return await snapshot(session, row)
    step(row, State.RELEASED, now)
    claim = await claim_of(session, row.service_id)
    if claim is None or (claim.panel, claim.server_id) != (permit.panel, permit.server_id):
        raise LedgerError(
            f"Permit {permit_id} is for server {permit.server_id}, which service {row.service_id} does not have."
        )
    if permit.used_at is None or permit.operation_id is None:
        raise LedgerError(f"Permit {permit_id} has no wipe on record: server {permit.server_id} stays claimed.")
    settle(permit, "proved", now)
    await session.delete(claim)
    await session.flush()
    return await snapshot(session, row)


@writes
async def release_untouched(session: AsyncSession, driver: Driver, now: datetime) -> Service:
    """Return a server to the pool that was never made ours: RELEASING becomes RELEASED, and the claim goes.

    Being RELEASED already is fine. Raises Superseded; IllegalMove: not RELEASING; LedgerError: something was done to
    the server, so it has to be wiped.
    """
    row, _ = await driven(session, driver)
    if row.state is State.RELEASED:
        return await snapshot(session, row)
    if row.state is not State.RELEASING:
        raise IllegalMove(
            f"Service {row.service_id} is {row.state}: only a RELEASING one gives its server back unwiped."
        )
    step(row, State.RELEASED, now)
    await session.delete(await _untouched(session, row))
    await session.flush()
    return await snapshot(session, row)


async def _untouched(session: AsyncSession, row: ServiceRow) -> ClaimRow:
    """The service's claim, proved to be of a server that we never changed."""
    claim = await claim_of(session, row.service_id)
    if claim is None:
        raise LedgerError(f"Service {row.service_id} has no server: there is nothing to give back.")
    if claim.owner_id is not None:
        raise LedgerError(
            f"Server {claim.server_id} was given to panel user {claim.owner_id}: it has to be terminated."
        )
    steps = select(JournalRow.step).where(
        JournalRow.service_id == row.service_id,
        JournalRow.generation == row.generation,
        col(JournalRow.step) != OWNER_STEP,
    )
    touched = (await session.exec(steps.limit(1))).first()
    if touched is not None:
        raise LedgerError(f"Server {claim.server_id} was changed (step {touched}): it has to be terminated.")
    return claim
