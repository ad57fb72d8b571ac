"""The OS installation: asked for once per attempt, watched, and ended when its time is over."""

from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn
from uuid import UUID

import httpx
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import TaskRunContext
from pydantic import JsonValue

from dcimanager.errors import NotFound, Refused
from dcimanager.operations import Operation, OperationProgress
from dcimanager.servers import Server
from ledger import journal
from ledger.errors import CapReached
from ledger.lifecycle import State
from ledger.snapshots import Entry, Service
from tasks import intents
from tasks.billing import root_password
from tasks.caps import wait_a_turn
from tasks.clock import clock
from tasks.connections import connections, ledger, panel_named
from tasks.effects import creates, ensures, make_once
from tasks.identity import driver_of, fresh, own_server
from tasks.log import run_log
from tasks.operations import GIVEN_UP, INSTALL, end, next_look, operation_of
from tasks.orders import find_template, order_of
from tasks.outcomes import Held, InstallationFailed, Reason, Refusal
from tasks.progress import label
from tasks.settings import settings

WATCH = "watch-os-install/whmcs"
"""The deployment that follows an installation which the activation does not wait for."""


async def install_attempt(service: Service) -> int:
    """Which attempt at the installation is due: one more than those that were given up."""
    entries = await journal.entries(ledger(), service.service_id, service.generation)
    return 1 + sum(entry.step == GIVEN_UP for entry in entries)


@creates(
    "an OS installation", run_name="install the OS on the server of service {service.service_id}, attempt {attempt}"
)
async def deploy_os(service: Service, attempt: int) -> int:
    """Ask the panel for the installation and return its operation's id. The root password is WHMCS's, read here.

    While as many installations as the cap allows are under way on the panel it waits for its turn, without a seat.
    Refused: the template is unknown (with the nearest names), or the panel refuses the installation.
    Held: the answer was lost and looking did not work.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 9.
    """
    while True:
        try:
            return await _deploy(service, attempt)
        except CapReached as full:
            await wait_a_turn(service, full)


async def _deploy(service: Service, attempt: int) -> int:
    """Ask for the installation. Raises CapReached: nothing was asked for."""
    service = await fresh(service)
    order = order_of(service)
    panel = await panel_named(service.panel)
    server = await own_server(service)
    template = await find_template(panel, order, server.location_id)
    password = await root_password(service)
    before: dict[str, JsonValue] = {"operation": server.operation.id if server.operation else None}
    entry = await intents.note(
        service,
        INSTALL,
        attempt=attempt,
        before=before,
        advance_to=State.INSTALLING,
        installations_at_most=settings().cap_installations,
    )
    if entry.result is not None:
        # Whatever runs on the server by now: what was asked for once is not installed over.
        return int(str(entry.result["operation"]))

    async def look() -> int | None:
        seen = (await own_server(service)).operation
        if seen is None or seen.id == (entry.before or {}).get("operation") or seen.is_install is False:
            return None
        return seen.id

    async def send() -> int | None:
        await own_server(service)
        try:
            accepted = await panel.servers.install_os(
                server.id, template_id=template.id, password=password, hostname=order.hostname
            )
        except Refused:
            # Nothing came of it: what somebody starts by hand until the re-run must not pass for ours.
            await journal.forget(ledger(), driver_of(service), entry.key)
            raise
        return accepted.operation_id

    what = f"the OS installation on server {server.id}"
    operation_id = await make_once(look=look, send=send, what=what, lost_since=intents.lost_since(entry))
    await intents.done(service, entry, operation=operation_id)
    run_log().info("server %s installs %s: operation %s", server.id, template.name, operation_id)
    return operation_id


@ensures("the OS is installed", run_name="wait for the OS on the server of service {service.service_id}")
async def wait_for_os(service: Service) -> None:
    """Watch the installation until it is over; end it on the panel when the product's time-out is.

    The time counts from when the panel took the installation on, as the ledger has it: a restart does not reset it.
    InstallationFailed: it failed, or its time was over. The server stays with the service, a re-run installs again.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 10.
    """
    service = await fresh(service)
    order = order_of(service)
    entry = await intents.latest(service, INSTALL)
    if entry is None or entry.result is None:
        raise Refusal(f"No OS installation of service {service.service_id} is known. Run its activation again.")
    operation_id = int(str(entry.result["operation"]))
    began = entry.settled_at or entry.noted_at
    limit = timedelta(minutes=order.os_install_timeout_minutes)
    progress = ProgressBar(service, began, limit)
    server = await own_server(service)
    while True:
        operation = await _operation(service, entry, server, operation_id)
        if operation is not None:
            await progress.show(operation)
            if operation.progress is OperationProgress.FINISHED:
                run_log().info("server %s: the installation is finished", server.id)
                return
            if not operation.running:
                await _give_up(service, entry, f"failed ({operation.sentence()})", server.id)
        if clock().elapsed(began) >= limit:
            if operation is not None and operation.running:
                await end(service, server.id, operation_id)
            minutes = order.os_install_timeout_minutes
            await _give_up(service, entry, f"did not finish within {minutes} minutes and was ended", server.id)
        meanwhile = partial(progress.show, operation) if operation and operation.percent is None else None
        server = await next_look(service, server, operation_id, began=began, limit=limit, meanwhile=meanwhile)


async def _operation(service: Service, entry: Entry, server: Server, operation_id: int) -> Operation | None:
    """Our operation; None: the panel did not answer this time.

    Raises Held: another operation took its place and how ours ended cannot be told. Once a person lets the service go
    back, the next activation installs again.
    """
    try:
        return await operation_of(service, server, operation_id)
    except NotFound:
        await intents.note(service, GIVEN_UP, attempt=entry.attempt)
        raise Held(
            Reason.INSTALLATION_REPLACED,
            f"Operation {operation_id} (our OS installation) on server {server.id} is gone from the panel.",
            server=server.id,
            operation=operation_id,
        ) from None


async def _give_up(service: Service, entry: Entry, how: str, server_id: int) -> NoReturn:
    await intents.note(service, GIVEN_UP, attempt=entry.attempt)
    raise InstallationFailed(
        f"The OS installation on server {server_id} {how}. The server stays with service {service.service_id}: "
        "press Retry on its activation to install again, or terminate it."
    )


@ensures(
    "somebody watches the installation", run_name="hand the installation of service {service.service_id} to a watcher"
)
async def hand_to_watcher(service: Service, attempt: int) -> None:
    """Start the run that waits for the installation in place of this one; asked twice by one run, it is one run.

    A later activation of the same attempt starts a watcher of its own: the first one may have died.

    Source: DCImanager manual, Integration with WHMCS, "Don't wait the OS install".
    """
    parameters: dict[str, JsonValue] = {"service_id": service.service_id, "panel": service.panel, "requested_by": "api"}
    key = f"watch-{service.service_id}-{service.generation}-{attempt}-{driver_of(service).epoch}"
    await label(next_run=await connections().start_run(WATCH, parameters, key))


class ProgressBar:
    """The installation's progress in the run's artifacts; outside of a run it shows nothing."""

    def __init__(self, service: Service, began: datetime, limit: timedelta) -> None:
        self.service = service
        self.began = began
        self.limit = limit
        self.artifact: UUID | None = None
        self.shown: float | None = None

    async def show(self, operation: Operation) -> None:
        """Show the panel's own percentage, else the share of the allowed time that is over, never quite 100."""
        if TaskRunContext.get() is None:
            return
        share = min(clock().elapsed(self.began) / self.limit, 0.99) * 100
        percent = float(operation.percent) if operation.percent is not None else round(share, 1)
        if percent == self.shown:
            return
        self.shown = percent
        text = f"Installing the OS for service {self.service.service_id}: {operation.sentence()}"
        try:
            await self._draw(percent, text)
        except httpx.HTTPError as error:  # a bar that cannot be drawn must not end an installation
            run_log().warning("the progress bar could not be drawn: %s", type(error).__name__)

    async def _draw(self, percent: float, text: str) -> None:
        if self.artifact is None:
            key = f"os-install-service-{self.service.service_id}"
            made = await acreate_progress_artifact(progress=percent, key=key, description=text)
            self.artifact = made if isinstance(made, UUID) else None
        else:
            await aupdate_progress_artifact(artifact_id=self.artifact, progress=percent, description=text)
