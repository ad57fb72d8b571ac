"""Operations on the service's server: end one that is in the way, never our own installation; wait for one of ours."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from dcimanager.errors import Unreachable
from dcimanager.operations import Operation
from dcimanager.servers import Server
from ledger.caps import GIVEN_UP_STEP, INSTALL_STEP
from ledger.lifecycle import State
from ledger.snapshots import Service
from tasks import intents
from tasks.clock import clock
from tasks.connections import panel_named
from tasks.effects import ensures
from tasks.identity import fresh, own_server, until
from tasks.log import run_log
from tasks.seat import away

INSTALL = INSTALL_STEP
"""The journal's word for this generation's OS installations, one entry per attempt."""

GIVEN_UP = GIVEN_UP_STEP
"""The journal's word for an attempt that failed or whose time was over: the next one installs again."""

ENDING_SECONDS = 300
"""An ended operation has to leave PXE and reboot; the panel shows it ended within a few minutes."""

HIDDEN_SECONDS = 15.0
"""How often we ask for an operation that the server does not show (any more): there is nothing to watch."""

MEANWHILE_SECONDS = 60.0
"""Often enough for a bar that shows minutes."""


@ensures("no operation runs", run_name="end an operation that runs on the server of service {service.service_id}")
async def end_running_operation(service: Service) -> None:
    """End the operation that runs on the server, if any; this activation's own OS installation is left alone.

    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 6, and "Service deletion", step 3.
    """
    server = await own_server(service)
    operation = server.operation
    if operation is None or not operation.running:
        return
    if await _is_own_installation(await fresh(service), server):
        run_log().info("operation %s on server %s is our own installation: left alone", operation.id, server.id)
        return
    await end(service, server.id, operation.id)


async def end(service: Service, server_id: int, operation_id: int) -> None:
    """End one operation and wait until it is over. Raises Refusal: it would not end."""
    panel = await panel_named(service.panel)
    await panel.operations.end(server_id, operation_id)
    run_log().info("operation %s on server %s asked to end", operation_id, server_id)
    await until(
        service,
        lambda seen: seen.operation is None or seen.operation.id != operation_id or not seen.operation.running,
        within_seconds=ENDING_SECONDS,
        otherwise=f"Operation {operation_id} on server {server_id} does not end. End it on the panel and press Retry.",
    )


async def operation_of(service: Service, server: Server, operation_id: int) -> Operation | None:
    """An operation as the server shows it, else as the panel keeps it; None: the panel did not answer this time.

    Raises NotFound: the panel no longer has it.
    """
    if server.operation is not None and server.operation.id == operation_id:
        return server.operation
    panel = await panel_named(service.panel)
    try:
        return await panel.operations.get(server.id, operation_id)
    except Unreachable:
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
    Raises what `own_server` raises; Unreachable: so it is at the limit.
    """
    panel = await panel_named(service.panel)
    shown = seen.operation is not None and seen.operation.id == operation_id
    at_most = (MEANWHILE_SECONDS if meanwhile else limit.total_seconds()) if shown else HIDDEN_SECONDS
    while True:
        waited = clock().elapsed(began)
        left = (limit - waited).total_seconds()
        try:
            async with away():
                changed = await panel.watch.until_changed(
                    seen, waited=waited.total_seconds(), left=left, at_most=at_most
                )
            if changed or not shown or clock().elapsed(began) >= limit:
                return await own_server(service)
        except Unreachable:
            if clock().elapsed(began) >= limit:
                raise
        else:
            if meanwhile is not None:
                await meanwhile()


async def _is_own_installation(service: Service, server: Server) -> bool:
    """Whether the running operation is the one that this generation asked for, also without hearing the answer."""
    if service.state not in (State.PREPARING, State.INSTALLING) or server.operation is None:
        return False
    entry = await intents.latest(service, INSTALL)
    given_up = await intents.latest(service, GIVEN_UP)
    if entry is None or (given_up is not None and given_up.attempt == entry.attempt):
        return False
    if entry.result is not None:
        return entry.result["operation"] == server.operation.id
    before = (entry.before or {}).get("operation")
    return server.operation.id != before and server.operation.is_install is not False
