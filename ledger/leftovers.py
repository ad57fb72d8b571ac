"""Another server for a service: the old one becomes a leftover that waits for its own wipe.

Either its activation fails on the one that it has, or a person exchanges the one that its client uses: then both are
the client's until the leftover's wipe delay is over.

A leftover is a service of ours with a number that WHMCS never gives out. It has the old claim, the old journal and the
old state, so terminating it takes the server back under every rule that there is.
"""

from datetime import datetime

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger import promised_hardware
from ledger.caps import lock_counter
from ledger.database import reads, writes
from ledger.decisions import note
from ledger.errors import DecidedAlready, IllegalMove, Protected, RequestInProgress
from ledger.server_notes import row_of, set_aside_row
from ledger.services import shut
from ledger.snapshots import FIRST_LEFTOVER, Request, Service
from ledger.states import State
from ledger.tables import ClaimRow, DecisionRow, JournalRow, ServiceRow
from ledger.transitions import claim_of, lock_service, open_request_of, together

IN_ACTIVATION = frozenset({State.CLAIMED, State.PREPARING, State.INSTALLING})
"""States of an activation: another server costs the client nothing, unless they use this one already.

INSTALLING is a reinstallation's state, too; the claim's `active_since` tells it from an activation's."""


@writes
async def give_another_server(
    session: AsyncSession,
    service_id: int,
    *,
    who: str,
    why: str,
    now: datetime,
    held_at: datetime | None = None,
    flow_run_id: str | None = None,
) -> Service:
    """Move the service's claim to a leftover, set the server aside, and make the service NEW again, in one commit.

    The service begins its next generation, so nothing that was done for the old server counts for the next one.
    Returns the leftover. Raises ServiceNotFound; DecidedAlready: it has no server, is HELD anew, or this run decided it
    before; IllegalMove: it is not in an activation; RequestInProgress: a run drives it; Protected.
    """
    row = await lock_service(session, service_id)
    claim = await claim_of(session, service_id)
    if flow_run_id is not None and await _decided_by(session, service_id, flow_run_id):
        raise DecidedAlready(f"Service {service_id} was given another server by flow run {flow_run_id} already.")
    if claim is None:
        raise DecidedAlready(f"Service {service_id} has no server ({row.state}): there is none to change.")
    if held_at is not None and row.held_at != held_at:
        raise DecidedAlready(f"Service {service_id} is not HELD for that any more: look again.")
    stood = row.held_from if row.state is State.HELD and row.held_from is not None else row.state
    if stood not in IN_ACTIVATION or row.service_id < 0 or row.leftover_of is not None:
        raise IllegalMove(
            f"Service {service_id} is {stood}: another server is for an activation that does not come to its end. "
            "Terminate the service and let the client order again."
        )
    if claim.active_since is not None:
        raise IllegalMove(
            f"Service {service_id} is {stood}, but its client uses server {claim.server_id}: another server is for an "
            "activation, and what is on this one would be wiped. Press Retry on its reinstallation, or terminate it."
        )
    if row.protected_at is not None:
        raise Protected(service_id)
    request = await open_request_of(session, service_id)
    if request is not None and row.state is not State.HELD:
        raise RequestInProgress(Request.model_validate(request))
    if request is not None:
        shut(request, "abandoned", f"{who} gave the service another server.", now)
    # No client ever used the server, so nobody is to be given time to come back to it.
    leftover = await _leave(session, row, claim, stood, now, wipe_delay_hours=0, server_id=None)
    set_aside_row(
        await row_of(session, claim.panel, claim.server_id, now),
        f"service {service_id} was given another server: {why}", who, now,
    )  # fmt: skip
    reason = row.held_reason
    evidence = f"Server {claim.server_id} went to leftover {leftover.service_id}. {row.held_evidence or ''}".strip()
    row.held_from = row.held_reason = row.held_evidence = row.held_at = row.allowed_past = None
    for one in (row, leftover):
        note(
            session, one, "another-server",
            who=who, why=why, now=now, held_reason=reason, evidence=evidence, flow_run_id=flow_run_id,
        )  # fmt: skip
    await session.flush()
    return together(leftover, claim)


@writes
async def exchange(
    session: AsyncSession,
    service_id: int,
    *,
    who: str,
    why: str,
    now: datetime,
    epoch: int,
    wipe_delay_hours: int,
    server_id: int | None = None,
) -> Service:
    """Move the claim of a service that its client uses to a leftover, and make the service NEW again, in one commit.

    The old server stays the client's, ACTIVE as it is, until the leftover is terminated and its wipe delay is over.
    `epoch`: the service's when it was looked at. `server_id`: the one that it is to get; None: any that fits.
    Returns the leftover. Raises ServiceNotFound; DecidedAlready: something happened to it since it was looked at;
    IllegalMove: it is not ACTIVE with a server, or has no order to be activated by; RequestInProgress; Protected.
    """
    row = await lock_service(session, service_id)
    claim = await claim_of(session, service_id)
    if row.epoch != epoch:
        raise DecidedAlready(f"Something was done with service {service_id} meanwhile: look again.")
    if row.state is not State.ACTIVE or claim is None or row.service_id < 0 or row.leftover_of is not None:
        raise IllegalMove(
            f"Service {service_id} is {row.state}: a server is exchanged for an ACTIVE service. Nothing was done."
        )
    if row.order is None:
        raise IllegalMove(
            f"Service {service_id} was adopted and never ordered: the ledger does not know what to install. Start "
            "activate/whmcs for a new order instead. Nothing was done."
        )
    if row.protected_at is not None:
        raise Protected(service_id)
    request = await open_request_of(session, service_id)
    if request is not None:
        raise RequestInProgress(Request.model_validate(request))
    leftover = await _leave(
        session, row, claim, State.ACTIVE, now, wipe_delay_hours=wipe_delay_hours, server_id=server_id
    )
    evidence = f"Server {claim.server_id} went to leftover {leftover.service_id}, to be wiped in {wipe_delay_hours} h."
    for one in (row, leftover):
        note(session, one, "exchange", who=who, why=why, now=now, evidence=evidence)
    await session.flush()
    return together(leftover, claim)


async def _leave(
    session: AsyncSession,
    row: ServiceRow,
    claim: ClaimRow,
    stood: State,
    now: datetime,
    *,
    wipe_delay_hours: int,
    server_id: int | None,
) -> ServiceRow:
    """Move claim and journal to a new leftover, and begin the service's next generation. `server_id`: of its order."""
    leftover = await _leftover(session, row, stood, now, wipe_delay_hours)
    moved = (col(JournalRow.service_id) == row.service_id, col(JournalRow.generation) == row.generation)
    await session.exec(update(JournalRow).where(*moved).values(service_id=leftover.service_id))
    claim.service_id = leftover.service_id
    await promised_hardware.enter(session, claim, claim.hardware)
    if row.order is not None:  # the server that was chosen for it is the one that it leaves
        row.order = {**row.order, "server_id": server_id}
    row.state = State.NEW
    row.generation += 1
    row.epoch += 1
    row.updated_at = now
    return leftover


async def _decided_by(session: AsyncSession, service_id: int, flow_run_id: str) -> bool:
    """Whether this is the second try of a run whose decision was kept: the service may have its next server by now."""
    query = select(DecisionRow.id).where(DecisionRow.service_id == service_id, DecisionRow.flow_run_id == flow_run_id)
    return (await session.exec(query.limit(1))).first() is not None


async def _leftover(
    session: AsyncSession, row: ServiceRow, stood: State, now: datetime, wipe_delay_hours: int
) -> ServiceRow:
    await lock_counter(session, "leftovers", now)  # no two leftovers get one number
    highest = (await session.exec(select(func.max(ServiceRow.service_id)))).one()
    leftover = ServiceRow(
        service_id=max(highest or 0, FIRST_LEFTOVER - 1) + 1,
        panel=row.panel,
        client_id=row.client_id,
        state=stood,
        generation=row.generation,
        order=None if row.order is None else {**row.order, "wipe_delay_hours": wipe_delay_hours},
        leftover_of=row.service_id,
        created_at=now,
        updated_at=now,
    )
    session.add(leftover)
    await session.flush()
    return leftover


@reads
async def of_service(session: AsyncSession, service_id: int) -> list[int]:
    """The numbers of the service's leftovers that still have a server, the oldest first."""
    query = (
        select(ServiceRow.service_id)
        .where(ServiceRow.leftover_of == service_id, col(ServiceRow.state).not_in([State.NEW, State.RELEASED]))
        .order_by(col(ServiceRow.service_id))
    )
    return list(await session.exec(query))
