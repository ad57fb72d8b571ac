"""Permits: the right to wipe one server once (safety rule 4), and what became of it (safety rule 5)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.caps import Caps, count_wipe
from ledger.database import reads, writes
from ledger.errors import IllegalMove, LedgerError, PermitUsed
from ledger.lifecycle import State
from ledger.moves import claim_of, driven, step
from ledger.services import put_on_hold
from ledger.snapshots import Driver, Permit, Proof
from ledger.tables import ClaimRow, PermitRow, ServiceRow

UNPROVEN = "wipe-unproven"
"""Why a service is HELD whose wipe cannot be proved; docs/operate.md has a row for it."""


@writes
async def write(
    session: AsyncSession,
    driver: Driver,
    *,
    server_id: int,
    owner_before: int | None,
    owner_seen: int | None,
    serial: str | None,
    macs: Sequence[str],
    barcode: str | None,
    operation_before: int | None,
    caps: Caps,
    now: datetime,
) -> Permit:
    """Permit one wipe of the service's server and make the service ERASING, in one commit.

    In ERASING already: the open permit, if it is not used. After a void one, or after an unproven one that a person let
    go back to ERASING, a new one with the next attempt. `owner_seen` is the owner read just now: there must be none.
    Serial, MACs and barcode are those read just now: one at least must be what the claim recorded, none may differ.
    Raises Superseded; IllegalMove; PermitUsed: look for what the used one started, then `void` it or finish it;
    LedgerError: the permit would not match the claim; CapReached.
    """
    row, _ = await driven(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is None or claim.server_id != server_id or claim.generation != row.generation:
        raise LedgerError(f"Service {row.service_id} has no claim on server {server_id}: no permit to wipe it.")
    if owner_seen is not None:
        raise LedgerError(
            f"Server {server_id} belongs to panel user {owner_seen}: no permit to wipe it while it has an owner."
        )
    _same_server(claim, serial, macs, barcode)
    last = await newest(session, row.service_id, row.generation)
    if row.state is not State.ERASING:
        step(row, State.ERASING, now)
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
        serial=serial,
        macs=list(macs),
        barcode=barcode,
        operation_before=operation_before,
        written_at=now,
    )
    session.add(permit)
    await session.flush()  # the database gives the id
    return Permit.model_validate(permit)


@writes
async def use(session: AsyncSession, driver: Driver, permit_id: int, now: datetime) -> Permit:
    """Spend the permit, right before the call that wipes. Exactly one caller ever gets past this.

    Raises Superseded; PermitUsed: on the second use; IllegalMove: not ERASING; LedgerError: the permit is settled
    or not this server's.
    """
    row, _ = await driven(session, driver)
    permit = await _unsettled(session, row, permit_id)
    if row.state is not State.ERASING:
        raise IllegalMove(f"Service {row.service_id} is {row.state}, not ERASING: permit {permit_id} cannot be used.")
    if permit.used_at is not None:
        raise PermitUsed(f"Permit {permit_id} for server {permit.server_id} was used before: look for what it started.")
    permit.used_at = now
    return Permit.model_validate(permit)


@writes
async def record_operation(
    session: AsyncSession, driver: Driver, permit_id: int, operation_id: int, now: datetime
) -> Permit:
    """Note the panel's operation that the permit started. Noting the same twice is fine.

    Raises Superseded; LedgerError: the permit was not used, is settled, or started another operation.
    """
    row, _ = await driven(session, driver)
    permit = await _unsettled(session, row, permit_id)
    if permit.used_at is None:
        raise LedgerError(f"Permit {permit_id} was not used: operation {operation_id} is not its wipe.")
    if permit.operation_id not in (None, operation_id):
        raise LedgerError(f"Permit {permit_id} started operation {permit.operation_id}, not {operation_id}.")
    permit.operation_id = operation_id
    row.updated_at = now
    return Permit.model_validate(permit)


@writes
async def void(session: AsyncSession, driver: Driver, permit_id: int, now: datetime) -> Permit:
    """Settle a permit that no operation is on record for: what came of it, if anything, proves nothing.

    Saying it twice is fine.

    Raises Superseded; LedgerError: it started an operation, or was settled otherwise.
    """
    row, _ = await driven(session, driver)
    permit = await permit_of(session, row, permit_id)
    if permit.operation_id is not None:
        raise LedgerError(f"Permit {permit_id} started operation {permit.operation_id}: it is not void.")
    settle(permit, "void", now)
    return Permit.model_validate(permit)


@writes
async def unproven(session: AsyncSession, driver: Driver, permit_id: int, now: datetime) -> Permit:
    """Settle a used permit whose wipe cannot be proved and hold the service, in one commit. Saying it twice is fine.

    The server stays claimed: no allocation sees it, and a person decides (safety rule 5). Raises Superseded;
    LedgerError: it was not used, or was settled otherwise.
    """
    row, _ = await driven(session, driver)
    permit = await permit_of(session, row, permit_id)
    if permit.used_at is None:
        raise LedgerError(f"Permit {permit_id} was not used: there is no wipe to prove. Void it instead.")
    if permit.outcome != "unproven":
        settle(permit, "unproven", now)
        evidence = f"permit {permit.id}, server {permit.server_id}, operation {permit.operation_id or 'unknown'}"
        put_on_hold(row, UNPROVEN, evidence, now)
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
    """Say once and for all what became of the permit, within the caller's transaction."""
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


def _same_server(claim: ClaimRow, serial: str | None, macs: Sequence[str], barcode: str | None) -> None:
    """Refuse unless serial, MACs and barcode speak of the claimed server: one agrees at least, none differs."""
    pairs = [
        ("serial number", _words([claim.serial]), _words([serial])),
        ("MAC addresses", _words(claim.macs), _words(macs)),
        ("barcode", _words([claim.barcode]), _words([barcode])),
    ]
    known = [(name, recorded, seen) for name, recorded, seen in pairs if recorded and seen]
    differing = [name for name, recorded, seen in known if not recorded & seen]
    if differing:
        raise LedgerError(
            f"Server {claim.server_id} differs from the one recorded at activation ({', '.join(differing)}): "
            "no permit to wipe it."
        )
    if not known:
        raise LedgerError(
            f"Nothing identifies server {claim.server_id} as the one that was claimed (no serial number, MAC address "
            "or barcode on record and on the panel): no permit to wipe it."
        )


def _words(values: Iterable[str | None]) -> set[str]:
    return {value.strip().lower() for value in values if value and value.strip()}
