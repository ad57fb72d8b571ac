"""The OS installation: asked for once per attempt, watched, and ended when its time is over."""

from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn
from uuid import UUID

import httpx
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import TaskRunContext
from pydantic import JsonValue, SecretStr

from dcimanager.errors import PanelNotFound, PanelRefused, WrongCredentials
from dcimanager.operations import Operation, OperationProgress
from dcimanager.servers import Accepted, Server
from ledger import journal
from ledger.errors import CapReached
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Entry, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.clock import clock
from runtime.connections import connections
from runtime.driver import driving
from runtime.errors import Held, InstallationFailed, StepRefused
from runtime.run_log import run_log
from runtime.settings import settings
from runtime.steps import create_once, creates, ensures
from tasks import intents
from tasks.caps import wait_a_turn
from tasks.identity import own_server
from tasks.in_use import order_in_use
from tasks.operations import end, next_look, operation_of
from tasks.order import find_template, order_of
from tasks.progress import set_run_labels
from tasks.set_aside import note_good_end
from tasks.unknown_operations import require_no_clients_data
from tasks.write_back import root_password

WATCH = "watch-os-install/whmcs"
"""The deployment that follows an installation which the activation does not wait for."""


async def install_attempt(service: Service) -> int:
    """Which attempt at the installation is due: one more than those that were given up."""
    entries = await journal.entries(driving(service).ledger, service.service_id, service.generation)
    return 1 + sum(entry.step == StepName.OS_GIVEN_UP for entry in entries)


@creates(
    "an OS installation",
    run_name="install the OS on the server of service {service.service_id}, attempt {attempt}",
    calls=("os_install",),
)
async def deploy_os(service: Service, attempt: int) -> int:
    """Ask the panel for the installation and return its operation's id. The root password is WHMCS's, read here.

    While as many installations as the cap allows are under way on the panel it waits, without a slot.
    Refused: the template is unknown (with the nearest names), or the panel refuses the installation.
    Held: the answer was lost and looking did not work; or the server shows an OS that the ledger does not know, and no
    person allowed an installation over it.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 9.
    """
    while True:
        try:
            return await _deploy(service, attempt)
        except CapReached as full:
            await wait_a_turn(service, full)


async def _deploy(service: Service, attempt: int) -> int:
    """Ask for the installation. Raises CapReached: nothing was asked for."""
    drive = driving(service)
    service = await drive.fresh()
    order = order_of(service)
    panel = await drive.panel()
    server = await own_server(service)
    template = await find_template(panel, order, server.location_id, efi=server.efi)
    password = await root_password(service)
    await require_no_clients_data(service, server)
    before: dict[str, JsonValue] = {"operation": server.operation.id if server.operation else None}
    entry = await intents.record_intent(
        service,
        StepName.DEPLOY_OS,
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
        if seen is None or seen.id == (entry.before or {}).get("operation"):
            return None
        if seen.is_install is False:
            run_log().info(
                "server %s: operation %s is a %r, not an installation. If it is one, say so in [words.operation_type] "
                "(docs/dialect.md)",
                server.id,
                seen.id,
                seen.kind,
            )
            return None
        return seen.id

    async def send() -> int | None:
        await own_server(service)
        try:
            accepted = await install(service, server.id, template.id, password, order.hostname)
        except PanelRefused:
            # Nothing came of it: what somebody starts by hand until the re-run must not pass for ours.
            await journal.forget(drive.ledger, drive.driver, entry.key)
            raise
        return accepted.operation_id

    what = f"the OS installation on server {server.id}"
    operation_id = await create_once(look=look, send=send, what=what, lost_since=intents.lost_since(entry))
    await intents.record_result(service, entry, operation=operation_id)
    run_log().info("server %s installs %s: operation %s", server.id, template.name, operation_id)
    return operation_id


async def install(
    service: Service,
    server_id: int,
    template_id: int,
    password: SecretStr,
    hostname: str | None,
    ssh_key_id: int | None = None,
) -> Accepted:
    """Ask the panel once; where it refuses, and a host name was ordered, once more without that.

    A refusal says that nothing began, and a host name is optional: it keeps no client from their server.
    """
    panel = await driving(service).panel()
    try:
        return await panel.servers.install_os(
            server_id, template_id=template_id, password=password, hostname=hostname, ssh_key_id=ssh_key_id
        )
    except (PanelNotFound, WrongCredentials):
        raise
    except PanelRefused as refused:
        if hostname is None:
            raise
        await own_server(service)
        try:
            accepted = await panel.servers.install_os(
                server_id, template_id=template_id, password=password, hostname=None, ssh_key_id=ssh_key_id
            )
        except PanelRefused:
            raise refused from None
        run_log().warning(
            "server %s is installed without the host name %r, which the panel refused: %s",
            server_id,
            hostname,
            refused.message,
        )
        return accepted


@ensures(
    "the OS is installed",
    run_name="wait for the OS on the server of service {service.service_id}",
    calls=("operation_end",),
)
async def wait_for_os(service: Service) -> None:
    """Watch the installation until it is over; end it on the panel when the product's time-out is.

    The time counts from when the panel took the installation on, as the ledger has it: a restart does not reset it.
    InstallationFailed: it failed, or its time was over. The server stays with the service, a re-run installs again.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 10.
    """
    drive = driving(service)
    service = await drive.fresh()
    order = await order_in_use(service)
    entry = await intents.latest(service, StepName.DEPLOY_OS)
    if entry is None or entry.result is None:
        raise StepRefused(f"No OS installation of service {service.service_id} is known. Run its activation again.")
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
                await note_good_end(service)
                return
            if not operation.running:
                ended = operation.progress is OperationProgress.ENDED
                how = "was ended, by somebody or by the panel itself" if ended else "failed"
                await _give_up(service, entry, f"{how} ({operation.sentence()})", server.id)
        if drive.elapsed(began) >= limit:
            if operation is not None and operation.running:
                await end(service, server.id, operation_id)
            minutes = order.os_install_timeout_minutes
            await _give_up(service, entry, f"did not finish within {minutes} minutes and was ended", server.id)
        meanwhile = partial(progress.show, operation) if operation and operation.percent is None else None
        server = await next_look(service, server, operation_id, began=began, limit=limit, meanwhile=meanwhile)


async def _operation(service: Service, entry: Entry, server: Server, operation_id: int) -> Operation | None:
    """Our operation; None: the panel did not answer this time.

    Raises Held: another operation took its place and how ours ended is unknown. Once a person lets the service go
    back, the next activation installs again.
    """
    try:
        return await operation_of(service, server, operation_id)
    except PanelNotFound:
        await intents.record_intent(service, StepName.OS_GIVEN_UP, attempt=entry.attempt)
        raise Held(
            HoldReason.INSTALLATION_REPLACED,
            f"Operation {operation_id} (our OS installation) on server {server.id} is gone from the panel.",
            server=server.id,
            operation=operation_id,
        ) from None


async def _give_up(service: Service, entry: Entry, how: str, server_id: int) -> NoReturn:
    await intents.record_intent(service, StepName.OS_GIVEN_UP, attempt=entry.attempt)
    which = "reinstallation" if driving(service).action == "reinstall" else "activation"
    raise InstallationFailed(
        f"The OS installation on server {server_id} {how}. The server stays with service {service.service_id}: "
        f"press Retry on its {which} to install again, or terminate it."
    )


@ensures(
    "somebody watches the installation", run_name="hand the installation of service {service.service_id} to a watcher"
)
async def hand_to_watcher(service: Service, attempt: int) -> None:
    """Start the run that waits for the installation in place of this one; asked twice by one run, it is one run.

    A later activation of the same attempt starts a watcher of its own: the first one may have died.

    Source: DCImanager manual, Integration with WHMCS, "Don't wait the OS install".
    """
    drive = driving(service)
    parameters: dict[str, JsonValue] = {"service_id": service.service_id, "panel": service.panel, "requested_by": "api"}
    key = f"watch-{service.service_id}-{drive.driver.request_id}-{attempt}-{drive.driver.epoch}"
    await set_run_labels(next_run=await connections().start_run(WATCH, parameters, key))


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
