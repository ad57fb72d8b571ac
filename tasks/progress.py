"""How far a run is, for WHMCS's own pages: labels on the flow run, and a word to WHMCS that there is news.

WHMCS's module reads nothing of ours but runs and variables in Prefect, so what it shows stands there: ids, addresses
and words, no secret and no personal data. Its cron looks every few minutes anyway; being told makes it quick.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Any

import httpx
from prefect import Flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.objects import State as RunState
from prefect.context import FlowRunContext

from ledger.snapshots import Service
from tasks.connections import billing
from tasks.effects import ensures
from tasks.identity import fresh
from tasks.log import EXPECTED, run_log

PREFIX = "dciflow."

WHMCS_SEES = timedelta(seconds=4)
"""Of what ends sooner the module need not be told: it waits 8 s for the end of a run, beginning before it starts it."""

WATCHER = "watch-os-install"
"""The flow that goes on where an activation handed over, in a run of its own for which no command waits."""


class Progress(StrEnum):
    """How far an activation is, in the words that a client reads."""

    RESERVED = "reserved"
    """The client owns a server; ports, power and addresses come next."""
    INSTALLING = "installing"
    """The server is configured, and its OS is being installed."""
    READY = "ready"
    """WHMCS has the server's data."""


@ensures(
    "WHMCS can show how far it is", run_name="show in WHMCS that the server of service {service.service_id} is {step}"
)
async def show_progress(service: Service, step: Progress) -> None:
    """Label the run with the step and what the ledger knows of the server, and have WHMCS look. Never ends the run."""
    await label(step=str(step), **facts_of(await fresh(service)))
    await tell(service.service_id)


def facts_of(service: Service) -> dict[str, str | int]:
    """What WHMCS's pages show of the service's server, as the ledger has it."""
    facts: dict[str, str | int] = {}
    if service.claim is not None:
        facts |= {"server": service.claim.server_id, "serial": service.claim.serial or ""}
        if service.claim.owner_id is not None:
            facts["owner"] = service.claim.owner_id
    if service.order is not None:
        facts["os"] = service.order.os_template
    return facts


async def label(**facts: str | int) -> None:
    """Put facts on the current flow run; outside of one, do nothing. What Prefect does not take is left out."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        async with get_client() as client:
            await client.update_flow_run_labels(
                context.flow_run.id, {f"{PREFIX}{name}": value for name, value in facts.items()}
            )
    except httpx.HTTPError as error:  # WHMCS then shows less, which must not end a run
        run_log().warning("the run could not be labelled: %s", type(error).__name__)


async def tell(service_id: int) -> None:
    """Have WHMCS look at the service's run. A WHMCS that does not listen looks by itself at its next cron."""
    try:
        await (await billing()).module.sync(service_id)
    except EXPECTED as error:
        run_log().info("WHMCS was not told of service %s (%s): it looks by itself at its next cron", service_id, error)


async def tell_the_end(flow: "Flow[..., Any]", flow_run: FlowRun, state: "RunState[Any]") -> None:
    """Have WHMCS look at a run that has ended, unless it waits for it anyway. A hook of the flow."""
    service_id = flow_run.parameters.get("service_id")
    if not isinstance(service_id, int) or flow_run.created is None:
        return
    is_seen = flow.name != WATCHER and state.timestamp - flow_run.created < WHMCS_SEES
    if not is_seen:
        await tell(service_id)
