"""Rehearsals: each is a service of ours on one spare server that a person named; its number is negative.

Being a service it has a claim, so nobody is sold the server meanwhile; requests, so it goes on after a crash; and a
permit for its wipe. It is no client's: neither WHMCS nor reconciliation knows it.
"""

from datetime import datetime

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.orders import Order
from ledger.panel_name import panel_name
from ledger.snapshots import Service
from ledger.states import State
from ledger.tables import ClaimRow, RequestRow, ServiceRow
from ledger.transitions import claim_of, together


@writes
async def begin(
    session: AsyncSession, *, panel: str, server_id: int, flow_run_id: str, order: Order, now: datetime
) -> Service:
    """The rehearsal that has the server, or that this flow run began; else a new one, with that order."""
    panel_name(panel)
    row = await _of_server(session, panel, server_id) or await _of_run(session, flow_run_id)
    if row is None:
        lowest = (await session.exec(select(func.min(ServiceRow.service_id)))).one()
        number = min(lowest or 0, 0) - 1
        row = ServiceRow(service_id=number, panel=panel, created_at=now, updated_at=now)
        row.order = order.model_dump(mode="json")
        session.add(row)
    await session.flush()
    return together(row, await claim_of(session, row.service_id))


@reads
async def of_server(session: AsyncSession, panel: str, server_id: int) -> Service | None:
    """The rehearsal that has the server, if any."""
    row = await _of_server(session, panel, server_id)
    return None if row is None else together(row, await claim_of(session, row.service_id))


@reads
async def unfinished(session: AsyncSession, panel: str) -> list[Service]:
    """The panel's rehearsals that still have their server and that no run goes on with, the oldest first."""
    driven = set(await session.exec(select(RequestRow.service_id).where(col(RequestRow.closed_at).is_(None))))
    return [one for one in await _with_server(session, panel) if one.service_id not in driven]


@reads
async def under_way(session: AsyncSession, panel: str) -> list[Service]:
    """The panel's rehearsals that have a server, the oldest first."""
    return await _with_server(session, panel)


async def _with_server(session: AsyncSession, panel: str) -> list[Service]:
    query = (
        select(ServiceRow, ClaimRow)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id)
        .where(ClaimRow.panel == panel, ServiceRow.service_id < 0)
        .order_by(col(ServiceRow.service_id).desc())
    )
    return [together(row, claim) for row, claim in await session.exec(query)]


async def _of_server(session: AsyncSession, panel: str, server_id: int) -> ServiceRow | None:
    query = (
        select(ServiceRow)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id)
        .where(ClaimRow.panel == panel, ClaimRow.server_id == server_id, ServiceRow.service_id < 0)
    )
    return (await session.exec(query)).one_or_none()


async def _of_run(session: AsyncSession, flow_run_id: str) -> ServiceRow | None:
    """The rehearsal in which this run was interrupted: before its claim, or after its end, before the report."""
    is_open, is_over = col(RequestRow.closed_at).is_(None), col(ServiceRow.state) == State.RELEASED
    query = (
        select(ServiceRow)
        .join(RequestRow, col(RequestRow.service_id) == ServiceRow.service_id)
        .where(RequestRow.flow_run_id == flow_run_id, or_(is_open, is_over), ServiceRow.service_id < 0)
        .order_by(col(ServiceRow.service_id))
        .limit(1)
    )
    return (await session.exec(query)).one_or_none()
