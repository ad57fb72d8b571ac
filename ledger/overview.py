"""The ledger as reconciliation reads it, a whole panel at a time, and what each comparison leaves for the next one."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.claims import OWNER_STEP
from ledger.database import reads, writes
from ledger.errors import LedgerError
from ledger.lifecycle import State
from ledger.moves import together
from ledger.snapshots import Request, Service
from ledger.tables import (
    ClaimRow,
    DifferenceRow,
    JournalRow,
    PermitRow,
    ReconciliationRow,
    RedriveRow,
    RequestRow,
    ServiceRow,
)

PAGE = 100
"""Services that are read at once: with ten thousand of them nobody else in the process would have a turn."""


class DifferenceKey(NamedTuple):
    """Names one difference from one comparison to the next; 0: no service, or no server."""

    drift: str
    service_id: int
    server_id: int


class Known(NamedTuple):
    """Since when a difference is known, and how often it was repaired."""

    since: datetime
    repairs: int


class Remembered(BaseModel):
    """What the last finished comparison of a panel left for this one: nothing when there was none."""

    model_config = ConfigDict(frozen=True)

    flow_run_id: str
    """Who compares now."""
    counts: dict[str, int]
    """How long each list was."""
    products: frozenset[int]
    """WHMCS's numbers of the products whose services the ledger has seen."""
    differences: dict[DifferenceKey, Known]


@writes
async def begin(session: AsyncSession, panel: str, flow_run_id: str, *, lease: timedelta, now: datetime) -> Remembered:
    """Become the one who compares this panel, for so long, and learn what the last one left.

    The same run begun again takes its own place. Raises LedgerError: another run compares the panel.
    """
    row = await session.get(ReconciliationRow, panel, with_for_update=True)
    if row is None:
        row = ReconciliationRow(panel=panel)
        session.add(row)
    elif row.flow_run_id not in (None, flow_run_id) and row.until is not None and now < row.until:
        raise LedgerError(
            f"Flow run {row.flow_run_id} reconciles panel {panel} until {row.until:%H:%M} UTC at the latest: "
            "nothing was done here. Wait for it."
        )
    row.flow_run_id = flow_run_id
    row.until = now + lease
    known = await session.exec(select(DifferenceRow).where(DifferenceRow.panel == panel))
    return Remembered(
        flow_run_id=flow_run_id,
        counts=row.counts,
        products=frozenset(row.products),
        differences={
            DifferenceKey(one.drift, one.service_id, one.server_id): Known(one.since, one.repairs) for one in known
        },
    )


@writes
async def keep(session: AsyncSession, panel: str, flow_run_id: str, *, lease: timedelta, now: datetime) -> None:
    """Stay the one who compares this panel. Raises LedgerError: another run does by now."""
    (await _mine(session, panel, flow_run_id)).until = now + lease


@writes
async def finish(
    session: AsyncSession,
    panel: str,
    flow_run_id: str,
    *,
    counts: Mapping[str, int],
    products: Collection[int],
    differences: Mapping[DifferenceKey, Known],
    now: datetime,
) -> None:
    """Leave the counts and the differences to the next comparison. Raises LedgerError: another run compares by now."""
    row = await _mine(session, panel, flow_run_id)
    row.counts, row.products = dict(counts), sorted(products)
    row.flow_run_id, row.until, row.finished_at = None, None, now
    left = dict(differences)
    for known in await session.exec(select(DifferenceRow).where(DifferenceRow.panel == panel)):
        found = left.pop(DifferenceKey(known.drift, known.service_id, known.server_id), None)
        if found is None:
            await session.delete(known)
        else:
            known.since, known.repairs = found
    session.add_all(DifferenceRow(panel=panel, **key._asdict(), **found._asdict()) for key, found in left.items())


@writes
async def give_up(session: AsyncSession, panel: str, flow_run_id: str) -> None:
    """Let another run compare this panel; what the last finished one left stays. Not to be the one is fine."""
    row = await session.get(ReconciliationRow, panel, with_for_update=True)
    if row is not None and row.flow_run_id == flow_run_id:
        row.flow_run_id = row.until = None


@reads
async def comparing_now(session: AsyncSession, now: datetime) -> set[str]:
    """The flow runs that compare some panel at the moment and have said so lately."""
    query = select(ReconciliationRow.flow_run_id).where(col(ReconciliationRow.until) > now)
    return {flow_run_id for flow_run_id in await session.exec(query) if flow_run_id is not None}


@writes
async def forget_counts(session: AsyncSession, panel: str) -> bool:
    """Believe the next lists, however short they are. False: the panel was never compared."""
    row = await session.get(ReconciliationRow, panel, with_for_update=True)
    if row is not None:
        row.counts = {}
    return row is not None


@reads
async def services_in_use(session: AsyncSession, panel: str) -> list[int]:
    """The services of the panel that have a server or are about to: those that WHMCS has to show."""
    over = col(ServiceRow.state).in_([State.NEW, State.RELEASED])
    query = (
        select(ServiceRow.service_id)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
        .where(ServiceRow.panel == panel, or_(~over, col(ClaimRow.service_id).is_not(None)))
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
async def redriven(session: AsyncSession, flow_run_ids: Collection[str]) -> dict[str, int]:
    """How often these runs broke off and were driven again; those that never did are left out."""
    query = select(RedriveRow.flow_run_id, RedriveRow.times).where(col(RedriveRow.flow_run_id).in_(flow_run_ids))
    return {flow_run_id: times for flow_run_id, times in await session.exec(query)}


@reads
async def unproven(session: AsyncSession, panel: str) -> set[int]:
    """The servers of the panel whose newest permit was used and has not led to a proved wipe."""
    query = select(PermitRow.server_id, PermitRow.used_at, PermitRow.outcome).where(PermitRow.panel == panel)
    newest = {
        server_id: used_at is not None and outcome != "proved"
        for server_id, used_at, outcome in await session.exec(query.order_by(col(PermitRow.id)))
    }
    return {server_id for server_id, is_unproven in newest.items() if is_unproven}


@reads
async def owners(session: AsyncSession, panel: str) -> dict[int, int]:
    """The panel users that services of this panel were ever given to: user id -> WHMCS client id."""
    query = (
        select(ServiceRow.client_id, JournalRow.result)
        .join(JournalRow, col(JournalRow.service_id) == ServiceRow.service_id)
        .where(ServiceRow.panel == panel, JournalRow.step == OWNER_STEP)
    )
    found = {}
    for client_id, result in await session.exec(query):
        user_id = (result or {}).get("user")
        if isinstance(user_id, int) and client_id is not None:
            found[user_id] = client_id
    return found


async def _mine(session: AsyncSession, panel: str, flow_run_id: str) -> ReconciliationRow:
    row = await session.get(ReconciliationRow, panel, with_for_update=True)
    if row is None or row.flow_run_id != flow_run_id:
        raise LedgerError(f"Another run reconciles panel {panel} by now: nothing more is done here. Follow that one.")
    return row
