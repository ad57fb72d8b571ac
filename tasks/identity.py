"""Who is who: the service in the ledger, its server on the panel, and the proof that they belong together."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from weakref import WeakKeyDictionary

from dcimanager.errors import NotFound
from dcimanager.panel import Panel
from dcimanager.servers import Server
from dcimanager.turns import caller
from ledger import journal, services
from ledger.errors import Superseded
from ledger.lifecycle import State
from ledger.snapshots import Claim, Driver, Service
from tasks.at_once import both
from tasks.clock import clock
from tasks.connections import ledger, panel_named
from tasks.effects import ensures, reads
from tasks.outcomes import Held, Reason, Refusal
from tasks.seat import away

T = TypeVar("T")

CLEAR_OWNER = "clear-owner"
"""The journal's word for "this deletion asked for the owner to be cleared"."""


@dataclass
class _Drive:
    """What the current run knows as the service's driver."""

    driver: Driver
    service: Service
    since: datetime
    may_have_changed_it: bool = False
    confirmed: tuple[datetime, Server] | None = None


_drive: ContextVar[_Drive] = ContextVar("drive")


def drive(driver: Driver, service: Service) -> None:
    """From here on the current run drives the service: what its steps write, they write in this driver's name.

    `service` is as the ledger has it now. The run's calls of a panel take turns with those of other services.
    """
    _drive.set(_Drive(driver, service, clock().now()))
    caller.set(f"service {driver.service_id}")


def driving_since() -> datetime:
    """When the current run became the service's driver: what an earlier one asked for was asked for before that."""
    return _drive.get().since


def driver_of(service: Service) -> Driver:
    """The right to change the service, as this run got it when it opened its request."""
    here = _drive.get()
    if here.driver.service_id != service.service_id:
        raise AssertionError(f"service {service.service_id} is not driven by this run")
    here.may_have_changed_it = True
    return here.driver


@reads("the service in the ledger", run_name="read service {service_id} in the ledger")
async def load_service(service_id: int) -> Service:
    """The service as the ledger has it: its state, its last order and the server it was promised.

    It was read when the run's request was opened, and nobody but its driver changes a service.
    """
    return _drive.get().service


async def fresh(service: Service) -> Service:
    """The service as it is now. Raises Superseded: another run drives it, so this one must not act any more."""
    driver = driver_of(service)
    now = await services.get(ledger(), service.service_id)
    if now is None or now.epoch != driver.epoch:
        raise Superseded(
            f"Another run drives service {service.service_id} now: nothing more is done here. Follow that one."
        )
    return now


def claim_of(service: Service) -> Claim:
    """The service's claim. Raises Refusal: no server was promised to it."""
    if service.claim is None:
        raise Refusal(f"Service {service.service_id} has no server. Activate it first; nothing was touched.")
    return service.claim


@ensures("the server is the service's own", run_name="check that the server of service {service.service_id} is its own")
async def confirm_identity(service: Service) -> None:
    """Compare claim, owner on the panel and recorded hardware before anything is touched (safety rule 6).

    Held: any of them differs.
    """
    server = await _look(service)
    _drive.get().confirmed = clock().now(), server


async def confirmed_server(service: Service) -> Server:
    """The service's server as `confirm_identity` has just seen it, once; else as `own_server` sees it.

    For the step right after it: so nothing was asked of the panel in between. Raises what `own_server` raises.
    """
    here = _drive.get()
    seen, here.confirmed = here.confirmed, None
    if seen is not None and clock().elapsed(seen[0]) < JUST_SEEN:
        return seen[1]
    return await own_server(service)


async def own_server(service: Service) -> Server:
    """Read the service's server afresh and make sure that it is still the service's: what every change starts with.

    Once its deletion has asked for the owner to be cleared, a server without an owner is still the service's; once a
    wipe is permitted, it must have none. Raises Held: the server is gone, has another owner or other hardware than the
    ledger recorded. Raises Superseded: another run drives the service.
    """
    return await _own_server(await fresh(service))


async def _look(service: Service) -> Server:
    """As `own_server`, but for looks only: what the run's opening read a moment ago is good, if it wrote nothing since.

    What changes a server starts with `own_server`.
    """
    here = _drive.get()
    just_read = not here.may_have_changed_it and clock().elapsed(here.since) < JUST_SEEN
    return await _own_server(here.service if just_read else await fresh(service))


async def _own_server(service: Service) -> Server:
    """`service` is as the ledger has it now."""
    _drive.get().confirmed = None
    claim = claim_of(service)
    panel = await panel_named(service.panel)
    server, _ = await both(read_server(panel, claim), _learn_email(panel, claim))
    check_hardware(server, claim)
    if service.state is State.ERASING:
        await check_owner(panel, server, None)
    elif not (server.owner_email is None and await owner_is_being_cleared(service)):
        await check_owner(panel, server, claim.owner_id)
    return server


async def owner_is_being_cleared(service: Service) -> bool:
    """Whether the service's deletion has already asked for the owner to be cleared."""
    if service.state is not State.RELEASING:
        return False
    return await journal.latest(ledger(), service.service_id, service.generation, CLEAR_OWNER) is not None


async def read_server(panel: Panel, claim: Claim) -> Server:
    """The claimed server. Raises Held: the panel no longer has it."""
    try:
        return await panel.servers.get(claim.server_id)
    except NotFound:
        raise Held(
            Reason.SERVER_VANISHED,
            f"Server {claim.server_id} is no longer on panel {panel.name}.",
            server=claim.server_id,
        ) from None


def check_hardware(server: Server, claim: Claim) -> None:
    """Compare what was recorded at activation with what the panel says now; what was not recorded is not compared.

    Raises Held: serial number, MAC addresses or barcode differ.
    """
    differing = differing_hardware(server, claim)
    if differing:
        raise Held(
            Reason.HARDWARE_CHANGED,
            f"The {' and '.join(differing)} of server {server.id} are not those recorded at activation.",
            server=server.id,
            recorded={what: str(_recorded(claim)[what]) for what in differing},
            seen={what: str(_seen(server)[what]) for what in differing},
        )


def differing_hardware(server: Server, claim: Claim) -> list[str]:
    """What of the server is not as recorded: serial, macs, barcode; empty: it is the same machine."""
    seen = _seen(server)
    return [what for what, value in _recorded(claim).items() if value and value != seen[what]]


def _recorded(claim: Claim) -> dict[str, object]:
    return {"serial": claim.serial, "macs": tuple(claim.macs), "barcode": claim.barcode}


def _seen(server: Server) -> dict[str, object]:
    return {"serial": server.serial, "macs": tuple(server.macs), "barcode": server.barcode}


async def check_owner(panel: Panel, server: Server, owner_id: int | None) -> None:
    """Compare the server's owner with the panel user that the service gave it to; None: it must have no owner.

    The ledger keeps the user's id only; his e-mail, which the server's row shows, is asked of the panel.
    Raises Held: it is somebody else.
    """
    if owner_id is None:
        matches = server.owner_email is None
        expected = "nobody"
    else:
        matches = await _is_of(panel, owner_id, server.owner_email)
        expected = f"user {owner_id}"
    if not matches:
        found = "nobody" if server.owner_email is None else "somebody else"
        raise Held(
            Reason.OWNER_CHANGED,
            f"Server {server.id} should be owned by {expected}, but the panel says {found}.",
            server=server.id,
            expected=expected,
        )


JUST_SEEN = timedelta(seconds=1)
"""Some milliseconds pass from a run's opening to `confirm_identity`, and from it to the step after it; a repeated one
looks again."""

REMEMBERED = timedelta(seconds=30)
"""Which e-mail a panel user has: every look at a server would ask for it again, and users hardly ever change theirs."""

_emails: "WeakKeyDictionary[Panel, dict[int, tuple[datetime, str]]]" = WeakKeyDictionary()


async def _is_of(panel: Panel, user_id: int, email: str | None) -> bool:
    """Whether the e-mail is that user's. Only a match is believed without asking, so it cannot be held for old news."""
    return same_email(_remembered(panel, user_id), email) or same_email(await _ask_email(panel, user_id), email)


async def _learn_email(panel: Panel, claim: Claim) -> None:
    """Ask for the owner's e-mail if it is not remembered: `check_owner` needs it as soon as the server is read."""
    if claim.owner_id is not None and _remembered(panel, claim.owner_id) is None:
        await _ask_email(panel, claim.owner_id)


def _remembered(panel: Panel, user_id: int) -> str | None:
    at, email = _emails.get(panel, {}).get(user_id, (None, None))
    return email if at is not None and clock().elapsed(at) < REMEMBERED else None


async def _ask_email(panel: Panel, user_id: int) -> str | None:
    user = await panel.users.get(user_id)
    if user is None:
        return None
    _emails.setdefault(panel, {})[user_id] = (clock().now(), user.email)
    return user.email


def same_email(one: str | None, other: str | None) -> bool:
    """Whether two e-mail addresses are one panel user's; the panel keeps them in the spelling that was typed."""
    return one is not None and other is not None and one.casefold() == other.casefold()


POLL_SECONDS = 5.0
"""Ports, power and addresses change within seconds to a minute; the panel's own modules ask every 5 s (dossier 13)."""


async def until(
    service: Service, reached: Callable[[Server], bool], *, within_seconds: float, otherwise: str
) -> Server:
    """Read the service's server until it is as wanted; each reading checks again that it is the service's own.

    Raises Refusal with `otherwise`: the time is over.
    """
    return await poll(lambda: _look(service), reached, within_seconds=within_seconds, otherwise=otherwise)


async def poll(
    look: Callable[[], Awaitable[T]], reached: Callable[[T], bool], *, within_seconds: float, otherwise: str
) -> T:
    """Look until it is as wanted and return what was seen then. Raises Refusal with `otherwise`: the time is over.

    Only a look that began after the time was over decides: one that an outage held up may have seen what was long ago.
    """
    started = clock().now()
    while True:
        is_last = clock().elapsed(started).total_seconds() >= within_seconds
        seen = await look()
        if reached(seen):
            return seen
        if is_last:
            raise Refusal(otherwise)
        async with away():
            await clock().sleep(POLL_SECONDS)
