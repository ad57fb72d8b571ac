"""Operations on the service's server: end one that is in the way, never our own installation; wait for one of ours."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from dcimanager.errors import PanelUnreachable
from dcimanager.operations import Operation
from dcimanager.servers import Server
from ledger.snapshots import Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.run_log import run_log
from runtime.slots import slot_released
from runtime.steps import ensures
from tasks import intents
from tasks.already import so_already
from tasks.identity import own_server, until
from tasks.unknown_operations import require_no_clients_data

ENDING_SECONDS = 300
"""An ended operation has to leave PXE and reboot; the panel shows it ended within a few minutes."""

HIDDEN_SECONDS = 15.0
"""How often we ask for an operation that the server does not show (any more): there is nothing to watch."""

MEANWHILE_SECONDS = 60.0
"""Often enough for a bar that shows minutes."""


@ensures(
    "no operation runs",
    run_name="end an operation that runs on the server of service {service.service_id}",
    calls=("operation_end",),
)
async def end_running_operation(service: Service) -> None:
    """End the operation that runs on the server, if any; this activation's own OS installation is left alone.

    Held: an activation finds an OS installation that the ledger does not know: it may be for the server's client.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 6, and "Service deletion", step 3.
    """
    drive = driving(service)
    server = await own_server(service)
    operation = server.operation
    if operation is None or not operation.running:
        return
    service = await drive.fresh()
    if await _is_own_installation(service, server):
        run_log().info("operation %s on server %s is our own installation: left alone", operation.id, server.id)
        return
    if service.state is not State.RELEASING:
        await require_no_clients_data(service, server)
    await end(service, server.id, operation.id)


async def end(service: Service, server_id: int, operation_id: int) -> None:
    """End one operation and wait until it is over. Raises StepRefused: it would not end."""
    drive = driving(service)
    panel = await drive.panel()
    await so_already(
        panel.operations.end(server_id, operation_id),
        partial(_is_over, service, operation_id),
        what=f"ending operation {operation_id} on server {server_id}",
    )
    run_log().info("operation %s on server %s asked to end", operation_id, server_id)
    await until(
        service,
        lambda seen: seen.operation is None or seen.operation.id != operation_id or not seen.operation.running,
        within_seconds=ENDING_SECONDS,
        otherwise=_does_not_end,
    )


async def _is_over(service: Service, operation_id: int) -> bool:
    operation = (await own_server(service)).operation
    return operation is None or operation.id != operation_id or not operation.running


def _does_not_end(server: Server) -> str:
    what = "An operation" if server.operation is None else f"Operation {server.operation.id}"
    note = "" if server.operation is None else server.operation.word_note
    do = note or "End it on the panel."
    return f"{what} on server {server.id} does not end. {do} Then press Retry."


async def operation_of(service: Service, server: Server, operation_id: int) -> Operation | None:
    """An operation as the server shows it, else as the panel keeps it; None: the panel did not answer this time.

    Raises PanelNotFound: the panel no longer has it.
    """
    drive = driving(service)
    if server.operation is not None and server.operation.id == operation_id:
        return server.operation
    panel = await drive.panel()
    try:
        return await panel.operations.get(server.id, operation_id)
    except PanelUnreachable:
        return None


async def next_look(
    service: Service,
    seen: Server,
    operation_id: int,
    *,
    began: datetime,
    limit: timedelta,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Server:
    """The service's server, read afresh once the panel shows it otherwise than it was seen, or the limit is reached.

    Until then this costs neither calls of its own nor the ledger; `meanwhile` is done every minute. A panel that
    cannot be reached is waited for until the limit.
    Raises what `own_server` raises; PanelUnreachable: so it is at the limit.
    """
    drive = driving(service)
    panel = await drive.panel()
    shown = seen.operation is not None and seen.operation.id == operation_id
    at_most = (MEANWHILE_SECONDS if meanwhile else limit.total_seconds()) if shown else HIDDEN_SECONDS
    while True:
        waited = drive.elapsed(began)
        left = (limit - waited).total_seconds()
        try:
            async with slot_released():
                changed = await panel.watch.until_changed(
                    seen, waited=waited.total_seconds(), left=left, at_most=at_most
                )
            if changed or not shown or drive.elapsed(began) >= limit:
                return await own_server(service)
        except PanelUnreachable:
            if drive.elapsed(began) >= limit:
                raise
        else:
            if meanwhile is not None:
                await meanwhile()


async def _is_own_installation(service: Service, server: Server) -> bool:
    """Whether the running operation is the one that this generation asked for, also without hearing the answer."""
    if service.state not in (State.PREPARING, State.INSTALLING) or server.operation is None:
        return False
    entry = await intents.latest(service, StepName.DEPLOY_OS)
    given_up = await intents.latest(service, StepName.OS_GIVEN_UP)
    if entry is None or (given_up is not None and given_up.attempt == entry.attempt):
        return False
    if entry.result is not None:
        return entry.result["operation"] == server.operation.id
    before = (entry.before or {}).get("operation")
    return server.operation.id != before and server.operation.is_install is not False
