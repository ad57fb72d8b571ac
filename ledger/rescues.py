"""Which servers were booted into the panel's rescue system and not out of it again, by the journal."""

from collections.abc import Iterable

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads
from ledger.snapshots import Entry
from ledger.step_names import StepName
from ledger.tables import JournalRow, ServiceRow

STEPS = frozenset({StepName.RESCUE, StepName.RESCUE_LEFT})


def standing(entries: Iterable[Entry]) -> Entry | None:
    """The last start that was not left again, of a generation's entries, the oldest first; it may not have arrived."""
    last = None
    for entry in entries:
        if entry.step == StepName.RESCUE:
            last = entry
        elif entry.step == StepName.RESCUE_LEFT and entry.state == "done":
            last = None
    return last


@reads
async def of_panel(session: AsyncSession, panel: str) -> dict[int, Entry]:
    """The start that stands of each service of the panel, in its present generation: service id -> entry."""
    query = (
        select(JournalRow)
        .join(ServiceRow, col(ServiceRow.service_id) == JournalRow.service_id)
        .where(ServiceRow.panel == panel, JournalRow.generation == ServiceRow.generation)
        .where(col(JournalRow.step).in_(sorted(STEPS)))
        .order_by(col(JournalRow.noted_at), col(JournalRow.step), col(JournalRow.attempt))
    )
    found: dict[int, list[Entry]] = {}
    for row in await session.exec(query):
        found.setdefault(row.service_id, []).append(Entry.model_validate(row))
    stand = {service_id: standing(entries) for service_id, entries in found.items()}
    return {service_id: entry for service_id, entry in stand.items() if entry is not None}
