"""What a person decided on a HELD service, carried out: the ledger first, then the run that goes on from there."""

import secrets
from datetime import datetime
from typing import TypedDict, assert_never
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, JsonValue

from dcimanager.errors import PanelNotFound
from dcimanager.servers import Server
from ledger import decisions, journal, leftovers, releases, requests, restored, services
from ledger.errors import DecidedAlready, ServiceNotFound
from ledger.hold_reasons import HoldReason
from ledger.snapshots import FIRST_LEFTOVER, Choice, Claim, Decision, Request, Service
from ledger.states import State
from ledger.step_names import StepName
from ledger.through_whmcs import command_for, refused_through_whmcs
from runtime.clock import clock
from runtime.connections import connections, ledger, panel_named, whmcs_api
from runtime.driver import ERRANDS
from runtime.errors import Held, StepRefused
from runtime.incarnation import require_one
from runtime.run_log import run_log
from runtime.steps import ensures
from tasks.held.agreement import agreement_for
from tasks.held.hand_over import hand_over
from tasks.identity import check_owner, hardware_of
from whmcs.errors import WhmcsError

RETRIED_AS = {
    "watch-os-install": "activate",
    "reconcile": None,
    "rehearse": None,
    "hand-over": None,
    restored.ACTION: None,
}
"""Only an activation installs again what its watcher saw fail. A reconciliation comes again by itself, a rehearsal is
started by the person who watches it."""


class DecisionRequest(BaseModel):
    """One decision as a person made it."""

    model_config = ConfigDict(frozen=True)

    choice: Choice
    who: str
    why: str
    past_cap: bool = False
    held_at: datetime | None = None
    """The hold that the person looked at; None: whichever it is by now."""
    flow_run_id: str | None = None
    """The run that carries it out, if one does: a second try of it goes on with its own decision."""
    asked_through: str | None = None
    """The WHMCS installation that it came through, as the door knows it; None: it came from a person here."""


@ensures("the decision is carried out", run_name="carry out what was decided on service {service_id}")
async def carry_out(service_id: int, verdict: DecisionRequest) -> str:
    """Keep the decision, let the service leave HELD and start the run that goes on; returns a line that says so.

    After an interruption in between, a second try only starts that run.
    Refused: there is no reason given, the decision does not fit, it came through WHMCS and might destroy, or the panel
    contradicts it. Raises LedgerError.
    """
    if not (verdict.who.strip() and verdict.why.strip()):
        raise StepRefused(f"A decision on service {service_id} needs a name and a reason: both are kept.")
    await require_one()
    service = await services.get(ledger(), service_id)
    if service is None:
        raise ServiceNotFound(service_id)
    held = await requests.last_held(ledger(), service_id)
    if verdict.asked_through is not None:
        verdict = _through_whmcs(service, held, verdict)
    try:
        await _decide(service, held, verdict)
    except DecidedAlready:
        if verdict.flow_run_id is None or not await decided_by(verdict.flow_run_id, service_id):
            raise
    decided = await last_decision(service_id)
    if decided is None:
        raise AssertionError(f"the decision on service {service_id} was not kept")
    action = _action(verdict.choice, held)
    for leftover in await leftovers.of_service(ledger(), service_id) if verdict.choice == "another-server" else []:
        await start("terminate", leftover, service.panel, f"leftover-{leftover}-{secrets.token_hex(8)}", verdict.who)
        run_log().info("service %s: its old server is taken back as leftover %s", service_id, leftover)
    left = f"Service {service_id} is {decided.state} again"
    if action is None:
        return f"{left}. Nothing was started."
    await start(action, service_id, service.panel, f"decided-{service_id}-{_own(verdict)}", verdict.who)
    return f"{left}; {action} is started."


def _through_whmcs(service: Service, held: Request | None, verdict: DecisionRequest) -> DecisionRequest:
    """The decision, bound to the hold that was weighed. Raises StepRefused: WHMCS may not decide that (rule 23)."""
    if service.state is State.HELD:
        refused = refused_through_whmcs(service, held, verdict.choice, verdict.past_cap)
    elif verdict.choice == "another-server":  # the one that needs no hold
        refused = f"Service {service.service_id}: another-server is not decided through WHMCS, since it wipes the old "
        refused += f"one. Nothing was decided. Type: {command_for(service.service_id, verdict.choice)}."
    else:
        refused = None  # nothing is left to decide, which `_decide` says, or this run's second try
    if refused is not None:
        raise StepRefused(refused)
    return verdict.model_copy(update={"held_at": verdict.held_at or service.held_at})


def _own(verdict: DecisionRequest) -> str:
    """What names the decision alone, even in a ledger that was restored: its run finds what it started before.

    A command is carried out once: its second try finds the service decided.
    """
    return verdict.flow_run_id or str(uuid4())


async def last_decision(service_id: int) -> Decision | None:
    """The newest decision on a service."""
    return next(reversed(await decisions.of_service(ledger(), service_id)), None)


async def decided_by(flow_run_id: str, service_id: int) -> bool:
    """Whether the newest decision on a service is that run's."""
    newest = await last_decision(service_id)
    return newest is not None and newest.flow_run_id == flow_run_id


async def start(action: str, service_id: int, panel: str, key: str, who: str) -> None:
    """Start a lifecycle's run in the name of a person; asked twice with one key, it is one run.

    Raises PrefectUnreachable.
    """
    asked: dict[str, JsonValue] = {"service_id": service_id, "panel": panel, "requested_by": "admin", "who": who}
    await connections().start_run(f"{action}/whmcs", asked, key)


async def bring_back(service_id: int, *, who: str, why: str) -> str:
    """Give a service its server back during its wipe delay; returns a line that says so.

    An ACTIVE one is put back on the network by a run of its own, unless WHMCS has it as suspended by now.
    Raises LedgerError, PrefectUnreachable.
    """
    await require_one()
    was = await releases.bring_back(ledger(), service_id, who=who, why=why, now=clock().now())
    if service_id >= FIRST_LEFTOVER:
        return f"Leftover {service_id} is {was} again, and its client's. Its wipe: start terminate/whmcs for it."
    if was is not State.ACTIVE:
        return f"Service {service_id} is SUSPENDED again, as it was before its deletion."
    service = await services.get(ledger(), service_id)
    if service is None:
        raise ServiceNotFound(service_id)
    if await _is_suspended_in_whmcs(service_id):
        return (
            f"Service {service_id} is brought back and stays SUSPENDED, off the network, as WHMCS has it: press "
            "Unsuspend there when it is to go on."
        )
    await start("unsuspend", service_id, service.panel, f"brought-back-{service_id}-{uuid4()}", who)
    return f"Service {service_id} is brought back; unsuspend is started, which switches its ports on."


async def _is_suspended_in_whmcs(service_id: int) -> bool:
    """Whether WHMCS says so. If it does not answer, the client is put back on the network (safety rule 8)."""
    try:
        return (await (await whmcs_api()).services.get(service_id)).meaning.desired == "suspended"
    except WhmcsError as error:
        run_log().warning("service %s: WHMCS was not asked whether it is suspended: %s", service_id, error)
        return False


class _Given(TypedDict):
    """What every decision in the ledger is kept with."""

    who: str
    why: str
    now: datetime
    held_at: datetime | None
    flow_run_id: str | None


async def _decide(service: Service, held: Request | None, verdict: DecisionRequest) -> None:
    given: _Given = {
        "who": verdict.who,
        "why": verdict.why,
        "now": clock().now(),
        "held_at": verdict.held_at,
        "flow_run_id": verdict.flow_run_id,
    }
    agreed = None
    if service.held_reason == HoldReason.RESTORED and not _installs_again(verdict.choice, held):
        agreed = await agreement_for(service, verdict.choice, starts=_action(verdict.choice, held))
    if verdict.choice == "another-server":  # also for an activation that failed again and again and is not HELD
        await leftovers.give_another_server(ledger(), service.service_id, **given)
        return
    if service.state is not State.HELD or service.held_from is None:
        raise DecidedAlready(f"Service {service.service_id} is {service.state}, not HELD: there is nothing to decide.")
    match verdict.choice:
        case "release" | "retry" | "terminate":
            if verdict.choice == "retry" and held is None:
                raise StepRefused(
                    f"No run of service {service.service_id} is known to have stopped: release it instead."
                )
            if verdict.choice == "retry" and held is not None and held.action in ERRANDS:
                raise StepRefused(
                    f"Service {service.service_id} was stopped while {held.action} was done, and what exactly was "
                    "asked for is not kept: release it, then ask for it again in WHMCS."
                )
            to = State.RELEASING if _takes_back(verdict.choice, service.held_from) else service.held_from
            if verdict.choice == "release" and agreed is not None:
                to = agreed.state
            await decisions.leave_hold(
                ledger(),
                service.service_id,
                to=to,
                choice=verdict.choice,
                past_cap=verdict.past_cap,
                agreed=agreed,
                **given,
            )
        case "accept-hardware":
            server = await _server_of(service)
            await decisions.accept_hardware(
                ledger(),
                service.service_id,
                hardware=hardware_of(server),
                **given,
            )
        case "forget-server":
            if service.held_reason != HoldReason.RESTORED:
                await _make_sure_it_is_gone(service)
            await decisions.forget_server(ledger(), service.service_id, **given)
        case "hand-over":
            await hand_over(service, **given)
        case other:
            assert_never(other)


def _installs_again(choice: Choice, held: Request | None) -> bool:
    """Whether a retry goes on with an installation: before that goes over anything it looks, and wants a permit."""
    return choice == "retry" and _action(choice, held) in ("activate", "reinstall")


def _takes_back(choice: Choice, came_from: State) -> bool:
    """Whether the service becomes RELEASING. A wipe that has begun is proved from where it is."""
    return choice == "terminate" and came_from is not State.ERASING


def _action(choice: Choice, held: Request | None) -> str | None:
    match choice:
        case "retry":
            return None if held is None else RETRIED_AS.get(held.action, held.action)
        case "terminate":
            return None if held is not None and held.action == "rehearse" else "terminate"
        case "another-server":
            return "activate"
        case _:
            return None


def _claim(service: Service) -> Claim:
    if service.claim is None:
        raise StepRefused(f"Service {service.service_id} has no server: release it, or retry.")
    return service.claim


async def _server_of(service: Service) -> Server:
    """The claimed server as the panel shows it, still the service's by its owner.

    Raises StepRefused: not so, or gone.
    """
    claim, panel = _claim(service), await panel_named(service.panel)
    try:
        server = await panel.servers.get(claim.server_id)
    except PanelNotFound:
        raise StepRefused(
            f"Server {claim.server_id} is not on panel {panel.name}: there is no hardware to accept."
        ) from None
    taken_off = service.held_from is State.RELEASING and await journal.latest(
        ledger(), service.service_id, service.generation, StepName.CLEAR_OWNER
    )
    nobodys = service.held_from is State.ERASING or (taken_off and server.owner_email is None)
    try:
        await check_owner(panel, server, None if nobodys else claim.owner_id)
    except Held as other:
        raise StepRefused(f"{other.text} Put the owner right first; nothing was accepted.") from None
    return server


async def _make_sure_it_is_gone(service: Service) -> None:
    claim, panel = _claim(service), await panel_named(service.panel)
    try:
        await panel.servers.get(claim.server_id)
    except PanelNotFound:
        return
    raise StepRefused(
        f"Server {claim.server_id} is on panel {panel.name}, so it is not forgotten. Retry the action instead."
    )
