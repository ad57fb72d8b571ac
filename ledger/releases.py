"""Taking a server back: how it begins, and how long a person may still bring the service back."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.caps import Caps, count_termination
from ledger.database import writes
from ledger.decisions import note
from ledger.errors import IllegalMove, Protected
from ledger.lifecycle import BY_A_PERSON, State
from ledger.moves import driven, locked, open_request_of, snapshot, step
from ledger.services import shut
from ledger.snapshots import Driver, Service

DELIVERED = frozenset({State.ACTIVE, State.SUSPENDED})
"""Where a client has something to lose, and a way back leads."""


@writes
async def begin(session: AsyncSession, driver: Driver, *, caps: Caps, may_come_back: bool, now: datetime) -> Service:
    """Make the service RELEASING and count it, in one commit; being there already is fine and counts no more.

    `may_come_back`: its product has a wipe delay, so a person may bring it back until `close_way_back`.
    Raises Superseded; IllegalMove: no such move from here; Protected; CapReached.
    """
    row, _ = await driven(session, driver)
    if row.state is not State.RELEASING:
        came_from = row.state
        if row.protected_at is not None:
            raise Protected(row.service_id)
        step(row, State.RELEASING, now)
        await count_termination(session, row, caps, now)
        row.releasing_since = now
        row.way_back = came_from if may_come_back and came_from in DELIVERED else None
    return await snapshot(session, row)


@writes
async def close_way_back(session: AsyncSession, driver: Driver, now: datetime) -> Service:
    """Note that the wipe delay is over: from here on nobody brings the service back. May be called many times.

    Raises Superseded.
    """
    row, _ = await driven(session, driver)
    row.way_back = None
    row.updated_at = now
    return await snapshot(session, row)


@writes
async def bring_back(session: AsyncSession, service_id: int, *, who: str, why: str, now: datetime) -> State:
    """Give a service its server back during the wipe delay: RELEASING becomes SUSPENDED, as its ports are off.

    Returns what it was before: an ACTIVE one has to be unsuspended. Whoever took the server back drives no more, and
    his request is closed "abandoned". The decision is kept.
    Raises Unknown; IllegalMove: it is not being taken back, or there is no way back (any more).
    """
    row = await locked(session, service_id)
    if row.state is not State.RELEASING or row.way_back is None:
        where = f"HELD: decide on that first (dciflow held show {service_id})" if row.state is State.HELD else row.state
        past = " and its wipe delay is over, or it has none" if row.state is State.RELEASING else ""
        raise IllegalMove(
            f"Service {service_id} is {where}{past}. Only a service in its wipe delay can be brought back."
        )
    was = row.way_back
    row.state = BY_A_PERSON[row.state]
    row.releasing_since = row.way_back = None
    row.epoch += 1
    row.updated_at = now
    note(session, row, "bring-back", who=who, why=why, now=now)
    request = await open_request_of(session, service_id)
    if request is not None:
        shut(request, "abandoned", f"{who} brought the service back.", now)
    return was
