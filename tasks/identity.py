"""Who is who: the service in the ledger, its server on the panel, and the proof that they belong together."""

from collections.abc import Callable
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from dcimanager.errors import PanelNotFound
from dcimanager.panel import Panel
from dcimanager.servers import Server
from dcimanager.users import folded
from ledger import claims, journal
from ledger.hardware import Hardware
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Claim, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.clock import clock
from runtime.driver import current_drive, driving
from runtime.errors import Held, StepRefused
from runtime.polling import gather_pair, poll
from runtime.run_log import run_log
from runtime.steps import ensures, reads
from tasks.shared_hardware import shared_hardware
from tasks.whose import confirm_whose
from whmcs.text import plain


@reads("the service in the ledger", run_name="read service {service_id} in the ledger")
async def load_service(service_id: int) -> Service:
    """The service as the ledger has it: its state, its last order and the server it was promised.

    It was read when the run's request was opened, and nobody but its driver changes a service.
    """
    return current_drive().opened


def claim_of(service: Service) -> Claim:
    """The service's claim. Raises StepRefused: no server was promised to it."""
    if service.claim is None:
        raise StepRefused(f"Service {service.service_id} has no server. Activate it first; nothing was touched.")
    return service.claim


@ensures("the server is the service's own", run_name="check that the server of service {service.service_id} is its own")
async def confirm_identity(service: Service) -> None:
    """Compare claim, owner on the panel and recorded hardware before anything is touched (safety rules 6 and 16).

    WHMCS is asked at the same time whether it still has the service for this client. Of a permitted wipe that is asked
    at the permit: one that has begun must be proved, whoever has the number by then.
    Held: any of them differs. Refused: WHMCS does not show the service.
    """
    if service.state is State.ERASING:
        await _confirm_server(service)
    else:
        await gather_pair(confirm_whose(service), _confirm_server(service))


async def _confirm_server(service: Service) -> None:
    server = await _look(service)
    drive = driving(service)
    drive.confirmed = drive.now(), server


async def confirmed_server(service: Service) -> Server:
    """The service's server as `confirm_identity` has just seen it, once; else as `own_server` sees it.

    For the step right after it: so nothing was asked of the panel in between. Raises what `own_server` raises.
    """
    drive = driving(service)
    seen, drive.confirmed = drive.confirmed, None
    if seen is not None and drive.elapsed(seen[0]) < JUST_SEEN:
        return seen[1]
    return await own_server(service)


async def own_server(service: Service) -> Server:
    """Read the service's server afresh and make sure that it is still the service's: what every change starts with.

    Once its deletion has asked for the owner to be cleared, a server without an owner is still the service's; once a
    wipe is permitted, it must have none. Raises Held: the server is gone, has another owner or other hardware than the
    ledger recorded. Raises Superseded: another run drives the service.
    """
    return await _own_server(await driving(service).fresh())


async def _look(service: Service) -> Server:
    """Like `own_server`, but may reuse the ledger row read within the last second if this run wrote nothing.

    For reads only: what changes a server starts with `own_server`.
    """
    drive = driving(service)
    just_read = not drive.wrote and drive.elapsed(drive.since) < JUST_SEEN
    return await _own_server(drive.opened if just_read else await drive.fresh())


async def _own_server(service: Service) -> Server:
    """`service` is as the ledger has it now."""
    drive = driving(service)
    drive.confirmed = None
    claim = claim_of(service)
    panel = await drive.panel()
    server, _ = await gather_pair(read_server(panel, claim), _learn_email(panel, claim))
    towards_service = service.state in IN_SERVICE and drive.action not in OVERWRITES
    changed = check_hardware(server, claim, towards_service=towards_service)
    if changed != (claim.changed or "") and towards_service:
        run_log().warning("server %s is the same machine, but has changed: %s", server.id, changed or "as it was")
        await drive.write(claims.record_change, changed)
    if service.state is State.ERASING:
        await check_owner(panel, server, None)
    elif not (server.owner_email is None and await owner_is_being_cleared(service)):
        await check_owner(panel, server, claim.owner_id)
    return server


async def owner_is_being_cleared(service: Service) -> bool:
    """Whether the service's deletion has already asked for the owner to be cleared."""
    if service.state is not State.RELEASING:
        return False
    latest = await journal.latest(driving(service).ledger, service.service_id, service.generation, StepName.CLEAR_OWNER)
    return latest is not None


async def read_server(panel: Panel, claim: Claim) -> Server:
    """The claimed server. Raises Held: the panel no longer has it."""
    try:
        return await panel.servers.get(claim.server_id)
    except PanelNotFound:
        raise Held(
            HoldReason.SERVER_VANISHED,
            f"Server {claim.server_id} is no longer on panel {panel.name}.",
            server=claim.server_id,
        ) from None


def check_hardware(server: Server, claim: Claim, *, towards_service: bool = False) -> str:
    """Compare what was recorded at activation with what the panel says now; what was not recorded is not compared.

    `towards_service`: the machine may have changed a little (`Hardware.differs_from`); returns what it shows otherwise.
    Raises Held: it is another machine, or too little of what was recorded is shown.
    """
    recorded, seen = claim.hardware.model_dump(), hardware_of(server).model_dump()
    differing = claim.hardware.differs_from(hardware_of(server), towards_service=towards_service)
    if differing:
        raise Held(
            HoldReason.HARDWARE_CHANGED,
            f"The {' and '.join(differing)} of server {server.id} are not those recorded at activation.",
            server=server.id,
            recorded={what: str(recorded[what]) for what in differing},
            seen={what: str(seen[what]) for what in differing},
        )
    return claim.hardware.change_to(hardware_of(server))


def differing_hardware(server: Server, claim: Claim, state: State) -> list[str]:
    """What of the server is not as recorded: serial, macs, barcode; empty: the same machine, for what goes on there."""
    return claim.hardware.differs_from(hardware_of(server), towards_service=state in IN_SERVICE)


IN_SERVICE = frozenset({State.ACTIVE, State.SUSPENDED})
"""Where a server only works for its client: everywhere else its disks are about to be written or cleared."""

OVERWRITES = frozenset({"terminate", "reinstall"})
"""The actions that lead to a wipe, or to another OS, from their first step on."""


async def identifying_hardware(panel: Panel, server: Server) -> Hardware:
    """What is recorded of a server that is promised: what it shows, without what other servers of the panel show, too.

    Raises PanelError.
    """
    return hardware_of(server).apart_from(await shared_hardware(panel))


def hardware_of(server: Server) -> Hardware:
    """What identifies the server, as the panel shows it; the one place that translates it for the ledger."""
    return Hardware(serial=server.serial, macs=server.macs, barcode=server.barcode)


async def check_owner(panel: Panel, server: Server, owner_id: int | None) -> None:
    """Compare the server's owner with the panel user that the service gave it to; None: it must have no owner.

    The ledger keeps the user's id only; the e-mail, which the server's row shows, is asked of the panel.
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
            HoldReason.OWNER_CHANGED,
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
    return one is not None and other is not None and folded(plain(one)) == folded(plain(other))


async def until(
    service: Service,
    reached: Callable[[Server], bool],
    *,
    within_seconds: float,
    otherwise: str | Callable[[Server], str],
) -> Server:
    """Read the service's server until it is as wanted; each reading checks again that it is the service's own.

    Raises StepRefused with `otherwise`: the time is over.
    """
    return await poll(lambda: _look(service), reached, within_seconds=within_seconds, otherwise=otherwise)
