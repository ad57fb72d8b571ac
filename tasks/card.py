"""The service card: what the ledger knows of a service, as an artifact that staff read beside the run's log."""

from collections.abc import Sequence
from datetime import datetime

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext

from ledger import decisions, requests, services
from ledger.snapshots import Decision, Service
from tasks.connections import ledger
from tasks.log import run_log
from tasks.outcomes import PRESS, Reason
from tasks.run import run_link


async def show_card(service_id: int) -> None:
    """Write the service's card into the current run's artifacts; outside of a run, do nothing."""
    if FlowRunContext.get() is None:
        return
    try:
        service = await services.get(ledger(), service_id)
        if service is not None:
            made = await decisions.of_service(ledger(), service_id)
            await acreate_markdown_artifact(key=f"service-{service_id}", markdown=card(service, made))
    except Exception as error:
        # The work is done or not; a picture of it that cannot be drawn must not change what the run says.
        run_log().warning("the card of service %s could not be written: %s", service_id, type(error).__name__)


def card(service: Service, made: Sequence[Decision] = ()) -> str:
    """The card's text, with what persons decided of the service. Values from outside are shown as code, inert."""
    rows = {
        "State": f"**{service.state}**",
        "Panel": code(service.panel),
        "Generation": str(service.generation),
    }
    if service.claim is not None:
        rows["Server"] = str(service.claim.server_id)
        rows["Serial number"] = code(service.claim.serial or "not told by the panel")
        rows["Owner (panel user)"] = str(service.claim.owner_id or "not set yet")
    if service.order is not None:
        rows["Configuration"] = code(service.order.configuration)
        rows["OS template"] = code(service.order.os_template)
        rows["Addresses"] = f"{service.order.ipv4_count} from {code(service.order.ip_pool)}"
    if service.protected_at is not None:
        rows["Protected"] = f"since {_moment(service.protected_at)}: no automation suspends or terminates it"
    if service.way_back is not None and service.releasing_since is not None and service.order is not None:
        rows["Wipe delay"] = (
            f"{service.order.wipe_delay_hours} h from {_moment(service.releasing_since)}; until then "
            f"`dciflow bring-back {service.service_id}` gives it back"
        )
    if service.held_reason:
        rows["HELD because"] = code(service.held_reason)
        rows["HELD since"] = "" if service.held_at is None else _moment(service.held_at)
        rows["It was"] = str(service.held_from)
        rows["Evidence"] = code(service.held_evidence or "")
        rows["Press, once you have looked"] = ", ".join(f"`{way}`" for way in ways_out(service))
    for number, one in enumerate(made, start=1):
        rows[f"Decision {number}"] = f"{one.choice} by {code(one.who)} on {_moment(one.at)}: {code(one.why)}"
    lines = [f"# Service {service.service_id}", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items())])


async def held_card(service: Service) -> str:
    """The card with the run that stopped there: what a person needs who decides."""
    text = card(service, await decisions.of_service(ledger(), service.service_id))
    stopped = await requests.last_held(ledger(), service.service_id)
    if stopped is None:
        return text
    return (
        f"{text}\n| It stopped in | {stopped.action}, {_moment(stopped.opened_at)}: {run_link(stopped.flow_run_id)} |"
    )


def ways_out(service: Service) -> tuple[str, ...]:
    """The decisions that fit the service's reason, the usual one first."""
    return PRESS.get(Reason(service.held_reason), ("release",)) if service.held_reason in set(Reason) else ("release",)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def code(text: str) -> str:
    """A value from outside, inert in markdown."""
    return "`" + "".join(c for c in text if c.isprintable()).replace("`", "'").replace("|", "/") + "`"
