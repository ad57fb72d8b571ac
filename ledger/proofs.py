"""What a panel has shown, entry by entry of the dialect: proofs, a person's recorded word, and what was sold before.

Rows are only added; the newest of an entry counts (safety rule 22).
"""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.snapshots import Backing, EntryProof
from ledger.tables import ProofRow

__all__ = ["EVERY_ENTRY", "Backing", "EntryProof", "of_panel", "record"]

EVERY_ENTRY = "*"
"""The entry of a row that stands for all entries of its panel."""


@writes
async def record(
    session: AsyncSession,
    *,
    panel: str,
    entry: str,
    call: str,
    words: Mapping[str, Mapping[str, str]],
    backing: Backing,
    who: str,
    why: str,
    flow_run_id: str | None = None,
    server_id: int | None = None,
    before: str = "",
    after: str = "",
    now: datetime,
) -> EntryProof:
    """Keep that a panel's entry was proved, or is trusted by a person, with its exact call and the words it rests on.

    `words` maps a kind to its words and what each means. `before` and `after`: what the panel showed of the server.
    """
    row = ProofRow(
        panel=panel,
        entry=entry,
        call=call,
        words={kind: dict(said) for kind, said in words.items()},
        backing=backing.value,
        who=who,
        why=why,
        flow_run_id=flow_run_id,
        server_id=server_id,
        before=before,
        after=after,
        at=now,
    )
    session.add(row)
    await session.flush()
    return EntryProof.model_validate(row)


@reads
async def of_panel(session: AsyncSession, panel: str) -> list[EntryProof]:
    """All that is recorded of a panel's entries, the newest first."""
    query = select(ProofRow).where(ProofRow.panel == panel).order_by(col(ProofRow.id).desc())
    return [EntryProof.model_validate(row) for row in await session.exec(query)]
