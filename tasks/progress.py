"""How far a run is, for WHMCS's own pages: labels on the flow run, and a call that makes WHMCS look at them.

WHMCS's module reads nothing of ours but runs and variables in Prefect, so what it shows stands there: ids, addresses
and words, no secret and no personal data. Its cron looks every few minutes anyway; the call makes it quick.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Any, TypedDict, Unpack

import httpx
from prefect import Flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.objects import State as RunState
from prefect.context import FlowRunContext

from ledger.snapshots import FIRST_LEFTOVER, Service
from runtime.connections import whmcs_api
from runtime.driver import ERRANDS, driving
from runtime.plain_text import one_line
from runtime.run_log import EXPECTED, run_log
from runtime.steps import ensures

PREFIX = "dciflow."

WHMCS_SEES = timedelta(seconds=4)
"""Runs shorter than this are not announced: the PHP command that started them is still polling (8 s)."""

LONGEST_LABEL = 200
"""Characters of a label that the panel or an order wrote: WHMCS's pages show it in one line."""

UNSEEN = (ERRANDS - {"change-order", "sign-in"}) | {"watch-os-install", "reinstall"}
"""The flows whose runs no command of WHMCS waits for: a press is answered as soon as the run is started."""


class Progress(StrEnum):
    """How far an activation is, in the words that a client reads."""

    RESERVED = "reserved"
    """The client owns a server; ports, power and addresses come next."""
    INSTALLING = "installing"
    """The server is configured, and its OS is being installed."""
    READY = "ready"
    """WHMCS has the server's data."""


class Labels(TypedDict, total=False):
    """Every label that WHMCS's module reads, without the prefix; whmcs-module/contract.json says what each means."""

    step: str
    state: str
    held: str
    server: int
    serial: str
    owner: int
    addresses: str
    os: str
    username: str
    power: str
    sealed_key: str
    next_run: str


@ensures(
    "WHMCS can show how far it is", run_name="show in WHMCS that the server of service {service.service_id} is {step}"
)
async def show_progress(service: Service, step: Progress) -> None:
    """Label the run with the step and what the ledger knows of the server, and have WHMCS look. Never ends the run."""
    labels = facts_of(await driving(service).fresh())
    labels["step"] = str(step)
    await set_run_labels(**labels)
    await notify_whmcs(service.service_id)


def facts_of(service: Service) -> Labels:
    """What WHMCS's pages show of the service's server, as the ledger has it."""
    facts: Labels = {}
    if service.claim is not None:
        facts["server"] = service.claim.server_id
        facts["serial"] = one_line(service.claim.hardware.serial or "", LONGEST_LABEL)
        if service.claim.owner_id is not None:
            facts["owner"] = service.claim.owner_id
    if service.order is not None:
        facts["os"] = one_line(service.order.os_template, LONGEST_LABEL)
    return facts


async def set_run_labels(**facts: Unpack[Labels]) -> bool:
    """Put facts on the current flow run; outside of one, do nothing. False: Prefect did not take them."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return True
    labels: dict[str, bool | int | float | str] = {
        f"{PREFIX}{name}": value for name, value in facts.items() if isinstance(value, str | int)
    }
    try:
        async with get_client() as client:
            await client.update_flow_run_labels(context.flow_run.id, labels)
    except httpx.HTTPError as error:  # WHMCS then shows less, which must not end a run
        run_log().warning("the run could not be labelled: %s", type(error).__name__)
        return False
    return True


async def notify_whmcs(service_id: int) -> None:
    """Have WHMCS look at the service's run. A WHMCS that does not listen looks by itself at its next cron."""
    if service_id >= FIRST_LEFTOVER:
        return
    try:
        await (await whmcs_api()).module.sync(service_id)
    except EXPECTED as error:
        run_log().info("WHMCS was not notified of service %s (%s): its cron will look", service_id, error)


async def notify_whmcs_of_end(flow: "Flow[..., Any]", flow_run: FlowRun, state: "RunState[Any]") -> None:
    """Have WHMCS look at a run that has ended, unless it waits for it anyway. A hook of the flow."""
    service_id = flow_run.parameters.get("service_id")
    if not isinstance(service_id, int) or flow_run.created is None:
        return
    is_seen = flow.name not in UNSEEN and state.timestamp - flow_run.created < WHMCS_SEES
    if not is_seen:
        await notify_whmcs(service_id)
