"""The journal: each intent is recorded before the step acts, so that a later run looks for the result and adopts it.

Source: safety rules 3 and 10.
"""

from datetime import datetime

from pydantic import JsonValue
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.caps import count_installation
from ledger.database import reads, writes
from ledger.errors import IllegalMove, LedgerError
from ledger.snapshots import Driver, Entry, EntryKey
from ledger.states import State
from ledger.tables import JournalRow
from ledger.transitions import advance_activation, require_driver


@writes
async def note(
    session: AsyncSession,
    driver: Driver,
    now: datetime,
    *,
    generation: int,
    step: str,
    attempt: int = 1,
    before: dict[str, JsonValue] | None,
    advance_to: State | None = None,
    installations_at_most: int | None = None,
) -> Entry:
    """Record an intent and advance the service, in one commit. An entry that exists is returned unchanged.

    `installations_at_most`: the step is an OS installation, which counts among those of the panel.
    Raises Superseded; IllegalMove: as `services.advance`, or the service is HELD; LedgerError: the generation is over;
    CapReached.
    """
    row, _ = await require_driver(session, driver)
    if row.state is State.HELD:
        raise IllegalMove(f"Service {row.service_id} is HELD ({row.held_reason}): a person has to decide first.")
    if generation != row.generation:
        raise LedgerError(
            f"Service {row.service_id} is in generation {row.generation}, not {generation}: step {step} is over."
        )
    if advance_to is not None:
        advance_activation(row, advance_to, now)
    entry = await session.get(JournalRow, (row.service_id, generation, step, attempt))
    if entry is None:
        if installations_at_most is not None:
            await count_installation(session, row, installations_at_most, now)
        entry = JournalRow(
            service_id=row.service_id,
            generation=generation,
            step=step,
            attempt=attempt,
            state="intended",
            before=before,
            noted_at=now,
        )
        session.add(entry)
    return Entry.model_validate(entry)


@writes
async def done(
    session: AsyncSession, driver: Driver, now: datetime, entry_key: EntryKey, result: dict[str, JsonValue] | None
) -> Entry:
    """Record that the step is done; `result` holds ids only. May be called again: the newest result stands.

    Raises Superseded; LedgerError: nothing was noted.
    """
    await require_driver(session, driver)
    _of_this_service(driver, entry_key)
    entry = await session.get(JournalRow, tuple(entry_key))
    if entry is None:
        raise LedgerError(f"{_named(entry_key)} was never noted: note the intent first.")
    entry.state = "done"
    entry.result = result
    entry.settled_at = now
    return Entry.model_validate(entry)


@writes
async def forget(session: AsyncSession, driver: Driver, entry_key: EntryKey) -> None:
    """Delete an intent after a look showed that nothing came of it. May be called again.

    Raises Superseded; LedgerError: the step was done, which stays on record.
    """
    await require_driver(session, driver)
    _of_this_service(driver, entry_key)
    entry = await session.get(JournalRow, tuple(entry_key))
    if entry is None:
        return
    if entry.state == "done":
        raise LedgerError(f"{_named(entry_key)} was done and cannot be forgotten.")
    await session.delete(entry)


@reads
async def entries(session: AsyncSession, service_id: int, generation: int) -> list[Entry]:
    """All entries of a generation, the oldest first."""
    query = (
        select(JournalRow)
        .where(JournalRow.service_id == service_id, JournalRow.generation == generation)
        .order_by(col(JournalRow.noted_at), col(JournalRow.step), col(JournalRow.attempt))
    )
    return [Entry.model_validate(row) for row in await session.exec(query)]


@reads
async def latest(session: AsyncSession, service_id: int, generation: int, step: str) -> Entry | None:
    """The step's last attempt in a generation."""
    query = (
        select(JournalRow)
        .where(JournalRow.service_id == service_id, JournalRow.generation == generation, JournalRow.step == step)
        .order_by(col(JournalRow.attempt).desc())
        .limit(1)
    )
    row = (await session.exec(query)).one_or_none()
    return None if row is None else Entry.model_validate(row)


def _of_this_service(driver: Driver, entry_key: EntryKey) -> None:
    if entry_key.service_id != driver.service_id:
        raise LedgerError(f"{_named(entry_key)} is not service {driver.service_id}'s: nothing was written.")


def _named(entry_key: EntryKey) -> str:
    service_id, generation, step, attempt = entry_key
    return f"Step {step} of service {service_id} (generation {generation}, attempt {attempt})"
