"""Permits: each allows one wipe of one server (safety rule 4) and records its outcome (safety rule 5)."""

from datetime import datetime

from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from ledger.caps import Caps, count_wipe
from ledger.database import reads, writes
from ledger.errors import IllegalMove, LedgerError, PermitUsed
from ledger.hardware import Hardware
from ledger.hold_reasons import HoldReason
from ledger.services import put_on_hold
from ledger.snapshots import Driver, Permit, Proof
from ledger.states import State
from ledger.tables import ClaimRow, PermitRow, ServiceRow
from ledger.transitions import claim_of, require_driver, transition
from ledger.whmcs_numbers import require_no_restored_whmcs


@writes
async def write(
    session: AsyncSession,
    driver: Driver,
    now: datetime,
    *,
    server_id: int,
    owner_before: int | None,
    owner_seen: int | None,
    hardware: Hardware,
    operation_before: int | None,
    caps: Caps,
) -> Permit:
    """Permit one wipe of the service's server and make the service ERASING, in one commit.

    In ERASING already: the open permit, if it is not used. After a void one, or after an unproven one that a person let
    go back to ERASING, a new one with the next attempt. `owner_seen` is the owner read just now: there must be none.
    `hardware` is what the panel showed just now: the claim recorded something, and all of it must be shown.
    Raises Superseded; IllegalMove; PermitUsed: look for what the used one started, then `void` it or finish it;
    LedgerError: the permit would not match the claim; CapReached; WhmcsOfBefore.
    """
    row, _ = await require_driver(session, driver)
    await require_no_restored_whmcs(session)
    claim = await claim_of(session, row.service_id)
    if claim is None or claim.server_id != server_id or claim.generation != row.generation:
        raise LedgerError(f"Service {row.service_id} has no claim on server {server_id}: no permit to wipe it.")
    if owner_seen is not None:
        raise LedgerError(
            f"Server {server_id} belongs to panel user {owner_seen}: no permit to wipe it while it has an owner."
        )
    require_same_machine(claim, hardware)
    last = await newest(session, row.service_id, row.generation)
    if row.state is not State.ERASING:
        transition(row, State.ERASING, now)
    elif last is not None and last.outcome is None:
        if last.used_at is not None:
            raise PermitUsed(
                f"Permit {last.id} for server {server_id} was used: look for what it started before another."
            )
        return Permit.model_validate(last)
    await count_wipe(session, row, caps, now)
    permit = PermitRow(
        panel=claim.panel,
        server_id=server_id,
        service_id=row.service_id,
        generation=row.generation,
        attempt=1 if last is None else last.attempt + 1,
        owner_before=owner_before,
        owner_seen=owner_seen,
        operation_before=operation_before,
        written_at=now,
    )
    permit.record_hardware(hardware)
    session.add(permit)
    await session.flush()  # the database gives the id
    return Permit.model_validate(permit)


@writes
async def use(session: AsyncSession, driver: Driver, now: datetime, permit_id: int) -> Permit:
    """Use the permit, right before the call that wipes. It succeeds for exactly one caller, once.

    Raises Superseded; PermitUsed: on the second use; IllegalMove: not ERASING; LedgerError: the permit is settled
    or not this server's; WhmcsOfBefore.
    """
    row, _ = await require_driver(session, driver)
    await require_no_restored_whmcs(session)
    permit = await _unsettled(session, row, permit_id)
    if row.state is not State.ERASING:
        raise IllegalMove(f"Service {row.service_id} is {row.state}, not ERASING: permit {permit_id} cannot be used.")
    if permit.used_at is not None:
        raise PermitUsed(f"Permit {permit_id} for server {permit.server_id} was used before: look for what it started.")
    permit.used_at = now
    return Permit.model_validate(permit)


@writes
async def record_operation(
    session: AsyncSession, driver: Driver, now: datetime, permit_id: int, operation_id: int
) -> Permit:
    """Note the panel's operation that the permit started. May be called again with the same operation.

    Raises Superseded; LedgerError: the permit was not used, is settled, or started another operation.
    """
    row, _ = await require_driver(session, driver)
    permit = await _unsettled(session, row, permit_id)
    if permit.used_at is None:
        raise LedgerError(f"Permit {permit_id} was not used: operation {operation_id} is not its wipe.")
    if permit.operation_id not in (None, operation_id):
        raise LedgerError(f"Permit {permit_id} started operation {permit.operation_id}, not {operation_id}.")
    permit.operation_id = operation_id
    row.updated_at = now
    return Permit.model_validate(permit)


@writes
async def void(session: AsyncSession, driver: Driver, now: datetime, permit_id: int) -> Permit:
    """Settle a permit as void: no operation is on record, so it proves no wipe. May be called again.

    Raises Superseded; LedgerError: it started an operation, or was settled otherwise.
    """
    row, _ = await require_driver(session, driver)
    permit = await permit_of(session, row, permit_id)
    if permit.operation_id is not None:
        raise LedgerError(f"Permit {permit_id} started operation {permit.operation_id}: it is not void.")
    settle(permit, "void", now)
    return Permit.model_validate(permit)


@writes
async def unproven(session: AsyncSession, driver: Driver, now: datetime, permit_id: int) -> Permit:
    """Settle a used permit whose wipe cannot be proved and hold the service, in one commit. May be called again.

    The server stays claimed: no allocation sees it, and a person decides (safety rule 5). Raises Superseded;
    LedgerError: it was not used, or was settled otherwise.
    """
    row, _ = await require_driver(session, driver)
    permit = await permit_of(session, row, permit_id)
    if permit.used_at is None:
        raise LedgerError(f"Permit {permit_id} was not used: there is no wipe to prove. Void it instead.")
    if permit.outcome != "unproven":
        settle(permit, "unproven", now)
        evidence = f"permit {permit.id}, server {permit.server_id}, operation {permit.operation_id or 'unknown'}"
        put_on_hold(row, HoldReason.WIPE_UNPROVEN, evidence, now)
    return Permit.model_validate(permit)


@reads
async def current(session: AsyncSession, service_id: int, generation: int) -> Permit | None:
    """The newest permit of a generation, settled or not."""
    row = await newest(session, service_id, generation)
    return None if row is None else Permit.model_validate(row)


async def permit_of(session: AsyncSession, row: ServiceRow, permit_id: int) -> PermitRow:
    """The permit, if it is of this service and generation, within the caller's transaction."""
    permit = await session.get(PermitRow, permit_id)
    if permit is None or (permit.service_id, permit.generation) != (row.service_id, row.generation):
        raise LedgerError(
            f"Permit {permit_id} is not of service {row.service_id}, generation {row.generation}: nothing was written."
        )
    return permit


def settle(permit: PermitRow, outcome: Proof, now: datetime) -> None:
    """Write the permit's outcome, which never changes again, within the caller's transaction."""
    if permit.outcome == outcome:
        return
    if permit.outcome is not None:
        raise LedgerError(
            f"Permit {permit.id} for server {permit.server_id} is {permit.outcome} and cannot be {outcome}."
        )
    permit.outcome = outcome
    permit.settled_at = now


async def _unsettled(session: AsyncSession, row: ServiceRow, permit_id: int) -> PermitRow:
    permit = await permit_of(session, row, permit_id)
    if permit.outcome is not None:
        raise LedgerError(f"Permit {permit_id} for server {permit.server_id} is {permit.outcome}: it permits nothing.")
    claim = await claim_of(session, row.service_id)
    if claim is None or (claim.panel, claim.server_id) != (permit.panel, permit.server_id):
        raise LedgerError(
            f"Permit {permit_id} is for server {permit.server_id}, which service {row.service_id} does not have."
        )
    return permit


async def newest(session: AsyncSession, service_id: int, generation: int) -> PermitRow | None:
    """The newest permit of a generation, within the caller's transaction."""
    query = (
        select(PermitRow)
        .where(PermitRow.service_id == service_id, PermitRow.generation == generation)
        .order_by(col(PermitRow.attempt).desc())
        .limit(1)
    )
    return (await session.exec(query)).one_or_none()


def without_proof(panel: str) -> SelectOfScalar[int]:
    """The servers of the panel of which a permit was used, and no wipe proved since (safety rule 5).

    A later permit proves nothing by being there: it may not have been used.
    """
    later = aliased(PermitRow)
    proved = select(later.id).where(
        later.panel == PermitRow.panel,
        later.server_id == PermitRow.server_id,
        col(later.id) > col(PermitRow.id),
        later.outcome == "proved",
    )
    return select(PermitRow.server_id).where(
        PermitRow.panel == panel,
        col(PermitRow.used_at).is_not(None),
        col(PermitRow.outcome).is_distinct_from("proved"),  # most that are not proved have no outcome at all yet
        ~proved.exists(),
    )


def require_same_machine(claim: ClaimRow, seen: Hardware) -> None:
    """Raise LedgerError unless `seen` is the machine that was claimed, and the claim recorded by what to know it.

    Of every permit: what is on the machine's disks is lost.
    """
    differing = claim.hardware.differs_from(seen)
    if differing:
        raise LedgerError(
            f"Server {claim.server_id} differs from the one recorded at activation ({', '.join(differing)}): "
            "no permit to wipe it."
        )
    if not claim.hardware.identifies:
        raise LedgerError(
            f"Nothing identifies server {claim.server_id} as the one that was claimed (no serial number, MAC address "
            "or barcode on record): no permit to wipe it."
        )
