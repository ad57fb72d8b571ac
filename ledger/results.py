"""Persisted results of steps, which every worker on every machine finds. The caller keeps secrets out of them."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.tables import ResultRow


@reads
async def read(session: AsyncSession, key: str) -> bytes | None:
    """The bytes kept under `key`, or None."""
    row = await session.get(ResultRow, key)
    return None if row is None else row.data


@writes
async def write(session: AsyncSession, key: str, data: bytes, now: datetime) -> None:
    """Keep `data` under `key`, in place of what was there."""
    await session.merge(ResultRow(key=key, data=data, written_at=now))


@writes
async def delete(session: AsyncSession, key: str) -> None:
    """Keep nothing under `key`; may be called again."""
    row = await session.get(ResultRow, key)
    if row is not None:
        await session.delete(row)
