"""The journal: what a step means to make, noted before it makes it, so that a second run can look and adopt.

Source: safety rules 3 and 10.
"""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.caps import count_installation
from ledger.database import reads, writes
from ledger.errors import IllegalMove, LedgerError
from ledger.lifecycle import State
from ledger.moves import driven, step_on
from ledger.snapshots import Driver, Entry, EntryKey
from ledger.tables import JournalRow


@writes
async def note(
    session: AsyncSession,
    driver: Driver,
    *,
    generation: int,
    step: str,
    attempt: int = 1,
    before: dict[str, JsonValue] | None,
    now: datetime,
    advance_to: State | None = None,
    installations_at_most: int | None = None,
) -> Entry:
    """Note an intent and, in the same commit, advance the service. Noted already: the entry as it stands, unchanged.

    `installations_at_most`: the step is an OS installation, which counts among those of the panel.
    Raises Superseded; IllegalMove: as `services.advance`, or the service is HELD; LedgerError: the generation is over;
    CapReached.
    """
    row, _ = await driven(session, driver)
    if row.state is State.HELD:
        raise IllegalMove(f"Service {row.service_id} is HELD ({row.held_reason}): a person has to decide first.")
    if generation != row.generation:
        raise LedgerError(
            f"Service {row.service_id} is in generation {row.generation}, not {generation}: step {step} is over."
        )
    if advance_to is not None:
        step_on(row, advance_to, now)
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
    session: AsyncSession, driver: Driver, entry_key: EntryKey, result: dict[str, JsonValue] | None, now: datetime
) -> Entry:
    """The step made what it meant to make; `result` holds ids only. Said again, the newest result stands.

    Raises Superseded; LedgerError: nothing was noted, or it failed before.
    """
    return await _settle(session, driver, entry_key, "done", result, now)


@writes
async def failed(
    session: AsyncSession, driver: Driver, entry_key: EntryKey, result: dict[str, JsonValue] | None, now: datetime
) -> Entry:
    """The step did not make it, and that was seen: the next attempt may begin. Said again, the newest result stands.

    Raises Superseded; LedgerError: nothing was noted, or it was done before.
    """
    return await _settle(session, driver, entry_key, "failed", result, now)


async def _settle(
    session: AsyncSession,
    driver: Driver,
    entry_key: EntryKey,
    verdict: Literal["done", "failed"],
    result: dict[str, JsonValue] | None,
    now: datetime,
) -> Entry:
    entry = await _noted(session, driver, entry_key)
    if entry.state not in ("intended", verdict):
        raise LedgerError(
            f"{_named(entry_key)} was {entry.state} before and cannot be {verdict} now: begin another attempt."
        )
    entry.state = verdict
    entry.result = result
    entry.settled_at = now
    return Entry.model_validate(entry)


@writes
async def forget(session: AsyncSession, driver: Driver, entry_key: EntryKey) -> None:
    """Take an intent back because it was seen that nothing came of it. Forgotten already is fine.

    Raises Superseded; LedgerError: the step was done, which stays on record.
    """
    await driven(session, driver)
    _of_this_service(driver, entry_key)
    entry = await session.get(JournalRow, tuple(entry_key))
    if entry is None:
        return
    if entry.state == "done":
        raise LedgerError(f"{_named(entry_key)} was done and cannot be forgotten.")
    await session.delete(entry)


@reads
async def entries(session: AsyncSession, service_id: int, generation: int) -> list[Entry]:
    """All that a generation meant to make, in the order in which it was noted."""
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


async def _noted(session: AsyncSession, driver: Driver, entry_key: EntryKey) -> JournalRow:
    await driven(session, driver)
    _of_this_service(driver, entry_key)
    entry = await session.get(JournalRow, tuple(entry_key))
    if entry is None:
        raise LedgerError(f"{_named(entry_key)} was never noted: note the intent first.")
    return entry


def _of_this_service(driver: Driver, entry_key: EntryKey) -> None:
    if entry_key.service_id != driver.service_id:
        raise LedgerError(f"{_named(entry_key)} is not service {driver.service_id}'s: nothing was written.")


def _named(entry_key: EntryKey) -> str:
    service_id, generation, step, attempt = entry_key
    return f"Step {step} of service {service_id} (generation {generation}, attempt {attempt})"
