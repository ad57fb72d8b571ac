"""What persons decide: the ways out of HELD, and which services no automation may suspend or terminate.

Every decision is kept with who, why and when; a decision and what it changes are one commit.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.caps import TERMINATIONS, WIPES
from ledger.database import reads, writes
from ledger.errors import DecidedAlready, IllegalMove, LedgerError, Protected
from ledger.lifecycle import State
from ledger.moves import claim_of, locked, open_request_of, snapshot
from ledger.permits import newest
from ledger.services import shut
from ledger.snapshots import Act, Choice, Decision, Service
from ledger.tables import DecisionRow, ForgottenServerRow, ServiceRow

HARDWARE_REASONS = ("hardware-changed", "no-identity")
GONE_REASONS = ("server-vanished",)
"""Reasons for HELD that new hardware ends, and that the end of a claim ends; docs/operate.md has a row for each."""


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
    held_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> Service:
    """Let a service leave HELD as a person decided: back to where it came from, or on to RELEASING.

    The decision is kept. Whoever drove the service until now drives it no more, and its open request is closed
    "abandoned". From ERASING there is one way only, back: a permit was written and the wipe must be proved. Without a
    claim there is nothing to release. `past_cap` lets the service past the cap that it is HELD for, once. `held_at`
    names the hold that was looked at.
    Raises Unknown; DecidedAlready: not HELD, or HELD anew; IllegalMove: not one of the two ways out; Protected: it
    would lose its server; LedgerError: `past_cap` for something else than a cap.
    """
    row = await _held(session, service_id, held_at)
    assert row.held_from is not None  # noqa: S101 - `_held` has looked
    ways = [row.held_from]
    if row.held_from is not State.ERASING and await claim_of(session, service_id) is not None:
        ways.append(State.RELEASING)
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
    if past_cap and row.held_reason not in (TERMINATIONS, WIPES):
        raise LedgerError(f"Service {service_id} is HELD ({row.held_reason}), which is no cap: leave --past-cap out.")
    row.allowed_past = row.held_reason if past_cap else None
    return await _leave(session, row, to, choice, who=who, why=why, now=now, flow_run_id=flow_run_id)


@writes
async def accept_hardware(
    session: AsyncSession,
    service_id: int,
    *,
    serial: str | None,
    macs: Sequence[str],
    barcode: str | None,
    who: str,
    why: str,
    now: datetime,
    held_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> Service:
    """Record the hardware that a person accepts as the service's own and let it go back to where it came from.

    What was recorded before is kept with the decision.
    Raises Unknown; DecidedAlready; IllegalMove: not HELD for its hardware; LedgerError: nothing to know it by.
    """
    row = await _held(session, service_id, held_at)
    claim = await claim_of(session, service_id)
    if claim is None or row.held_from is None or row.held_reason not in HARDWARE_REASONS:
        raise IllegalMove(
            f"Service {service_id} is HELD ({row.held_reason}): hardware is accepted for "
            f"{' and '.join(HARDWARE_REASONS)} only."
        )
    if not (serial or macs or barcode):
        raise LedgerError(
            f"Server {claim.server_id} has neither serial number, MAC address nor barcode on the panel: enter one."
        )
    before = f"recorded until now: serial {claim.serial}, MACs {', '.join(claim.macs)}, barcode {claim.barcode}"
    row.held_evidence = f"{row.held_evidence} {before}; accepted: serial {serial}, MACs {', '.join(macs)}"
    claim.serial, claim.macs, claim.barcode = serial, list(macs), barcode
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
    5). An open permit is settled: void when it was not used, unproven when it was.
    Raises Unknown; DecidedAlready; IllegalMove: not HELD because its server is gone; Protected.
    """
    row = await _held(session, service_id, held_at)
    claim = await claim_of(session, service_id)
    if claim is None or row.held_reason not in GONE_REASONS:
        raise IllegalMove(
            f"Service {service_id} is HELD ({row.held_reason}): a server is forgotten for "
            f"{' and '.join(GONE_REASONS)} only."
        )
    if row.protected_at is not None:
        raise Protected(service_id)
    permit = await newest(session, service_id, row.generation)
    if permit is not None and permit.outcome is None:
        permit.outcome = "void" if permit.used_at is None else "unproven"
        permit.settled_at = now
    await session.merge(ForgottenServerRow(panel=claim.panel, server_id=claim.server_id, service_id=service_id, at=now))
    await session.delete(claim)
    return await _leave(
        session, row, State.RELEASED, "forget-server", who=who, why=why, now=now, flow_run_id=flow_run_id
    )


@writes
async def protect(session: AsyncSession, service_id: int, *, who: str, why: str, now: datetime) -> Service:
    """Let no automation suspend or terminate the service. Protecting it twice is fine.

    Raises Unknown; IllegalMove: its server is being taken back already.
    """
    row = await locked(session, service_id)
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
    """End the protection of a service. Raises Unknown; IllegalMove: it is not protected."""
    row = await locked(session, service_id)
    if row.protected_at is None:
        raise IllegalMove(f"Service {service_id} is not protected: there is nothing to end.")
    row.protected_at = None
    note(session, row, "unprotect", who=who, why=why, now=now)
    return await snapshot(session, row)


@reads
async def of_service(session: AsyncSession, service_id: int) -> list[Decision]:
    """All that persons decided of a service, the oldest first."""
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
    row = await locked(session, service_id)
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
