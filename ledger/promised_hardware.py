"""Hardware that is promised, HELD, unproved or forgotten anywhere: it is promised nowhere else (safety rule 1 and 16).

A panel's ids say nothing about another panel's, and one panel may be entered twice: the machine's own values do. They
are entered and removed within the transaction of their claim; those of a forgotten server stay.
"""

from collections.abc import Iterable

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads
from ledger.errors import HardwareClaimed
from ledger.hardware import Hardware, Identity
from ledger.tables import ClaimRow, HardwareRow


async def enter(session: AsyncSession, claim: ClaimRow, hardware: Hardware) -> None:
    """Enter the values by which the claimed machine is known, within the caller's transaction.

    Raises HardwareClaimed: one of them is another server's, whatever its panel and its number are.
    """
    place = (claim.panel, claim.server_id)  # a failed flush expires the row
    service_id = claim.service_id
    known = {Identity(row.kind, row.value): row for row in await _rows_of(session, hardware.identities)}
    for row in known.values():
        if (row.panel, row.server_id) != place:
            raise HardwareClaimed(*place, row.panel, row.server_id)
        row.service_id = service_id
    for value in sorted(hardware.identities - known.keys()):  # in one order: two who enter the same wait, not lock
        session.add(HardwareRow(**value._asdict(), panel=place[0], server_id=place[1], service_id=service_id))
    try:
        await session.flush()
    except IntegrityError:
        raise HardwareClaimed(*place) from None


async def remove(session: AsyncSession, claim: ClaimRow) -> None:
    """Remove the values of a claim that ends well, or whose hardware is replaced, within the caller's transaction."""
    query = select(HardwareRow).where(HardwareRow.panel == claim.panel, HardwareRow.server_id == claim.server_id)
    for row in await session.exec(query):
        await session.delete(row)
    await session.flush()


@reads
async def places(session: AsyncSession) -> dict[Identity, tuple[str, int]]:
    """Every value that is taken: the panel and the server that have it."""
    rows = await session.exec(select(HardwareRow))
    return {Identity(row.kind, row.value): (row.panel, row.server_id) for row in rows}


@reads
async def services(session: AsyncSession) -> dict[Identity, int]:
    """Every value that is taken: the service whose server has it, on whichever panel."""
    return {Identity(row.kind, row.value): row.service_id for row in await session.exec(select(HardwareRow))}


async def _rows_of(session: AsyncSession, values: Iterable[Identity]) -> list[HardwareRow]:
    wanted = [(col(HardwareRow.kind) == kind) & (col(HardwareRow.value) == value) for kind, value in values]
    return list(await session.exec(select(HardwareRow).where(or_(*wanted)))) if wanted else []
