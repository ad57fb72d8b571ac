"""Taking a server back: its beginning, and the wipe delay in which a person may bring the service back."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.caps import Caps, count_taken_back, count_termination
from ledger.database import writes
from ledger.decisions import note
from ledger.errors import IllegalMove, Protected
from ledger.services import shut
from ledger.snapshots import Driver, Service
from ledger.states import BY_A_PERSON, State
from ledger.tables import ServiceRow
from ledger.transitions import claim_of, lock_service, open_request_of, require_driver, snapshot, transition
from ledger.whmcs_numbers import require_no_restored_whmcs

DELIVERED = frozenset({State.ACTIVE, State.SUSPENDED})
"""States in which a client uses a server. To these a service can be brought back."""


@writes
async def begin(session: AsyncSession, driver: Driver, now: datetime, *, caps: Caps, may_come_back: bool) -> Service:
    """Make the service RELEASING and count it, in one commit; being there already counts for the ceiling alone.

    `may_come_back`: its product has a wipe delay, so a person may bring it back until `close_way_back`.
    Raises Superseded; IllegalMove: no such move from here; Protected; CapReached; WhmcsOfBefore.
    """
    row, _ = await require_driver(session, driver)
    await require_no_restored_whmcs(session)
    if row.state is State.RELEASING:
        await count_taken_back(session, row, caps, now)
    else:
        came_from = row.state
        if row.protected_at is not None:
            raise Protected(row.service_id)
        transition(row, State.RELEASING, now)
        await count_termination(session, row, caps, now)
        row.releasing_since = now
        row.way_back = await _way_back(session, row, came_from) if may_come_back else None
    return await snapshot(session, row)


async def _way_back(session: AsyncSession, row: ServiceRow, came_from: State) -> State | None:
    """What a person may make of the service again: what it was while its client used its server; None: never yet.

    A reinstallation that is not over stands in INSTALLING like an activation, but is over a client's own server.
    """
    if came_from is State.INSTALLING:
        claim = await claim_of(session, row.service_id)
        return None if claim is None or claim.active_since is None else State.ACTIVE
    return came_from if came_from in DELIVERED else None


@writes
async def count_from(session: AsyncSession, driver: Driver, now: datetime, since: datetime) -> Service:
    """Have the wipe delay count from another moment, after a clock has stepped. May be called many times.

    Raises Superseded.
    """
    row, _ = await require_driver(session, driver)
    row.releasing_since = since
    row.updated_at = now
    return await snapshot(session, row)


@writes
async def close_way_back(session: AsyncSession, driver: Driver, now: datetime) -> Service:
    """Note that the wipe delay is over: from here on nobody brings the service back. May be called many times.

    Raises Superseded.
    """
    row, _ = await require_driver(session, driver)
    row.way_back = None
    row.updated_at = now
    return await snapshot(session, row)


@writes
async def bring_back(session: AsyncSession, service_id: int, *, who: str, why: str, now: datetime) -> State:
    """Give a service its server back during the wipe delay: RELEASING becomes SUSPENDED, as its ports are off.

    A leftover's ports are on meanwhile, so it becomes what it was. Returns what it was before: an ACTIVE one that is no
    leftover has to be unsuspended. The run that took the server back is superseded,
    and its request is closed "abandoned". The decision is kept.
    Raises ServiceNotFound; IllegalMove: it is not being taken back, or it cannot be brought back (any more).
    """
    row = await lock_service(session, service_id)
    if row.state is not State.RELEASING or row.way_back is None:
        where = f"HELD: decide on that first (dciflow held show {service_id})" if row.state is State.HELD else row.state
        past = " and its wipe delay is over, or it has none" if row.state is State.RELEASING else ""
        raise IllegalMove(
            f"Service {service_id} is {where}{past}. Only a service in its wipe delay can be brought back."
        )
    was = row.way_back
    row.state = BY_A_PERSON[row.state] if row.leftover_of is None else was
    row.releasing_since = row.way_back = None
    row.epoch += 1
    row.updated_at = now
    note(session, row, "bring-back", who=who, why=why, now=now)
    request = await open_request_of(session, service_id)
    if request is not None:
        shut(request, "abandoned", f"{who} brought the service back.", now)
    return was
