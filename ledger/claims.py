"""Claims: each promises one server to one service, from before the first write on the panel until a proved wipe."""

from datetime import datetime
from typing import Literal

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger import promised_hardware
from ledger.database import reads, writes
from ledger.decisions import note
from ledger.errors import AlreadyClaimed, IllegalMove, LedgerError, Reserved, SetAside
from ledger.hardware import Hardware
from ledger.panel_name import panel_name
from ledger.permits import permit_of, settle, without_proof
from ledger.server_notes import SET_ASIDE, withheld_as
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Driver, Service
from ledger.states import State
from ledger.step_names import StepName
from ledger.tables import ClaimRow, ForgottenServerRow, JournalRow, PermitRow, ServerNoteRow, ServiceRow
from ledger.transitions import claim_of, note_use, require_driver, snapshot, transition


@writes
async def take(
    session: AsyncSession,
    driver: Driver,
    now: datetime,
    *,
    server_id: int,
    hardware: Hardware,
    operation_before: int | None = None,
) -> Service:
    """Promise the server to the service and make it CLAIMED, in one commit (safety rule 1).

    `operation_before`: the last operation that the panel shows of the server, 0: none. A later one is not of
    before the claim.

    A service that has a claim keeps it, whatever `server_id` is: look at the answer's claim. A service that was
    RELEASED begins its next generation. Raises Superseded; AlreadyClaimed: by another service, the server was forgotten
    unwiped or its last wipe is not proved; HardwareClaimed: its machine is promised or held elsewhere;
    SetAside, though a rehearsal may look why; Reserved: not for this service; IllegalMove: the service is HELD or on
    its way out.
    """
    row, _ = await require_driver(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is not None and row.state not in (State.HELD, State.RELEASING, State.ERASING):
        return await snapshot(session, row)
    if row.state is State.RELEASED or row.generation == 0:
        row.generation += 1
    transition(row, State.CLAIMED, now)
    if await session.get(ForgottenServerRow, (row.panel, server_id)) is not None:
        raise AlreadyClaimed(row.panel, server_id)
    unproven = without_proof(row.panel).where(PermitRow.server_id == server_id)
    if (await session.exec(unproven)).first() is not None:
        raise AlreadyClaimed(row.panel, server_id)
    against = await session.get(ServerNoteRow, (row.panel, server_id))
    withheld = None if against is None else withheld_as(against, row.service_id)
    if withheld == SET_ASIDE:
        raise SetAside(row.panel, server_id)
    if withheld is not None:
        raise Reserved(row.panel, server_id, withheld)
    await _promise(session, row, server_id, hardware, now, operation_before=operation_before)
    return await snapshot(session, row)


@writes
async def adopt(
    session: AsyncSession,
    *,
    service_id: int,
    panel: str,
    client_id: int,
    server_id: int,
    owner_id: int,
    hardware: Hardware,
    state: Literal[State.ACTIVE, State.SUSPENDED],
    now: datetime,
    order_id: int | None = None,
    registered: str | None = None,
    who: str | None = None,
) -> Service:
    """Record a service that has its server already: service and claim as an activation leaves them, in one commit.

    Nothing is changed anywhere else. A service that has this very server in the ledger stays as it is.
    `who`: whose decision it is; it is kept.
    Raises AlreadyClaimed: the server, or its machine, is another service's; IllegalMove: the service has another
    server, or an activation of it is under way.
    """
    panel_name(panel)
    row = await session.get(ServiceRow, service_id, with_for_update=True)
    if row is None:
        row = ServiceRow(service_id=service_id, panel=panel, created_at=now, updated_at=now)
        session.add(row)
    claim = await claim_of(session, service_id)
    if claim is not None and (claim.panel, claim.server_id) == (panel, server_id):
        return await snapshot(session, row)
    if claim is not None or row.state not in (State.NEW, State.RELEASED):
        raise IllegalMove(f"Service {service_id} is {row.state} in the ledger already: it is not adopted.")
    if ServiceIdentity(client_id=client_id, order_id=order_id, registered=registered).differs_from(row):
        row.order = row.protected_at = None  # of the service that had the number before
    # No activation's move, so not in MOVES: the client had the server before the ledger knew of it.
    row.panel, row.client_id, row.state = panel, client_id, state
    row.order_id, row.registered = order_id, registered
    row.generation += 1
    row.epoch += 1
    row.updated_at = now
    await session.flush()
    await _promise(session, row, server_id, hardware, now, owner_id=owner_id)
    if who is not None:
        note(session, row, "adopt", who=who, why=f"server {server_id} was its client's already", now=now)
    await note_use(session, service_id, now)
    return await snapshot(session, row)


async def _promise(
    session: AsyncSession,
    row: ServiceRow,
    server_id: int,
    hardware: Hardware,
    now: datetime,
    *,
    owner_id: int | None = None,
    operation_before: int | None = None,
) -> None:
    """Write the claim, within the caller's transaction. Raises AlreadyClaimed."""
    panel = row.panel  # a failed flush expires the row
    if await session.get(ClaimRow, (panel, server_id)) is not None:
        raise AlreadyClaimed(panel, server_id)
    claim = ClaimRow(
        panel=panel,
        server_id=server_id,
        service_id=row.service_id,
        generation=row.generation,
        owner_id=owner_id,
        claimed_at=now,
        operation_before=operation_before,
    )
    claim.record_hardware(hardware)
    session.add(claim)
    try:
        await session.flush()
    except IntegrityError:
        raise AlreadyClaimed(panel, server_id) from None
    await promised_hardware.enter(session, claim, hardware)


async def _end(session: AsyncSession, claim: ClaimRow) -> None:
    """End a claim whose server anybody may get, within the caller's transaction."""
    await promised_hardware.remove(session, claim)
    await session.delete(claim)
    await session.flush()


@writes
async def drop(session: AsyncSession, driver: Driver, now: datetime) -> Service:
    """Return a server that was never changed: CLAIMED or PREPARING becomes NEW and the claim ends, in one commit.

    A NEW service stays as it is.
    Raises Superseded; IllegalMove: too late for that; LedgerError: something was done to the server.
    """
    row, _ = await require_driver(session, driver)
    if row.state is not State.NEW:
        transition(row, State.NEW, now)
        await _end(session, await _untouched(session, row))
    return await snapshot(session, row)


@writes
async def record_change(session: AsyncSession, driver: Driver, now: datetime, changed: str) -> Service:
    """Note what the server shows otherwise than recorded, though it is the same machine; the record stays.

    A wipe compares with what was recorded at the activation (safety rule 16). Raises Superseded.
    """
    row, _ = await require_driver(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is not None:
        claim.changed = changed
        row.updated_at = now
    return await snapshot(session, row)


@writes
async def record_owner(session: AsyncSession, driver: Driver, now: datetime, owner_id: int) -> Service:
    """Record the panel user who becomes the server's owner, before the panel is told.

    From here on the server counts as touched. Raises Superseded; LedgerError: no claim, or another owner is recorded.
    """
    row, _ = await require_driver(session, driver)
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
async def promised(session: AsyncSession) -> int:
    """How many servers of all panels are promised now."""
    return (await session.exec(select(func.count()).select_from(ClaimRow))).one()


@reads
async def forgotten(session: AsyncSession, panel: str) -> set[int]:
    """The panel's servers that were gone when their claim ended: no wipe is proved, so nobody gets them."""
    query = select(ForgottenServerRow.server_id).where(ForgottenServerRow.panel == panel)
    return set(await session.exec(query))


@writes
async def release(session: AsyncSession, driver: Driver, now: datetime, *, permit_id: int) -> Service:
    """Return the server to the pool after a proved wipe: ERASING becomes RELEASED and the claim ends.

    One commit, which also notes the permit as proved. May be called again after it was done. Raises Superseded;
    IllegalMove: not ERASING; LedgerError: the permit is not this server's, was not used, has no operation on record, or
    was settled otherwise (safety rule 5).
    """
    row, _ = await require_driver(session, driver)
    permit = await permit_of(session, row, permit_id)
    if row.state is State.RELEASED and permit.outcome == "proved":
        return await snapshot(session, row)
    transition(row, State.RELEASED, now)
    claim = await claim_of(session, row.service_id)
    if claim is None or (claim.panel, claim.server_id) != (permit.panel, permit.server_id):
        raise LedgerError(
            f"Permit {permit_id} is for server {permit.server_id}, which service {row.service_id} does not have."
        )
    if permit.used_at is None or permit.operation_id is None:
        raise LedgerError(f"Permit {permit_id} has no wipe on record: server {permit.server_id} stays claimed.")
    settle(permit, "proved", now)
    await _end(session, claim)
    return await snapshot(session, row)


@writes
async def release_untouched(session: AsyncSession, driver: Driver, now: datetime) -> Service:
    """Return a server to the pool that was never changed: RELEASING becomes RELEASED and the claim ends.

    A RELEASED service stays as it is. Raises Superseded; IllegalMove: not RELEASING; LedgerError: something was done to
    the server, so it has to be wiped.
    """
    row, _ = await require_driver(session, driver)
    if row.state is State.RELEASED:
        return await snapshot(session, row)
    if row.state is not State.RELEASING:
        raise IllegalMove(
            f"Service {row.service_id} is {row.state}: only a RELEASING one gives its server back unwiped."
        )
    transition(row, State.RELEASED, now)
    await _end(session, await _untouched(session, row))
    return await snapshot(session, row)


async def _untouched(session: AsyncSession, row: ServiceRow) -> ClaimRow:
    """The service's claim. Raises LedgerError: there is none, or something was done to its server."""
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
        col(JournalRow.step) != StepName.OWNER,
    )
    touched = (await session.exec(steps.limit(1))).first()
    if touched is not None:
        raise LedgerError(f"Server {claim.server_id} was changed (step {touched}): it has to be terminated.")
    return claim
