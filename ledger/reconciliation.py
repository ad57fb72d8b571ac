"""Reconciliation's own rows: who compares a panel at the moment, and what each comparison leaves for the next one."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import LedgerError
from ledger.incarnation import require_no_restoring
from ledger.panel_name import panel_name
from ledger.tables import DifferenceRow, ReconciliationRow


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
    """The run that has the lease now."""
    counts: dict[str, int]
    """How long each list was."""
    products: frozenset[int]
    """WHMCS's numbers of the products whose services the ledger has seen."""
    differences: dict[DifferenceKey, Known]


@writes
async def begin(session: AsyncSession, panel: str, flow_run_id: str, *, lease: timedelta, now: datetime) -> Remembered:
    """Take the panel's lease for this flow run and return what the last comparison left.

    A run that has the lease already renews it. Raises NoPanelName; NothingRuns; LedgerError: another run compares the
    panel.
    """
    panel_name(panel)
    await require_no_restoring(session, panel)
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


@reads
async def products(session: AsyncSession, panel: str) -> frozenset[int]:
    """WHMCS's numbers of the products whose services the last comparison of the panel saw."""
    row = await session.get(ReconciliationRow, panel)
    return frozenset() if row is None else frozenset(row.products)


@writes
async def keep(session: AsyncSession, panel: str, flow_run_id: str, *, lease: timedelta, now: datetime) -> None:
    """Renew the lease. Raises LedgerError: another run has it by now."""
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
    """Leave the counts and the differences to the next comparison. Raises LedgerError: another run has the lease."""
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
    """End the lease; what the last finished comparison left stays. A run without the lease changes nothing."""
    row = await session.get(ReconciliationRow, panel, with_for_update=True)
    if row is not None and row.flow_run_id == flow_run_id:
        row.flow_run_id = row.until = None


@writes
async def forget_counts(session: AsyncSession, panel: str) -> bool:
    """Forget the lists' lengths, so that shorter ones are believed. False: the panel was never compared."""
    row = await session.get(ReconciliationRow, panel, with_for_update=True)
    if row is not None:
        row.counts = {}
    return row is not None


async def _mine(session: AsyncSession, panel: str, flow_run_id: str) -> ReconciliationRow:
    row = await session.get(ReconciliationRow, panel, with_for_update=True)
    if row is None or row.flow_run_id != flow_run_id:
        raise LedgerError(f"Another run reconciles panel {panel} by now: nothing more is done here. Follow that one.")
    return row
