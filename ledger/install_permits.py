"""Permits to install an OS over what may be a client's: a person's decision, bound to what they saw, used once."""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import writes
from ledger.errors import LedgerError
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Driver
from ledger.tables import DecisionRow, InstallPermitRow
from ledger.transitions import claim_of, require_driver


def seen_as(operation_id: int) -> str:
    """How a hold's evidence names the operation that nothing is installed over without a permit."""
    return f"unknown operation {operation_id} on the server"


@writes
async def use(session: AsyncSession, driver: Driver, now: datetime, *, server_id: int, operation_seen: int) -> bool:
    """Whether a person allowed an installation over what this operation left; their decision allows this one only.

    The decision is a retry of a hold whose evidence names the operation. Asked again for the same operation, the answer
    is the same. Raises Superseded; LedgerError: the server is not the service's.
    """
    row, _ = await require_driver(session, driver)
    claim = await claim_of(session, row.service_id)
    if claim is None or claim.server_id != server_id:
        raise LedgerError(f"Service {row.service_id} has no claim on server {server_id}: nothing is installed on it.")
    of_it = select(InstallPermitRow).where(InstallPermitRow.service_id == row.service_id)
    written = list(await session.exec(of_it))
    this = (row.generation, claim.panel, server_id, operation_seen)
    if any((one.generation, one.panel, one.server_id, one.operation_seen) == this for one in written):
        return True
    query = select(DecisionRow).where(
        DecisionRow.service_id == row.service_id,
        DecisionRow.choice == "retry",
        DecisionRow.held_reason == HoldReason.RESTORED,
        col(DecisionRow.at) >= claim.claimed_at,
        col(DecisionRow.id).not_in([one.decision_id for one in written]),
    )
    for decision in await session.exec(query.order_by(col(DecisionRow.id).desc())):
        if decision.id is not None and seen_as(operation_seen) in (decision.evidence or ""):
            session.add(
                InstallPermitRow(
                    decision_id=decision.id,
                    service_id=row.service_id,
                    generation=row.generation,
                    panel=claim.panel,
                    server_id=server_id,
                    operation_seen=operation_seen,
                    written_at=now,
                )
            )
            return True
    return False
