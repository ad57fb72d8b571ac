"""What a person decided on a HELD service, carried out: the ledger first, then the run that goes on from there."""

from datetime import datetime
from typing import TypedDict, assert_never

from pydantic import BaseModel, ConfigDict

from dcimanager.errors import NotFound
from dcimanager.servers import Server
from ledger import decisions, journal, releases, requests, services
from ledger.errors import DecidedAlready, Unknown
from ledger.lifecycle import State
from ledger.snapshots import Choice, Claim, Decision, Request, Service
from tasks.clock import clock
from tasks.connections import connections, ledger, panel_named
from tasks.effects import ensures
from tasks.identity import CLEAR_OWNER, check_owner
from tasks.outcomes import Held, Refusal

RETRIED_AS = {"watch-os-install": "activate", "reconcile": None}
"""Only an activation installs again what its watcher saw fail. A reconciliation comes again by itself."""


class Verdict(BaseModel):
    """One decision as a person made it."""

    model_config = ConfigDict(frozen=True)

    choice: Choice
    who: str
    why: str
    past_cap: bool = False
    held_at: datetime | None = None
    """The hold that he looked at; None: whichever it is by now."""
    flow_run_id: str | None = None
    """The run that carries it out, if one does: a second try of it goes on with its own decision."""


@ensures("the decision is carried out", run_name="carry out what was decided on service {service_id}")
async def carry_out(service_id: int, verdict: Verdict) -> str:
    """Keep the decision, let the service leave HELD and start the run that goes on; returns a line that says so.

    A run that broke off in between only starts that run.
    Refused: there is no reason given, the decision does not fit, or the panel contradicts it. Raises LedgerError.
    """
    if not (verdict.who.strip() and verdict.why.strip()):
        raise Refusal(f"A decision on service {service_id} needs a name and a reason: both are kept.")
    service = await services.get(ledger(), service_id)
    if service is None:
        raise Unknown(service_id)
    held = await requests.last_held(ledger(), service_id)
    try:
        await _decide(service, held, verdict)
    except DecidedAlready:
        if verdict.flow_run_id is None or not await decided_by(verdict.flow_run_id, service_id):
            raise
    decided = await last_decision(service_id)
    if decided is None:
        raise AssertionError(f"the decision on service {service_id} was not kept")
    action = _action(verdict.choice, held)
    left = f"Service {service_id} is {decided.state} again"
    if action is None:
        return f"{left}. Nothing was started."
    await start(action, service_id, service.panel, f"decided-{service_id}-{decided.epoch}")
    return f"{left}; {action} is started."


async def last_decision(service_id: int) -> Decision | None:
    """The newest decision on a service."""
    return next(reversed(await decisions.of_service(ledger(), service_id)), None)


async def decided_by(flow_run_id: str, service_id: int) -> bool:
    """Whether the newest decision on a service is that run's."""
    newest = await last_decision(service_id)
    return newest is not None and newest.flow_run_id == flow_run_id


async def start(action: str, service_id: int, panel: str, key: str) -> None:
    """Start a lifecycle's run in the name of a person; asked twice with one key, it is one run.

    Raises PrefectUnreachable.
    """
    await connections().start_run(
        f"{action}/whmcs", {"service_id": service_id, "panel": panel, "requested_by": "admin"}, key
    )


async def bring_back(service_id: int, *, who: str, why: str) -> str:
    """Give a service its server back during its wipe delay; returns a line that says so.

    An ACTIVE one is put back on the network by a run of its own. Raises LedgerError, PrefectUnreachable.
    """
    was = await releases.bring_back(ledger(), service_id, who=who, why=why, now=clock().now())
    if was is not State.ACTIVE:
        return f"Service {service_id} is SUSPENDED again, as it was before its deletion."
    service = await services.get(ledger(), service_id)
    if service is None:
        raise Unknown(service_id)
    await start("unsuspend", service_id, service.panel, f"brought-back-{service_id}-{service.epoch}")
    return f"Service {service_id} is brought back; unsuspend is started, which switches its ports on."


class _Given(TypedDict):
    """What every decision in the ledger is kept with."""

    who: str
    why: str
    now: datetime
    held_at: datetime | None
    flow_run_id: str | None


async def _decide(service: Service, held: Request | None, verdict: Verdict) -> None:
    if service.state is not State.HELD or service.held_from is None:
        raise DecidedAlready(f"Service {service.service_id} is {service.state}, not HELD: there is nothing to decide.")
    given: _Given = {
        "who": verdict.who,
        "why": verdict.why,
        "now": clock().now(),
        "held_at": verdict.held_at,
        "flow_run_id": verdict.flow_run_id,
    }
    match verdict.choice:
        case "release" | "retry" | "terminate":
            if verdict.choice == "retry" and held is None:
                raise Refusal(f"No run of service {service.service_id} is known to have stopped: release it instead.")
            await decisions.leave_hold(
                ledger(),
                service.service_id,
                to=State.RELEASING if _takes_back(verdict.choice, service.held_from) else service.held_from,
                choice=verdict.choice,
                past_cap=verdict.past_cap,
                **given,
            )
        case "accept-hardware":
            server = await _server_of(service)
            await decisions.accept_hardware(
                ledger(),
                service.service_id,
                serial=server.serial,
                macs=server.macs,
                barcode=server.barcode,
                **given,
            )
        case "forget-server":
            await _make_sure_it_is_gone(service)
            await decisions.forget_server(ledger(), service.service_id, **given)
        case other:
            assert_never(other)


def _takes_back(choice: Choice, came_from: State) -> bool:
    """Whether the service becomes RELEASING. A wipe that has begun is proved from where it is."""
    return choice == "terminate" and came_from is not State.ERASING


def _action(choice: Choice, held: Request | None) -> str | None:
    match choice:
        case "retry":
            return None if held is None else RETRIED_AS.get(held.action, held.action)
        case "terminate":
            return "terminate"
        case _:
            return None


def _claim(service: Service) -> Claim:
    if service.claim is None:
        raise Refusal(f"Service {service.service_id} has no server: release it, or retry.")
    return service.claim


async def _server_of(service: Service) -> Server:
    """The claimed server as the panel shows it, still the service's by its owner. Raises Refusal: not so, or gone."""
    claim, panel = _claim(service), await panel_named(service.panel)
    try:
        server = await panel.servers.get(claim.server_id)
    except NotFound:
        raise Refusal(
            f"Server {claim.server_id} is not on panel {panel.name}: there is no hardware to accept."
        ) from None
    taken_off = service.held_from is State.RELEASING and await journal.latest(
        ledger(), service.service_id, service.generation, CLEAR_OWNER
    )
    nobodys = service.held_from is State.ERASING or (taken_off and server.owner_email is None)
    try:
        await check_owner(panel, server, None if nobodys else claim.owner_id)
    except Held as other:
        raise Refusal(f"{other.text} Put the owner right first; nothing was accepted.") from None
    return server


async def _make_sure_it_is_gone(service: Service) -> None:
    claim, panel = _claim(service), await panel_named(service.panel)
    try:
        await panel.servers.get(claim.server_id)
    except NotFound:
        return
    raise Refusal(
        f"Server {claim.server_id} is on panel {panel.name}, so it is not forgotten. Retry the action instead."
    )
