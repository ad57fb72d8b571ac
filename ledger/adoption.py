"""Adoption: a service that already has its server enters the ledger; nothing is changed anywhere else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import writes
from ledger.errors import AlreadyClaimed, IllegalMove
from ledger.lifecycle import State
from ledger.moves import claim_of, snapshot
from ledger.snapshots import Service
from ledger.tables import ClaimRow, ServiceRow

WITHOUT_A_SERVER = frozenset({State.NEW, State.RELEASED})


@writes
async def adopt(
    session: AsyncSession,
    *,
    service_id: int,
    panel: str,
    client_id: int,
    server_id: int,
    owner_id: int,
    serial: str | None,
    macs: Sequence[str],
    barcode: str | None,
    state: Literal[State.ACTIVE, State.SUSPENDED],
    now: datetime,
) -> Service:
    """Write service and claim as an activation would have left them, in one commit.

    A service that has this very server already stays as it is. Raises AlreadyClaimed: the server is another service's;
    IllegalMove: the service has another server, or an activation of it is under way.
    """
    row = await session.get(ServiceRow, service_id, with_for_update=True)
    if row is None:
        row = ServiceRow(service_id=service_id, panel=panel, created_at=now, updated_at=now)
        session.add(row)
    claim = await claim_of(session, service_id)
    if claim is not None and (claim.panel, claim.server_id) == (panel, server_id):
        return await snapshot(session, row)
    if claim is not None or row.state not in WITHOUT_A_SERVER:
        raise IllegalMove(f"Service {service_id} is {row.state} in the ledger already: it is not adopted.")
    if await session.get(ClaimRow, (panel, server_id)) is not None:
        raise AlreadyClaimed(panel, server_id)
    # Not a move of an activation: whoever asked for the server did so before the ledger was there to see it.
    row.panel, row.client_id, row.state = panel, client_id, state
    row.generation += 1
    row.epoch += 1
    row.updated_at = now
    await session.flush()
    session.add(
        ClaimRow(
            panel=panel,
            server_id=server_id,
            service_id=service_id,
            generation=row.generation,
            owner_id=owner_id,
            serial=serial,
            macs=list(macs),
            barcode=barcode,
            claimed_at=now,
        )
    )
    try:
        await session.flush()
    except IntegrityError:
        raise AlreadyClaimed(panel, server_id) from None
    return await snapshot(session, row)
