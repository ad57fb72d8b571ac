"""The ledger as reconciliation reads it: a whole panel at a time."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads
from ledger.permits import without_proof
from ledger.snapshots import FIRST_LEFTOVER, Request, Service
from ledger.states import State
from ledger.step_names import StepName
from ledger.tables import (
    ClaimRow,
    JournalRow,
    ReconciliationRow,
    RedriveRow,
    RequestRow,
    ServiceRow,
)
from ledger.transitions import together

PAGE = 100
"""Services that are read at once: ten thousand at once would block the event loop."""


@reads
async def comparing_now(session: AsyncSession, now: datetime) -> set[str]:
    """The flow runs that have the lease of some panel."""
    query = select(ReconciliationRow.flow_run_id).where(col(ReconciliationRow.until) > now)
    return {flow_run_id for flow_run_id in await session.exec(query) if flow_run_id is not None}


@reads
async def services_in_use(session: AsyncSession, panel: str) -> list[int]:
    """The services of the panel that have a server or are about to: those that WHMCS has to show."""
    over = col(ServiceRow.state).in_([State.NEW, State.RELEASED])
    query = (
        select(ServiceRow.service_id)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
        # WHMCS knows neither rehearsals, whose numbers are negative, nor leftovers.
        .where(ServiceRow.panel == panel, col(ServiceRow.service_id).between(1, FIRST_LEFTOVER - 1))
        .where(or_(~over, col(ClaimRow.service_id).is_not(None)))
        .order_by(col(ServiceRow.service_id))
    )
    return list(await session.exec(query))


@reads
async def services_of(session: AsyncSession, panel: str, *, after: int = 0) -> list[Service]:
    """The next services of the panel with their claims, by number, up to a page of them; none: that was all."""
    query = (
        select(ServiceRow, ClaimRow)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
        .where(ServiceRow.panel == panel, ServiceRow.service_id > after)
        .order_by(col(ServiceRow.service_id))
        .limit(PAGE)
    )
    return [together(row, claim) for row, claim in await session.exec(query)]


@reads
async def elsewhere(session: AsyncSession, panel: str) -> set[int]:
    """The services that the ledger knows on other panels."""
    return set(await session.exec(select(ServiceRow.service_id).where(ServiceRow.panel != panel)))


@reads
async def driven_since(session: AsyncSession, panel: str, moment: datetime) -> list[Request]:
    """The requests of the panel that are open, or were when the moment came."""
    alive = or_(col(RequestRow.closed_at).is_(None), col(RequestRow.closed_at) >= moment)
    query = select(RequestRow).where(RequestRow.panel == panel, alive)
    return [Request.model_validate(row) for row in await session.exec(query)]


@reads
async def requeues(session: AsyncSession, flow_run_ids: Collection[str]) -> dict[str, int]:
    """How often these flow runs were interrupted and re-queued; those that never were are left out."""
    query = select(RedriveRow.flow_run_id, RedriveRow.times).where(col(RedriveRow.flow_run_id).in_(flow_run_ids))
    return {flow_run_id: times for flow_run_id, times in await session.exec(query)}


@reads
async def unproven(session: AsyncSession, panel: str) -> set[int]:
    """The servers of the panel of which a permit was used, and no wipe proved since."""
    return set(await session.exec(without_proof(panel)))


@reads
async def owners(session: AsyncSession, panel: str) -> dict[int, int]:
    """The panel users that services of this panel were ever given to: user id -> WHMCS client id."""
    query = (
        select(ServiceRow.client_id, JournalRow.result)
        .join(JournalRow, col(JournalRow.service_id) == ServiceRow.service_id)
        .where(ServiceRow.panel == panel, JournalRow.step == StepName.OWNER)
    )
    found = {}
    for client_id, result in await session.exec(query):
        user_id = (result or {}).get("user")
        if isinstance(user_id, int) and client_id is not None:
            found[user_id] = client_id
    return found
