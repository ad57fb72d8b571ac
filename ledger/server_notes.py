"""What is known of a server: activations that failed on it in a row, that it is set aside, and that it is reserved.

A server is set aside by itself after so many failures, or when the activations of two services failed on it one after
the other, or by a person. Only a person allows it again (safety rule 18). A reserve is a person's: nobody gets the
server, or one service alone, until it is released or that service's activation went well on it.
"""

from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import IllegalMove
from ledger.snapshots import FIRST_LEFTOVER, ServerNote
from ledger.tables import ServerNoteRow
from ledger.unreadable import UnreadableRow, read_each

SET_ASIDE = "set aside"
"""How it is told that nobody gets a server until a person allows it."""

ITSELF = "dciflow"
"""Who set a server aside that nobody did."""


@writes
async def note_failure(
    session: AsyncSession, *, panel: str, server_id: int, service_id: int, why: str, at_most: int, now: datetime
) -> ServerNote:
    """Count an activation that failed on the server; set it aside at `at_most` in a row, or for a second service."""
    row = await row_of(session, panel, server_id, now)
    is_another = row.failed_service not in (None, service_id)
    row.failures += 1
    row.failed_service = service_id
    if row.set_aside_at is None and (row.failures >= at_most or is_another):
        times = "the activations of two services" if is_another else f"{row.failures} activations"
        set_aside_row(row, f"{times} failed on it, the last of service {service_id}: {why}", ITSELF, now)
    return ServerNote.model_validate(row)


@writes
async def note_success(session: AsyncSession, *, panel: str, server_id: int, service_id: int, now: datetime) -> None:
    """The service's activation went well on the server: failures are forgotten, and so is a reserve for that service.

    A server that is set aside stays so, and one that is reserved for nobody or for another service, too.
    """
    row = await session.get(ServerNoteRow, (panel, server_id), with_for_update=True)
    if row is None:
        return
    if row.failures:
        row.failures, row.failed_service, row.noted_at = 0, None, now
    if row.reserved_at is not None and row.reserved_for == service_id:
        row.reserved_at, row.noted_at = None, now


@writes
async def set_aside(
    session: AsyncSession, *, panel: str, server_id: int, who: str, why: str, now: datetime
) -> ServerNote:
    """Sell the server to nobody until `allow`; whoever has it keeps it. May be called again: the last word stands."""
    row = await row_of(session, panel, server_id, now)
    set_aside_row(row, why, who, now)
    return ServerNote.model_validate(row)


@writes
async def allow(session: AsyncSession, *, panel: str, server_id: int, who: str, why: str, now: datetime) -> ServerNote:
    """Let the server be sold again and forget its failures. Raises IllegalMove: there is nothing against it."""
    row = await session.get(ServerNoteRow, (panel, server_id), with_for_update=True)
    if row is None or (row.set_aside_at is None and not row.failures):
        raise IllegalMove(f"Nothing is known against server {server_id} of panel {panel}: see dciflow server list.")
    row.failures, row.failed_service, row.set_aside_at = 0, None, None
    row.reason, row.who, row.noted_at = why, who, now
    return ServerNote.model_validate(row)


@writes
async def reserve(
    session: AsyncSession,
    *,
    panel: str,
    server_id: int,
    who: str,
    why: str,
    now: datetime,
    service_id: int | None = None,
) -> ServerNote:
    """Keep the server from every order, or from all but one service's; whoever has it keeps it.

    May be called again: the last word stands. Raises IllegalMove: WHMCS gives out no such number of a service.
    """
    if service_id is not None and not 0 < service_id < FIRST_LEFTOVER:
        raise IllegalMove(f"{service_id} is no service of WHMCS: server {server_id} cannot be reserved for it.")
    row = await row_of(session, panel, server_id, now)
    row.reserved_at, row.reserved_for = now, service_id
    row.reserved_by, row.reserved_why, row.noted_at = who, why, now
    return ServerNote.model_validate(row)


@writes
async def release(
    session: AsyncSession, *, panel: str, server_id: int, who: str, why: str, now: datetime
) -> ServerNote:
    """End the server's reserve. Raises IllegalMove: it is not reserved."""
    row = await session.get(ServerNoteRow, (panel, server_id), with_for_update=True)
    if row is None or row.reserved_at is None:
        raise IllegalMove(f"Server {server_id} of panel {panel} is not reserved: see dciflow server list.")
    row.reserved_at = row.reserved_for = None
    row.reserved_by, row.reserved_why, row.noted_at = who, why, now
    return ServerNote.model_validate(row)


@reads
async def listed(session: AsyncSession, panel: str | None = None) -> list[ServerNote]:
    """The servers of one panel or of all that failed last time, that are set aside, or that are reserved."""
    return (await _listed(session, panel))[0]


@reads
async def listed_and_odd(
    session: AsyncSession, panel: str | None = None
) -> tuple[list[ServerNote], list[UnreadableRow]]:
    """What `listed` tells, and the servers whose rows cannot be read."""
    return await _listed(session, panel)


async def _listed(session: AsyncSession, panel: str | None) -> tuple[list[ServerNote], list[UnreadableRow]]:
    wanted: list[ColumnElement[bool]] = [
        col(ServerNoteRow.set_aside_at).is_not(None)
        | (col(ServerNoteRow.failures) > 0)
        | col(ServerNoteRow.reserved_at).is_not(None)
    ]
    wanted += [] if panel is None else [col(ServerNoteRow.panel) == panel]
    order = col(ServerNoteRow.panel), col(ServerNoteRow.server_id)
    try:
        rows = await session.exec(select(ServerNoteRow).where(*wanted).order_by(*order))
        return [ServerNote.model_validate(row) for row in rows], []
    except ValueError:  # of one row, that nobody must fail to see the others for
        query = select(ServerNoteRow.panel, ServerNoteRow.server_id).where(*wanted).order_by(*order)
        keys = [(on, server_id) for on, server_id in await session.exec(query)]

    async def read(key: tuple[str, int]) -> ServerNote | None:
        row = await session.get(ServerNoteRow, key)
        return None if row is None else ServerNote.model_validate(row)

    return await read_each(keys, read, lambda key: f"server {key[1]} of panel {key[0]}")


@reads
async def aside(session: AsyncSession, panel: str) -> dict[int, ServerNote]:
    """The panel's servers that are set aside, by id."""
    query = select(ServerNoteRow).where(ServerNoteRow.panel == panel, col(ServerNoteRow.set_aside_at).is_not(None))
    return {row.server_id: ServerNote.model_validate(row) for row in await session.exec(query)}


@reads
async def withheld(session: AsyncSession, panel: str, service_id: int | None = None) -> dict[int, str]:
    """Why an order does not get these servers of the panel, by id, as phrases: set aside, or reserved.

    `service_id`: whose order it is; a server that is reserved for it is not withheld. None: nobody's in particular.
    """
    against = col(ServerNoteRow.set_aside_at).is_not(None) | col(ServerNoteRow.reserved_at).is_not(None)
    query = select(ServerNoteRow).where(ServerNoteRow.panel == panel, against)
    phrases = {row.server_id: withheld_as(row, service_id) for row in await session.exec(query)}
    return {server_id: phrase for server_id, phrase in phrases.items() if phrase is not None}


@reads
async def reserved_for(session: AsyncSession, panel: str, service_id: int) -> set[int]:
    """The servers of the panel that are reserved for this service."""
    query = select(ServerNoteRow.server_id).where(
        ServerNoteRow.panel == panel,
        col(ServerNoteRow.reserved_at).is_not(None),
        ServerNoteRow.reserved_for == service_id,
    )
    return set(await session.exec(query))


def withheld_as(row: ServerNoteRow, service_id: int | None) -> str | None:
    """Why the service's order does not get the server, as a phrase; None: nothing here is against it.

    A rehearsal, whose number is negative, may look why a server was set aside, and play on one that is kept back: a
    person named it. One that is reserved for a service is not its to wipe.
    """
    is_rehearsal = service_id is not None and service_id < 0
    if row.set_aside_at is not None and not is_rehearsal:
        return SET_ASIDE
    if row.reserved_at is None or (row.reserved_for is not None and row.reserved_for == service_id):
        return None
    if row.reserved_for is not None:
        return "reserved for another service"
    return None if is_rehearsal else "reserved"


def set_aside_row(row: ServerNoteRow, why: str, who: str, now: datetime) -> None:
    """Set the server aside, within the caller's transaction."""
    row.set_aside_at = row.set_aside_at or now
    row.reason, row.who, row.noted_at = why, who, now


async def row_of(session: AsyncSession, panel: str, server_id: int, now: datetime) -> ServerNoteRow:
    """The server's row, locked, made if there is none; within the caller's transaction."""
    row = await session.get(ServerNoteRow, (panel, server_id), with_for_update=True)
    if row is None:
        row = ServerNoteRow(panel=panel, server_id=server_id, noted_at=now)
        session.add(row)
        await session.flush()
    return row
