"""The service card: what the ledger knows of a service, as an artifact that staff read beside the run's log."""

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext

from ledger import services
from ledger.snapshots import Service
from tasks.connections import ledger
from tasks.log import run_log


async def show_card(service_id: int) -> None:
    """Write the service's card into the current run's artifacts; outside of a run, do nothing."""
    if FlowRunContext.get() is None:
        return
    try:
        service = await services.get(ledger(), service_id)
        if service is not None:
            await acreate_markdown_artifact(key=f"service-{service_id}", markdown=card(service))
    except Exception as error:
        # The work is done or not; a picture of it that cannot be drawn must not change what the run says.
        run_log().warning("the card of service %s could not be written: %s", service_id, type(error).__name__)


def card(service: Service) -> str:
    """The card's text. Values from outside are shown as code, so that they cannot be read as markup."""
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
    if service.held_reason:
        rows["HELD because"] = code(service.held_reason)
        rows["Evidence"] = code(service.held_evidence or "")
    lines = [f"# Service {service.service_id}", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows.items())])


def code(text: str) -> str:
    """A value from outside, inert in markdown."""
    return "`" + "".join(c for c in text if c.isprintable()).replace("`", "'").replace("|", "/") + "`"
