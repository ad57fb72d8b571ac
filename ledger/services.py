"""Services: what WHMCS ordered, the state of each, and those that are HELD."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.database import reads, writes
from ledger.errors import LedgerError
from ledger.orders import Order
from ledger.panel_name import panel_name
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Driver, Outcome, Service
from ledger.states import State
from ledger.tables import ClaimRow, RequestRow, ServiceRow
from ledger.transitions import advance_activation, claim_of, note_use, require_driver, snapshot, together
from ledger.unreadable import UnreadableRow, read_each

VACANT = frozenset({State.NEW, State.RELEASED})
"""Where nothing is left of a service that had the number before, once no server is claimed."""


@writes
async def remember(
    session: AsyncSession,
    *,
    service_id: int,
    panel: str,
    client_id: int | None = None,
    identity: ServiceIdentity | None = None,
    order: Order | None = None,
    now: datetime,
) -> Service:
    """Record what WHMCS said about a service; an unknown one begins as NEW. An order replaces the last one, but for a
    wipe delay that it would shorten while the service has a server.

    A number that comes again, with another client, order or registration date, is a new service where nothing is left
    of the old one: its order and its protection are forgotten, and its results with its generation.
    Raises NoPanelName; LedgerError: a server of another panel, or another client's, is promised to the service.
    """
    panel_name(panel)
    row = await session.get(ServiceRow, service_id, with_for_update=True)
    if row is None:
        row = ServiceRow(service_id=service_id, panel=panel, created_at=now, updated_at=now)
        session.add(row)
    claim = await claim_of(session, service_id)
    if claim is not None and claim.panel != panel:
        raise LedgerError(
            f"Service {service_id} has server {claim.server_id} of panel {claim.panel}, not of {panel}: "
            f"set the product's server back to {claim.panel}, or terminate the service first. Is it the same panel, "
            f"entered anew in WHMCS? Then: dciflow panel rename {claim.panel} {panel}"
        )
    row.panel = panel
    if client_id is None and order is not None:
        client_id = order.client_id
    if identity is None and client_id is not None:
        identity = ServiceIdentity(client_id=client_id)
    if identity is not None:
        _take_identity(row, claim, identity)
    if order is not None:
        row.order = _no_shorter_delay(row, claim, order).model_dump(mode="json")
    row.updated_at = now
    return together(row, claim)


@writes
async def reorder(session: AsyncSession, driver: Driver, now: datetime, *, order: Order) -> Service:
    """Replace the order of a service that has its server, but for a wipe delay that it would shorten.

    Raises Superseded.
    """
    row, _ = await require_driver(session, driver)
    claim = await claim_of(session, row.service_id)
    row.order = _no_shorter_delay(row, claim, order).model_dump(mode="json")
    row.updated_at = now
    return together(row, claim)


def _no_shorter_delay(row: ServiceRow, claim: ClaimRow | None, order: Order) -> Order:
    """The order, with the wipe delay that came with the server where that is longer: data may be on it by now."""
    promised = (row.order or {}).get("wipe_delay_hours")
    if claim is None or not isinstance(promised, int) or promised <= order.wipe_delay_hours:
        return order
    return order.model_copy(update={"wipe_delay_hours": promised})


def _take_identity(row: ServiceRow, claim: ClaimRow | None, identity: ServiceIdentity) -> None:
    """Raises LedgerError."""
    differing = identity.differs_from(row)
    if claim is not None or row.state not in VACANT:
        if differing:
            raise LedgerError(
                f"Service {row.service_id} is {row.state} in the ledger with another {' and '.join(differing)}: "
                "nothing was recorded. Compare it with WHMCS."
            )
        row.client_id = identity.client_id  # the rest is recorded where all sides were compared (`record_whose`)
        return
    if differing and row.generation:
        row.order = row.allowed_past = row.protected_at = row.releasing_since = row.way_back = None
        if row.state is State.NEW:  # a RELEASED one begins its next generation with its next server
            row.generation += 1
    if differing or row.registered is None:
        row.registered = identity.registered
    if differing or row.order_id is None:
        row.order_id = identity.order_id
    row.client_id = identity.client_id
    row.installation = identity.installation or (None if differing else row.installation)


@writes
async def record_whose(session: AsyncSession, *, service_id: int, epoch: int, identity: ServiceIdentity) -> bool:
    """Record of a service's identity what was not recorded; False: it was driven since, or something differs.

    The caller has compared all sides.
    """
    row = await session.get(ServiceRow, service_id, with_for_update=True)
    if row is None or row.epoch != epoch or identity.differs_from(row):
        return False
    row.client_id = identity.client_id
    row.installation = row.installation or identity.installation
    row.order_id = row.order_id or identity.order_id
    row.registered = row.registered or identity.registered
    return True


@reads
async def serves_another(session: AsyncSession, installation: str) -> str | None:
    """Another WHMCS installation that some service of the ledger is recorded with; None: there is none."""
    recorded = col(ServiceRow.installation)
    query = select(recorded).where(recorded.is_not(None), recorded != installation).limit(1)
    return (await session.exec(query)).first()


@writes
async def rename_installation(session: AsyncSession, to: str) -> int:
    """Record on a person's word that all services are those of this installation; returns how many were another's."""
    recorded = col(ServiceRow.installation)
    renamed = update(ServiceRow).where(recorded.is_not(None), recorded != to).values(installation=to)
    return int((await session.exec(renamed)).rowcount)


@reads
async def get(session: AsyncSession, service_id: int) -> Service | None:
    """The service with its claim, or None when the ledger does not know it."""
    query = (
        select(ServiceRow, ClaimRow)
        .join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
        .where(ServiceRow.service_id == service_id)
    )
    found = (await session.exec(query)).one_or_none()
    return None if found is None else together(*found)


@reads
async def held(session: AsyncSession, panel: str | None = None) -> list[Service]:
    """The HELD services of one panel or of all, the longest waiting first; `held_and_odd` names rows that are odd."""
    return (await _held(session, panel))[0]


@reads
async def held_and_odd(session: AsyncSession, panel: str | None = None) -> tuple[list[Service], list[UnreadableRow]]:
    """The HELD services of one panel or of all, the longest waiting first, and those whose rows cannot be read."""
    return await _held(session, panel)


async def _held(session: AsyncSession, panel: str | None) -> tuple[list[Service], list[UnreadableRow]]:
    query = select(ServiceRow, ClaimRow).join(ClaimRow, col(ClaimRow.service_id) == ServiceRow.service_id, isouter=True)
    wanted = [ServiceRow.state == State.HELD, *([] if panel is None else [ServiceRow.panel == panel])]
    order = col(ServiceRow.held_at), col(ServiceRow.service_id)
    try:
        rows = await session.exec(query.where(*wanted).order_by(*order))
        return [together(row, claim) for row, claim in rows], []
    except ValueError:  # of one row, that nobody must fail to see the others for
        ids = list(await session.exec(select(ServiceRow.service_id).where(*wanted).order_by(*order)))

    async def read(service_id: int) -> Service | None:
        one = (await session.exec(query.where(ServiceRow.service_id == service_id))).first()
        return None if one is None else together(*one)

    return await read_each(ids, read, lambda service_id: f"service {service_id}")


@writes
async def advance(session: AsyncSession, driver: Driver, now: datetime, to: State) -> Service:
    """Move an activation on to `to` (CLAIMED < PREPARING < INSTALLING < ACTIVE); being at or past it is fine.

    Raises Superseded; IllegalMove: a step would be left out, or the service is not in an activation.
    """
    row, _ = await require_driver(session, driver)
    advance_activation(row, to, now)
    if to is State.ACTIVE:
        await note_use(session, row.service_id, now)
    return await snapshot(session, row)


def put_on_hold(row: ServiceRow, reason: str, evidence: str, now: datetime) -> None:
    """Make the row HELD until a person decides, within the caller's transaction.

    A service that is HELD already keeps where it came from and since when; the newest reason stands. `evidence` is
    text without secrets and without personal data.
    """
    if row.state is not State.HELD:
        row.held_from = row.state
        row.held_at = now
    row.state = State.HELD
    row.held_reason = reason
    row.held_evidence = evidence
    row.updated_at = now


def shut(request: RequestRow, outcome: Outcome, message: str | None, now: datetime) -> None:
    """Close the request, within the caller's transaction."""
    request.closed_at = now
    request.outcome = outcome
    request.message = message
