"""Panel users, each with the client that they were made or adopted for: an e-mail alone may be another's by now."""

from datetime import datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.tables import PanelUserRow


@writes
async def remember(session: AsyncSession, *, panel: str, user_id: int, client_id: int, now: datetime) -> int:
    """Remember whose the user is, unless that is known; returns the client whose the user is from now on."""
    row = await session.get(PanelUserRow, (panel, user_id), with_for_update=True)
    if row is None:
        row = PanelUserRow(panel=panel, user_id=user_id, client_id=client_id, at=now)
        session.add(row)
    return row.client_id


@writes
async def give(session: AsyncSession, *, panel: str, user_id: int, client_id: int, now: datetime) -> None:
    """Record on a person's word that the user is this client's from now on."""
    await session.merge(PanelUserRow(panel=panel, user_id=user_id, client_id=client_id, at=now))


@reads
async def client_of(session: AsyncSession, panel: str, user_id: int) -> int | None:
    """The client whose the user is; None: the user was never used for anybody."""
    row = await session.get(PanelUserRow, (panel, user_id))
    return None if row is None else row.client_id


@reads
async def of_panel(session: AsyncSession, panel: str) -> dict[int, int]:
    """The panel's remembered users: user id -> client id."""
    query = select(PanelUserRow.user_id, PanelUserRow.client_id).where(PanelUserRow.panel == panel)
    return {user_id: client_id for user_id, client_id in await session.exec(query)}
