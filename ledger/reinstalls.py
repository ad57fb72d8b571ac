"""Permits to install an OS over a client's own one, by the client's or staff's wish: one each time (safety rule 4).

A service stays ACTIVE until its permit is used. That, the move to INSTALLING, the attempt in the journal and the new OS
template in the order are one commit, right before the panel is asked. What the panel refuses takes all of them back.
"""

from datetime import datetime

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.burst import DAY, LOOKS_BACK, busiest_day, ordinary_day
from ledger.caps import Caps, count_installation, lock_counter
from ledger.database import reads, writes
from ledger.errors import CapReached, IllegalMove, LedgerError, PermitUsed, Protected
from ledger.hardware import Hardware
from ledger.orders import Order
from ledger.permits import require_same_machine
from ledger.reinstall_table import ReinstallPermitRow
from ledger.snapshots import Driver, ReinstallPermit
from ledger.states import State
from ledger.step_names import StepName
from ledger.tables import ClaimRow, JournalRow, ServiceRow
from ledger.transitions import claim_of, require_driver, transition
from ledger.whmcs_numbers import require_no_restored_whmcs

REINSTALLS = "reinstall-cap"
"""The cap on services that are reinstalled in a day, per panel. No run, decision or WHMCS passes it."""

OVERWRITES = frozenset({State.ACTIVE, State.INSTALLING})
"""Where a service may be reinstalled: INSTALLING where a reinstallation has failed."""


@writes
async def write(
    session: AsyncSession,
    driver: Driver,
    now: datetime,
    *,
    server_id: int,
    os_template: str,
    owner_seen: int | None,
    hardware: Hardware,
    operation_before: int | None,
    asked_at: datetime,
    caps: Caps,
) -> ReinstallPermit:
    """Permit one installation of that template over the service's server. Nothing else changes yet.

    The open permit, where this request has one for the same and nothing ran on the server since; else that is void.
    `owner_seen` and `hardware` are what the panel showed just now: the client's own user, and the machine of the claim.
    Raises Superseded; IllegalMove; PermitUsed: look for what the used one started; LedgerError: the permit would not
    match the claim; CapReached; Protected; WhmcsOfBefore.
    """
    row, request = await require_driver(session, driver)
    await _require_allowed(session, row)
    if row.state not in OVERWRITES:
        raise IllegalMove(f"Service {row.service_id} is {row.state}: no permit to install over its server.")
    claim = await claim_of(session, row.service_id)
    if claim is None or claim.server_id != server_id or claim.generation != row.generation:
        raise LedgerError(f"Service {row.service_id} has no claim on server {server_id}: no permit to install over it.")
    if claim.owner_id is None or claim.owner_id != owner_seen:
        raise LedgerError(f"Server {server_id} is not panel user {claim.owner_id}'s: no permit to install over it.")
    require_same_machine(claim, hardware)
    last = await _newest(session, row.service_id, row.generation)
    if last is not None and row.state is State.INSTALLING and await _may_run(session, last):
        raise PermitUsed(f"Reinstall permit {last.id} for server {server_id} was used: look for what it started.")
    if last is not None and last.used_at is None and last.voided_at is None:
        same = (request.id, os_template, operation_before)
        if (last.request_id, last.os_template, last.operation_before) == same:
            return ReinstallPermit.model_validate(last)
        last.voided_at = now
    await _count(session, row, caps, now)
    permit = ReinstallPermitRow(
        panel=claim.panel,
        server_id=server_id,
        service_id=row.service_id,
        generation=row.generation,
        attempt=1 + max(await _last_attempt(session, row), 0 if last is None else last.attempt),
        request_id=request.id,
        os_template=os_template,
        os_before="" if row.order is None else Order.model_validate(row.order).os_template,
        state_before=row.state,
        owner_seen=claim.owner_id,
        operation_before=operation_before,
        asked_at=asked_at,
        written_at=now,
    )
    permit.record_hardware(hardware)
    session.add(permit)
    await session.flush()  # the database gives the id
    return ReinstallPermit.model_validate(permit)


@writes
async def begin(
    session: AsyncSession, driver: Driver, now: datetime, permit_id: int, *, installations_at_most: int
) -> ReinstallPermit:
    """Use the permit, right before the panel is asked: the service is INSTALLING, and the attempt is in the journal.

    It succeeds for exactly one caller, once. Raises Superseded; PermitUsed: on the second use; IllegalMove;
    LedgerError: it is void, or another service's or server's; CapReached: too many installations are under way;
    Protected; WhmcsOfBefore.
    """
    row, _ = await require_driver(session, driver)
    await _require_allowed(session, row)
    permit = await _permit_of(session, row, permit_id)
    if permit.used_at is not None:
        raise PermitUsed(f"Reinstall permit {permit_id} was used before: look for what it started.")
    if row.state is not permit.state_before:
        raise IllegalMove(f"Service {row.service_id} is {row.state}: reinstall permit {permit_id} cannot be used.")
    claim = await claim_of(session, row.service_id)
    if claim is None or (claim.panel, claim.server_id) != (permit.panel, permit.server_id):
        raise LedgerError(f"Reinstall permit {permit_id} is for a server that service {row.service_id} does not have.")
    await count_installation(session, row, installations_at_most, now)
    if row.state is not State.INSTALLING:
        transition(row, State.INSTALLING, now)
    row.updated_at = now
    _order_os(row, permit.os_template)
    permit.used_at = now
    session.add(
        JournalRow(
            service_id=row.service_id,
            generation=row.generation,
            step=StepName.DEPLOY_OS,
            attempt=permit.attempt,
            state="intended",
            before={"operation": permit.operation_before},
            noted_at=now,
        )
    )
    return ReinstallPermit.model_validate(permit)


@writes
async def started(
    session: AsyncSession, driver: Driver, now: datetime, permit_id: int, operation_id: int
) -> ReinstallPermit:
    """Note the panel's operation that the permit started. May be called again with the same one.

    Raises Superseded; LedgerError: the permit was not used, is void, or started another operation.
    """
    row, _ = await require_driver(session, driver)
    permit = await _permit_of(session, row, permit_id)
    if permit.used_at is None or permit.operation_id not in (None, operation_id):
        raise LedgerError(f"Reinstall permit {permit_id} did not start operation {operation_id}.")
    permit.operation_id = operation_id
    entry = await _entry_of(session, permit)
    if entry is not None:
        entry.state, entry.result, entry.settled_at = "done", {"operation": operation_id}, now
    row.updated_at = now
    return ReinstallPermit.model_validate(permit)


@writes
async def withdraw(session: AsyncSession, driver: Driver, now: datetime, permit_id: int) -> None:
    """Void the permit after a look showed that nothing came of it: all that its use has changed is as it was.

    May be called again. Raises Superseded; LedgerError: it started an operation, which stays on record.
    """
    row, _ = await require_driver(session, driver)
    permit = await session.get(ReinstallPermitRow, permit_id)
    if permit is not None and permit.voided_at is not None:
        return
    permit = await _permit_of(session, row, permit_id)
    if permit.operation_id is not None:
        raise LedgerError(f"Reinstall permit {permit_id} started operation {permit.operation_id}: it is not void.")
    if permit.used_at is not None:
        entry = await _entry_of(session, permit)
        if entry is not None:
            await session.delete(entry)
        if row.state is State.INSTALLING and permit.state_before is not State.INSTALLING:
            transition(row, permit.state_before, now)
        _order_os(row, permit.os_before)
    permit.voided_at = now
    row.updated_at = now


@reads
async def current(session: AsyncSession, service_id: int, generation: int) -> ReinstallPermit | None:
    """The newest permit of a generation that is not void."""
    row = await _newest(session, service_id, generation, but_void=True)
    return None if row is None else ReinstallPermit.model_validate(row)


def _order_os(row: ServiceRow, template: str) -> None:
    """Have the service's order name it. An adopted one has no order and gets none: its wipe delay goes by that."""
    if row.order is not None:
        row.order = {**row.order, "os_template": template}


async def _require_allowed(session: AsyncSession, row: ServiceRow) -> None:
    """Raises Protected, WhmcsOfBefore: whoever asked, nothing is installed over its server."""
    if row.protected_at is not None:
        raise Protected(row.service_id)
    await require_no_restored_whmcs(session)


async def _newest(
    session: AsyncSession, service_id: int, generation: int, *, but_void: bool = False
) -> ReinstallPermitRow | None:
    query = select(ReinstallPermitRow).where(
        ReinstallPermitRow.service_id == service_id, ReinstallPermitRow.generation == generation
    )
    if but_void:
        query = query.where(col(ReinstallPermitRow.voided_at).is_(None))
    return (await session.exec(query.order_by(col(ReinstallPermitRow.attempt).desc()).limit(1))).one_or_none()


async def _permit_of(session: AsyncSession, row: ServiceRow, permit_id: int) -> ReinstallPermitRow:
    permit = await session.get(ReinstallPermitRow, permit_id)
    if permit is None or (permit.service_id, permit.generation) != (row.service_id, row.generation):
        raise LedgerError(f"Reinstall permit {permit_id} is not of service {row.service_id} as it is now.")
    if permit.voided_at is not None:
        raise LedgerError(f"Reinstall permit {permit_id} for server {permit.server_id} is void: it permits nothing.")
    return permit


async def _entry_of(
    session: AsyncSession, permit: ReinstallPermitRow, step: StepName = StepName.DEPLOY_OS
) -> JournalRow | None:
    return await session.get(JournalRow, (permit.service_id, permit.generation, step, permit.attempt))


async def _may_run(session: AsyncSession, permit: ReinstallPermitRow) -> bool:
    """Whether what the permit started may run still, or has ended well: it was used, and was not given up."""
    if permit.used_at is None or permit.voided_at is not None:
        return False
    return await _entry_of(session, permit, StepName.OS_GIVEN_UP) is None


async def _last_attempt(session: AsyncSession, row: ServiceRow) -> int:
    attempts = select(func.max(JournalRow.attempt)).where(
        JournalRow.service_id == row.service_id,
        JournalRow.generation == row.generation,
        JournalRow.step == StepName.DEPLOY_OS,
    )
    return (await session.exec(attempts)).one() or 0


async def _count(session: AsyncSession, row: ServiceRow, caps: Caps, now: datetime) -> None:
    """Let one more service of the panel be reinstalled. A service counts once in 24 hours: its data is gone already.

    What counts is used or may be used yet. Raises CapReached: the day's cap, or a burst as of deletions.
    """
    await lock_counter(session, f"{REINSTALLS} of {row.panel}", now)
    query = select(ReinstallPermitRow.service_id, ReinstallPermitRow.written_at).where(
        ReinstallPermitRow.panel == row.panel,
        ReinstallPermitRow.written_at > now - LOOKS_BACK,
        col(ReinstallPermitRow.voided_at).is_(None),
        ReinstallPermitRow.service_id != row.service_id,
    )
    written = [(service_id, at) for service_id, at in await session.exec(query)]
    today = {service_id for service_id, at in written if at > now - DAY}
    fleet = select(func.count()).select_from(ClaimRow).where(ClaimRow.panel == row.panel)
    of_old = fleet.where(ClaimRow.claimed_at <= now - LOOKS_BACK)
    promised = (await session.exec(fleet)).one()
    ordinary = ordinary_day(
        busiest=busiest_day([at for _, at in written], now),
        times=caps.burst_times,
        at_least=caps.burst_at_least,
        fleet=promised,
        days_cap=caps.reinstalls_per_day,
        is_known=2 * (await session.exec(of_old)).one() >= promised,
    )
    limit = min(caps.reinstalls_per_day, ordinary)
    if len(today) >= limit:
        raise CapReached(REINSTALLS, len(today), limit, f"services reinstalled in 24 hours on panel {row.panel}")
