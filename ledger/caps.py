"""Caps: how much may be destroyed or begun in a period (safety rule 7), counted in the commit of the move itself.

Who counts locks the cap's row first: two workers never both take the last place. Of what destroys there are three, each
wider than the one before: a burst (`burst.py`) and a cap, which a person lets a service past, and the ceiling, which
nothing passes that a run, a decision or WHMCS can say.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.burst import DAY, LOOKS_BACK, busiest_day, ordinary_day
from ledger.errors import CapReached
from ledger.hold_reasons import CAPS, HoldReason
from ledger.orders import DEFAULT_OS_TIMEOUT, Order
from ledger.states import State
from ledger.step_names import StepName
from ledger.tables import CapRow, ClaimRow, DecisionRow, JournalRow, PermitRow, ServiceRow

INSTALLATIONS = "installation-cap"
"""The cap on OS installations at once, per panel. The others are reasons for HELD (`hold_reasons.CAPS`)."""

SMALL_FLEET = 10
"""Terminations a day that the share never forbids, by default: a tenth of twelve servers would be one."""

CEILING_TIMES = 2
"""The ceiling where no number was set: so many times the day's cap, which leaves a person room to let some past it."""

CEILING_AT_LEAST = 5
"""The same where the day's cap is one or two."""

HOUR = timedelta(hours=1)


class Caps(BaseModel):
    """How much may be destroyed in a day or an hour."""

    model_config = ConfigDict(frozen=True)

    terminations_per_day: int
    terminations_share: float
    """Terminations a day as a share of the servers that are promised now, 0 to 1."""
    small_fleet: int = SMALL_FLEET
    """So many terminations a day are allowed even if they are more than the share."""
    wipes_per_hour: int
    burst_times: float = 3.0
    """More than so many times the busiest day of the last weeks is a burst."""
    burst_at_least: int = 5
    """So many terminations a day are never a burst."""
    reinstalls_per_day: int = 20
    """Services of one panel that may be reinstalled in 24 hours, whoever asks (`ledger.reinstalls`)."""
    ceiling_per_day: int | None = None
    """Terminations, and wipes, in 24 hours that nobody passes; None: CEILING_TIMES the day's cap."""

    def days_cap(self, fleet: int) -> int:
        """The terminations that a fleet of so many promised servers may have in a day."""
        return min(self.terminations_per_day, max(int(self.terminations_share * fleet), self.small_fleet))

    def ceiling(self, fleet: int) -> int:
        """The terminations, and the wipes, that such a fleet can have in 24 hours, whoever asks."""
        return self.ceiling_per_day or max(CEILING_TIMES * self.days_cap(fleet), CEILING_AT_LEAST)


async def count_termination(session: AsyncSession, row: ServiceRow, caps: Caps, now: datetime) -> None:
    """Let one more service be taken back, within the caller's transaction. A service counts once in 24 hours.

    Raises CapReached: the ceiling, the day's cap, or a burst, in that order. Whom a person let past the cap is past the
    burst, too, and not the other way round.
    """
    await lock_counter(session, HoldReason.TERMINATION_CAP, now)
    fleet = await _fleet(session)
    begun = [one for one in await _begun(session, now - LOOKS_BACK) if one[0] != row.service_id]
    last_day = [service_id for service_id, at in begun if at > now - DAY]
    await _stay_below_ceiling(session, caps, len(last_day), "terminations", now)
    if _allowed(row, HoldReason.TERMINATION_CAP):
        return
    limit, share = caps.days_cap(fleet), max(int(caps.terminations_share * fleet), caps.small_fleet)
    if len(last_day) >= limit:
        of_what = f", the share of {fleet} promised servers" if share < caps.terminations_per_day else ""
        raise CapReached(HoldReason.TERMINATION_CAP, len(last_day), limit, f"terminations in 24 hours{of_what}")
    if _allowed(row, HoldReason.BURST):
        return
    by_a_person = await _let_through(session, now - LOOKS_BACK)
    unasked = sum(service_id not in by_a_person for service_id in last_day)
    busiest = busiest_day([at for service_id, at in begun if service_id not in by_a_person], now)
    ordinary = ordinary_day(
        busiest=busiest,
        times=caps.burst_times,
        at_least=caps.burst_at_least,
        fleet=fleet,
        days_cap=limit,
        is_known=await _is_known(session, fleet, now),
    )
    if unasked >= ordinary:
        raise CapReached(
            HoldReason.BURST, unasked, ordinary,
            "terminations in 24 hours before a person looks (the busiest day of the last "
            f"{LOOKS_BACK.days // 7} weeks had {busiest})",
        )  # fmt: skip


async def count_taken_back(session: AsyncSession, row: ServiceRow, caps: Caps, now: datetime) -> None:
    """Keep a service that is RELEASING already below the ceiling, as one that a person's decision took there.

    Only what began before it counts, so a run that goes on with what was let begin is not stopped halfway.
    Raises CapReached.
    """
    await lock_counter(session, HoldReason.TERMINATION_CAP, now)
    since = row.releasing_since or now
    begun = await _begun(session, now - DAY)
    earlier = sum(service_id != row.service_id and at <= since for service_id, at in begun)
    await _stay_below_ceiling(session, caps, earlier, "terminations", now)


async def count_wipe(session: AsyncSession, row: ServiceRow, caps: Caps, now: datetime) -> None:
    """Let one more wipe be permitted, within the caller's transaction. A permit that was never used does not count.

    Against the ceiling an open permit counts however old it is, since it may be used at any moment: so no 24 hours
    ever have more wipes than the ceiling, whoever was interrupted where. That of a HELD service cannot be used, and
    does not count: when the service leaves HELD it is void, and the one that is written then is counted anew.
    Raises CapReached: the ceiling, or the hour's cap.
    """
    await lock_counter(session, HoldReason.WIPE_CAP, now)
    is_open = and_(col(PermitRow.used_at).is_(None), col(PermitRow.outcome).is_(None))
    held = select(ServiceRow.service_id).where(ServiceRow.state == State.HELD)
    may_be_used = and_(is_open, col(PermitRow.service_id).not_in(held))
    in_a_day = select(func.count()).where(or_(col(PermitRow.used_at) > now - DAY, may_be_used))
    await _stay_below_ceiling(session, caps, (await session.exec(in_a_day)).one(), "wipes", now)
    if _allowed(row, HoldReason.WIPE_CAP):
        return
    permits = select(func.count()).where(
        func.coalesce(PermitRow.used_at, PermitRow.written_at) > now - HOUR,
        or_(col(PermitRow.used_at).is_not(None), col(PermitRow.outcome).is_(None)),
    )
    count = (await session.exec(permits)).one()
    if count >= caps.wipes_per_hour:
        raise CapReached(HoldReason.WIPE_CAP, count, caps.wipes_per_hour, "wipes in an hour")


async def count_installation(session: AsyncSession, row: ServiceRow, at_most: int, now: datetime) -> None:
    """Let one more OS installation of the service's panel begin, within the caller's transaction.

    One counts until its service is ACTIVE, its attempt is given up, or its order's time-out is over.
    Raises CapReached.
    """
    await lock_counter(session, f"{INSTALLATIONS} of {row.panel}", now)
    given_up = aliased(JournalRow)
    query = (
        select(ServiceRow.service_id, ServiceRow.order, JournalRow.noted_at)
        .join(
            JournalRow,
            and_(
                col(JournalRow.service_id) == ServiceRow.service_id,
                col(JournalRow.generation) == ServiceRow.generation,
                col(JournalRow.step) == StepName.DEPLOY_OS,
            ),
        )
        .join(
            given_up,
            and_(
                given_up.service_id == JournalRow.service_id,
                given_up.generation == JournalRow.generation,
                given_up.attempt == JournalRow.attempt,
                given_up.step == StepName.OS_GIVEN_UP,
            ),
            isouter=True,
        )
        .where(
            ServiceRow.panel == row.panel,
            ServiceRow.state == State.INSTALLING,
            ServiceRow.service_id != row.service_id,
            col(given_up.step).is_(None),
        )
    )
    noted = await session.exec(query)
    under_way = {service_id for service_id, order, noted_at in noted if now - noted_at < _time_out(order)}
    if len(under_way) >= at_most:
        raise CapReached(INSTALLATIONS, len(under_way), at_most, f"OS installations at once on panel {row.panel}")


async def lock_counter(session: AsyncSession, name: str, now: datetime) -> None:
    """Let only one writer at a time count what has that name, until the caller's commit."""
    cap = await session.get(CapRow, name, with_for_update=True)
    if cap is None:
        cap = CapRow(name=name, counted_at=now)
        session.add(cap)
        await session.flush()  # of two first counters one conflicts here, before it counts, and is retried
    cap.counted_at = now


async def _stay_below_ceiling(session: AsyncSession, caps: Caps, count: int, what: str, now: datetime) -> None:
    """Raises CapReached.

    What was wiped within the day is of the fleet still: else the ceiling would sink with each wipe, and stop halfway
    what it had let begin.
    """
    wiped = select(func.count()).where(PermitRow.outcome == "proved", col(PermitRow.settled_at) > now - DAY)
    ceiling = caps.ceiling(await _fleet(session) + (await session.exec(wiped)).one())
    if count >= ceiling:
        raise CapReached(HoldReason.CEILING, count, ceiling, f"{what} in 24 hours, whoever asks")


async def _fleet(session: AsyncSession) -> int:
    """How many servers are promised now."""
    return (await session.exec(select(func.count()).select_from(ClaimRow))).one()


async def _begun(session: AsyncSession, since: datetime) -> list[tuple[int, datetime]]:
    """The services whose servers began to be taken back since then, and when.

    A service's row tells of its last time only, and of none once WHMCS gave its number out anew: what was wiped then
    is told by its permit, so a number that changes hands leaves no day's count.
    """
    rows = select(ServiceRow.service_id, ServiceRow.releasing_since).where(col(ServiceRow.releasing_since) > since)
    permits = (
        select(PermitRow.service_id, PermitRow.written_at)
        .join(ServiceRow, col(ServiceRow.service_id) == PermitRow.service_id)
        .where(
            PermitRow.written_at > since,
            PermitRow.attempt == 1,
            or_(col(ServiceRow.releasing_since).is_(None), col(ServiceRow.releasing_since) > col(PermitRow.written_at)),
        )
    )
    told = [(service_id, at) for service_id, at in await session.exec(rows) if at is not None]
    return [*told, *(await session.exec(permits))]


async def _let_through(session: AsyncSession, since: datetime) -> set[int]:
    """The services that a person took back or let past a cap since then: no measure of what happens by itself."""
    past_a_cap = and_(DecisionRow.choice == "retry", col(DecisionRow.held_reason).in_(CAPS))
    by_a_person = or_(DecisionRow.choice == "terminate", past_a_cap)
    return set(await session.exec(select(DecisionRow.service_id).where(DecisionRow.at > since, by_a_person)))


async def _is_known(session: AsyncSession, fleet: int, now: datetime) -> bool:
    """Whether at least half of the fleet was in the ledger for as long as an ordinary day is looked for."""
    query = select(func.count()).select_from(ClaimRow).where(ClaimRow.claimed_at <= now - LOOKS_BACK)
    return 2 * (await session.exec(query)).one() >= fleet


def _allowed(row: ServiceRow, cap: str) -> bool:
    """Whether a person let the service pass this cap; uses up that permission."""
    if row.allowed_past != cap:
        return False
    row.allowed_past = None
    return True


def _time_out(order: object) -> timedelta:
    """An adopted service, which has no order, has that of an order which names none."""
    minutes = DEFAULT_OS_TIMEOUT if order is None else Order.model_validate(order).os_install_timeout_minutes
    return timedelta(minutes=minutes)
