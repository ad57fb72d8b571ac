"""How often errands were asked for, and whether one was done: kept here, so that no worker's restart forgets it."""

from datetime import datetime
from typing import NamedTuple

from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads
from ledger.tables import RequestRow, ServiceRow

TOO_OFTEN = "Too often: "
"""How the line of an errand begins that was refused for its number. Such a one does not count against the next."""


class ErrandCounts(NamedTuple):
    """How often a client has asked for an errand since a moment, without the request that asks."""

    of_service: int
    of_client: int
    """On all services of the service's client."""
    last_at: datetime | None
    """When it was last asked for, for this service."""


@reads
async def counted(session: AsyncSession, service_id: int, action: str, *, since: datetime, but: str) -> ErrandCounts:
    """What the service's client has asked for since then, on this service and on all of theirs.

    `but`: the id of the request that asks now; what its run asked for before does not count either. A service without a
    known client counts alone.
    """
    own_run = select(RequestRow.flow_run_id).where(RequestRow.id == but).scalar_subquery()
    by_client = (
        col(RequestRow.action) == action,
        RequestRow.requested_by == "client",
        RequestRow.opened_at >= since,
        RequestRow.flow_run_id != own_run,
        or_(col(RequestRow.message).is_(None), ~col(RequestRow.message).startswith(TOO_OFTEN, autoescape=True)),
    )
    of_service, last_at = (
        await session.exec(
            select(func.count(col(RequestRow.id)), func.max(RequestRow.opened_at)).where(
                RequestRow.service_id == service_id, *by_client
            )
        )
    ).one()
    client_id = (await session.exec(select(ServiceRow.client_id).where(ServiceRow.service_id == service_id))).first()
    if client_id is None:
        return ErrandCounts(of_service, of_service, last_at)
    of_client = (
        await session.exec(
            select(func.count(col(RequestRow.id)))
            .join(ServiceRow, col(ServiceRow.service_id) == RequestRow.service_id)
            .where(ServiceRow.client_id == client_id, *by_client)
        )
    ).one()
    return ErrandCounts(of_service, of_client, last_at)


@reads
async def was_done(session: AsyncSession, service_id: int, flow_run_id: str) -> bool:
    """Whether that run has done its errand already: its worker died before Prefect heard of the end."""
    query = select(RequestRow.id).where(
        RequestRow.service_id == service_id, RequestRow.flow_run_id == flow_run_id, RequestRow.outcome == "done"
    )
    return (await session.exec(query.limit(1))).first() is not None
