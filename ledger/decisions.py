"""A person's decisions: the ways out of HELD, and the protection of a service from automation.

Every decision is kept with who, why and when; a decision and what it changes are one commit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger import promised_hardware
from ledger.database import reads, writes
from ledger.errors import DecidedAlready, IllegalMove, LedgerError, Protected
from ledger.hardware import Hardware
from ledger.hold_reasons import CAPS, CLIENT, GONE, HARDWARE, HoldReason
from ledger.permits import newest, settle
from ledger.server_notes import row_of, set_aside_row
from ledger.service_identity import ServiceIdentity
from ledger.services import shut
from ledger.snapshots import Act, Choice, Decision, Service
from ledger.states import State
from ledger.tables import DecisionRow, ForgottenServerRow, ServiceRow
from ledger.transitions import claim_of, lock_service, open_request_of, snapshot


@dataclass(frozen=True)
class Agreed:
    """Where WHMCS and the panel agree that a service is, and the panel user who owns its server there."""

    state: Literal[State.ACTIVE, State.SUSPENDED]
    owner_id: int


@writes
async def leave_hold(
    session: AsyncSession,
    service_id: int,
    *,
    to: State,
    who: str,
    why: str,
    now: datetime,
    choice: Choice = "release",
    past_cap: bool = False,
    agreed: Agreed | None = None,
    held_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> Service:
    """Let a service leave HELD as a person decided: back to where it came from, or on to RELEASING.

    The decision is recorded. The service's driver is superseded, and its open request is closed
    "abandoned". From ERASING there is one way only, back: a permit was written and the wipe must be proved; a permit
    that was not used is void then. Without a claim there is nothing to release. `past_cap` lets the service past the
    cap that it is HELD for, once. `held_at` names the hold that the person looked at. A service that is HELD because a
    side was restored may also go to where WHMCS and the panel agree that it is (`agreed`, with the owner that the panel
    shows): the ledger was behind.
    Raises ServiceNotFound; DecidedAlready: not HELD, or HELD anew; IllegalMove: not one of the two ways out; Protected:
    it would lose its server; LedgerError: `past_cap` for something else than a cap.
    """
    row = await _held(session, service_id, held_at)
    assert row.held_from is not None  # noqa: S101 - `_held` has looked
    ways = [row.held_from]
    claim = await claim_of(session, service_id)
    if row.held_from is not State.ERASING and claim is not None:
        ways.append(State.RELEASING)
    if agreed is not None and row.held_reason == HoldReason.RESTORED and claim is not None:
        ways.append(agreed.state)
        if to is agreed.state:
            claim.owner_id = agreed.owner_id
            row.releasing_since = row.way_back = None
    if to not in ways:
        allowed = " or ".join(dict.fromkeys(ways))
        raise IllegalMove(
            f"Service {service_id} was {row.held_from} when it was HELD: let it go to {allowed}, not to {to}."
        )
    if to is State.RELEASING and to is not row.held_from:
        if row.protected_at is not None:
            raise Protected(service_id)
        row.releasing_since = now
        row.way_back = None
    if past_cap and row.held_reason not in CAPS:
        raise LedgerError(f"Service {service_id} is HELD ({row.held_reason}), which is no cap: leave --past-cap out.")
    row.allowed_past = row.held_reason if past_cap else None
    return await _leave(session, row, to, choice, who=who, why=why, now=now, flow_run_id=flow_run_id)


@writes
async def accept_hardware(
    session: AsyncSession,
    service_id: int,
    *,
    hardware: Hardware,
    who: str,
    why: str,
    now: datetime,
    held_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> Service:
    """Record the hardware that a person accepts as the service's own and let it go back to where it came from.

    What was recorded before is kept with the decision.
    Raises ServiceNotFound; DecidedAlready; IllegalMove: not HELD for its hardware; LedgerError: nothing to know it by;
    HardwareClaimed: the machine is promised or held as another server.
    """
    row = await _held(session, service_id, held_at)
    claim = await claim_of(session, service_id)
    if claim is None or row.held_from is None or row.held_reason not in HARDWARE:
        raise IllegalMove(
            f"Service {service_id} is HELD ({row.held_reason}): hardware is accepted for {' and '.join(HARDWARE)} only."
        )
    if not hardware.identifies:
        raise LedgerError(
            f"Server {claim.server_id} has neither serial number, MAC address nor barcode on the panel: enter one."
        )
    row.held_evidence = f"{row.held_evidence} recorded until now: {claim.hardware}; accepted: {hardware}"
    await promised_hardware.remove(session, claim)
    await promised_hardware.enter(session, claim, hardware)
    claim.record_hardware(hardware)
    claim.changed = None
    to = row.held_from
    return await _leave(session, row, to, "accept-hardware", who=who, why=why, now=now, flow_run_id=flow_run_id)


@writes
async def forget_server(
    session: AsyncSession,
    service_id: int,
    *,
    who: str,
    why: str,
    now: datetime,
    held_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> Service:
    """End the claim on a server that is gone from its panel: the service becomes RELEASED.

    Its disks were never proved clear, so the server is remembered and goes to nobody, should it come back (safety rule
    5). An open permit is settled: void when it was not used, unproven when it was. Where a side was restored the server
    is there and not the service's any more: it is set aside, and whose it is can be recorded (`claims.adopt`). The
    machine stays entered, so that it is promised nowhere else.
    Raises ServiceNotFound; DecidedAlready; IllegalMove: not HELD because its server is gone; Protected.
    """
    row = await _held(session, service_id, held_at)
    claim = await claim_of(session, service_id)
    if claim is None or row.held_reason not in GONE:
        raise IllegalMove(
            f"Service {service_id} is HELD ({row.held_reason}): a server is forgotten for {' and '.join(GONE)} only."
        )
    if row.protected_at is not None:
        raise Protected(service_id)
    permit = await newest(session, service_id, row.generation)
    if permit is not None and permit.outcome is None:
        permit.outcome = "void" if permit.used_at is None else "unproven"
        permit.settled_at = now
    if row.held_reason == HoldReason.RESTORED:
        against = await row_of(session, claim.panel, claim.server_id, now)
        set_aside_row(against, f"it was service {service_id}'s in a ledger that was behind: {why}", who, now)
    else:
        gone = ForgottenServerRow(panel=claim.panel, server_id=claim.server_id, service_id=service_id, at=now)
        await session.merge(gone)
    await session.delete(claim)
    return await _leave(
        session, row, State.RELEASED, "forget-server", who=who, why=why, now=now, flow_run_id=flow_run_id
    )


@writes
async def hand_over(
    session: AsyncSession,
    service_id: int,
    *,
    identity: ServiceIdentity,
    owner_id: int,
    who: str,
    why: str,
    now: datetime,
    held_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> Service:
    """Record the client whom WHMCS moved the service to, with the panel user who owns the server by now.

    The service goes back to where it came from; what was recorded before is kept with the decision.
    Raises ServiceNotFound; DecidedAlready; IllegalMove: not HELD for its client, or not the same order and date.
    """
    row = await _held(session, service_id, held_at)
    claim = await claim_of(session, service_id)
    if claim is None or row.held_from is None or row.held_reason not in CLIENT or not identity.was_moved(row):
        raise IllegalMove(
            f"Service {service_id} is HELD ({row.held_reason}): one is handed over whose client alone has changed."
        )
    row.held_evidence = (
        f"{row.held_evidence} recorded until now: client {row.client_id}, panel user {claim.owner_id}; "
        f"handed over to client {identity.client_id}, panel user {owner_id}"
    )
    row.client_id = identity.client_id
    if row.order is not None:
        row.order = {**row.order, "client_id": identity.client_id}
    claim.owner_id = owner_id
    claim.active_since = None if claim.active_since is None else now  # what it moved before was the other client's
    return await _leave(session, row, row.held_from, "hand-over", who=who, why=why, now=now, flow_run_id=flow_run_id)


@writes
async def protect(session: AsyncSession, service_id: int, *, who: str, why: str, now: datetime) -> Service:
    """Let no automation suspend or terminate the service. May be called again.

    Raises ServiceNotFound; IllegalMove: its server is being taken back already.
    """
    row = await lock_service(session, service_id)
    if (row.held_from or row.state) in (State.RELEASING, State.ERASING):
        raise IllegalMove(
            f"The server of service {service_id} is being taken back already, so it cannot be protected. "
            f"In its wipe delay it can be brought back: dciflow bring-back {service_id}."
        )
    if row.protected_at is None:
        row.protected_at = now
    note(session, row, "protect", who=who, why=why, now=now)
    return await snapshot(session, row)


@writes
async def unprotect(session: AsyncSession, service_id: int, *, who: str, why: str, now: datetime) -> Service:
    """End the protection of a service. Raises ServiceNotFound; IllegalMove: it is not protected."""
    row = await lock_service(session, service_id)
    if row.protected_at is None:
        raise IllegalMove(f"Service {service_id} is not protected: there is nothing to end.")
    row.protected_at = None
    note(session, row, "unprotect", who=who, why=why, now=now)
    return await snapshot(session, row)


@reads
async def of_service(session: AsyncSession, service_id: int) -> list[Decision]:
    """All decisions on a service, the oldest first."""
    query = select(DecisionRow).where(DecisionRow.service_id == service_id).order_by(col(DecisionRow.id))
    return [Decision.model_validate(row) for row in await session.exec(query)]


def note(
    session: AsyncSession,
    row: ServiceRow,
    choice: Act,
    *,
    who: str,
    why: str,
    now: datetime,
    held_reason: str | None = None,
    evidence: str | None = None,
    flow_run_id: str | None = None,
) -> None:
    """Keep a decision with where the service stands after it, within the caller's transaction."""
    session.add(
        DecisionRow(
            service_id=row.service_id,
            choice=choice,
            held_reason=held_reason,
            evidence=evidence,
            state=row.state,
            epoch=row.epoch,
            who=who,
            why=why,
            flow_run_id=flow_run_id,
            at=now,
        )
    )


async def _held(session: AsyncSession, service_id: int, held_at: datetime | None) -> ServiceRow:
    row = await lock_service(session, service_id)
    if row.state is not State.HELD or row.held_from is None:
        raise DecidedAlready(f"Service {service_id} is {row.state}, not HELD: there is nothing to decide.")
    if held_at is not None and row.held_at != held_at:
        raise DecidedAlready(f"Service {service_id} is HELD anew since {row.held_at:%Y-%m-%d %H:%M} UTC: look again.")
    return row


async def _leave(
    session: AsyncSession,
    row: ServiceRow,
    to: State,
    choice: Choice,
    *,
    who: str,
    why: str,
    now: datetime,
    flow_run_id: str | None,
) -> Service:
    request = await open_request_of(session, row.service_id)
    if request is not None:
        shut(request, "abandoned", f"{who} let the service leave HELD for {to}.", now)
    permit = await newest(session, row.service_id, row.generation)
    if permit is not None and permit.used_at is None and permit.outcome is None:
        settle(permit, "void", now)  # not counted while HELD: who goes on is counted with a new one (`caps.count_wipe`)
    reason, evidence = row.held_reason, row.held_evidence
    row.state = to
    row.held_from = row.held_reason = row.held_evidence = row.held_at = None
    row.epoch += 1
    row.updated_at = now
    note(
        session, row, choice,
        who=who, why=why, now=now, held_reason=reason, evidence=evidence, flow_run_id=flow_run_id,
    )  # fmt: skip
    await session.flush()
    return await snapshot(session, row)
