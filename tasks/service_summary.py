"""The service summary: what the ledger knows of a service, as an artifact that staff read beside the run's log."""

from collections.abc import Sequence
from datetime import datetime

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext

from ledger import decisions, requests, services
from ledger.hold_reasons import PRESS, HoldReason
from ledger.leftovers import IN_ACTIVATION
from ledger.snapshots import Decision, Request, Service
from ledger.states import State
from runtime.connections import ledger
from runtime.errors import LONGEST_EVIDENCE
from runtime.flow_run import run_link
from runtime.markdown import code
from runtime.run_log import run_log
from tasks.wipe_delay import wipe_delay


async def show_service_summary(service_id: int) -> None:
    """Write the service's summary into the current run's artifacts; outside of a run, do nothing."""
    if FlowRunContext.get() is None:
        return
    try:
        service = await services.get(ledger(), service_id)
        if service is not None:
            made = await decisions.of_service(ledger(), service_id)
            asked = await requests.last_of(ledger(), service_id)
            text = service_summary(service, made, asked)
            await acreate_markdown_artifact(key=f"service-{service_id}", markdown=text)
    except Exception as error:
        # The work is done or not; a picture of it that cannot be drawn must not change what the run says.
        run_log().warning("the summary of service %s could not be written: %s", service_id, type(error).__name__)


def service_summary(service: Service, made: Sequence[Decision] = (), asked: Request | None = None) -> str:
    """The summary's text, with what was asked for last and what persons decided. Values from outside are inert code."""
    rows = {
        "State": f"**{service.state}**",
        "Panel": code(service.panel),
        "Generation": str(service.generation),
    }
    if service.client_id is not None:
        rows["WHMCS client"] = f"{service.client_id}, order {service.order_id or 'unknown'}, registered " + code(
            service.registered or "unknown"
        )
    if service.claim is not None:
        rows["Server"] = str(service.claim.server_id)
        rows["Serial number"] = code(service.claim.hardware.serial or "unknown to the panel")
        rows["Owner (panel user)"] = str(service.claim.owner_id or "not set yet")
        if service.claim.powered_off_at is not None:
            off = _moment(service.claim.powered_off_at)
            rows["Power"] = f"switched off by a suspension on {off}; an unsuspension switches it on"
        if service.claim.suspends_at is not None and service.state is State.ACTIVE:
            rows["Suspension"] = f"on {_moment(service.claim.suspends_at)}, if WHMCS still wants it then"
    if service.order is not None:
        rows["Configuration"] = code(service.order.configuration)
        rows["OS template"] = code(service.order.os_template)
        rows["Addresses"] = f"{service.order.ipv4_count} from {code(service.order.ip_pool)}"
    if asked is not None:
        rows["Asked for last"] = f"{asked.action} on {_moment(asked.opened_at)} by {code(asked.asked_by)}"
    if service.protected_at is not None:
        rows["Protected"] = f"since {_moment(service.protected_at)}: no automation suspends or terminates it"
    if service.way_back is not None and service.releasing_since is not None:
        rows["Wipe delay"] = (
            f"{wipe_delay(service).total_seconds() / 3600:.0f} h from {_moment(service.releasing_since)}; until then "
            f"`dciflow bring-back {service.service_id}` gives it back"
        )
    if service.held_reason:
        rows["HELD because"] = code(service.held_reason)
        rows["HELD since"] = "" if service.held_at is None else _moment(service.held_at)
        rows["It was"] = str(service.held_from)
        rows["Evidence"] = code(service.held_evidence or "", LONGEST_EVIDENCE)
        rows["Press, once you have looked"] = ", ".join(f"`{way}`" for way in ways_out(service))
    for number, one in enumerate(made, start=1):
        rows[f"Decision {number}"] = f"{one.choice} by {code(one.who)} on {_moment(one.at)}: {code(one.why)}"
    lines = [f"# Service {service.service_id}", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items())])


async def held_summary(service: Service) -> str:
    """The summary with the run that stopped: what a person needs to decide."""
    made = await decisions.of_service(ledger(), service.service_id)
    text = service_summary(service, made, await requests.last_of(ledger(), service.service_id))
    stopped = await requests.last_held(ledger(), service.service_id)
    if stopped is None:
        return text
    return (
        f"{text}\n| It stopped in | {stopped.action}, {_moment(stopped.opened_at)}, asked for by "
        f"{code(stopped.asked_by)}: {run_link(stopped.flow_run_id)} |"
    )


def ways_out(service: Service) -> tuple[str, ...]:
    """The decisions that fit the service's reason, the usual one first."""
    ways = PRESS.get(HoldReason(service.held_reason)) if service.held_reason in set(HoldReason) else None
    claim = service.claim
    is_unused = claim is not None and claim.active_since is None  # else INSTALLING is a reinstallation's
    is_midway = service.held_from in IN_ACTIVATION and is_unused and service.is_known_to_whmcs
    return (*(ways or ("release",)), *(("another-server",) if is_midway else ()))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
