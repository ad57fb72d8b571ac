"""The end of a service's server: diagnostics with disk clearing, under a permit, proved before anybody else gets it."""

from datetime import timedelta
from typing import NoReturn

from answers.breaker import asking_anyway
from dcimanager.errors import PanelNotFound, PanelRefused, PanelUnreachable
from dcimanager.operations import Operation, OperationProgress
from dcimanager.servers import Server
from ledger import claims, permits
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Permit, Service
from runtime.driver import driving
from runtime.errors import Held, StepRefused
from runtime.ledger_time import require_one_time
from runtime.run_log import run_log
from runtime.steps import ARRIVAL_SECONDS, LOOKS_AFTER_LOSS, SETTLE_SECONDS, destroys, ensures
from tasks.caps import caps_of_destruction, held_past_cap
from tasks.identity import check_owner, claim_of, hardware_of, own_server
from tasks.operations import end, next_look, operation_of
from tasks.shared_hardware import shared_hardware
from tasks.whose import confirm_whose
from tasks.wish import confirm_wipe

WIPE_MINUTES = 75
"""The panel itself ends diagnostics after 60 minutes (docs/sources.md, panel 7.4); the rest covers its own queue."""


@ensures(
    "a permit to wipe",
    run_name="write the permit to wipe the server of service {service.service_id}",
    calls=("operation_end",),
)
async def permit_wipe(service: Service) -> int:
    """Write the one permit to wipe this one server and return its id; there is no way back from here (safety rule 4).

    A permit that was used by a run that was interrupted before it knew its wipe is voided and a new one written from
    fresh readings: whatever runs or ran there since may be that wipe, or diagnostics that somebody started by hand and
    that clear nothing. So is one after which something else ran on the server, and so it is after a wipe that was not
    proved, once a person let the service go on. An operation in the way, such as the panel's own check of a freed
    server, is ended.
    Held: WHMCS has the service for another client or does not show it as ended, the identity of the server cannot
    be proved, it has an owner, or so many were wiped within an hour that a person has to look.
    """
    drive = driving(service)
    service = await drive.fresh()
    present = await permits.current(drive.ledger, service.service_id, service.generation)
    server = await own_server(service)
    await confirm_wipe(service, present)
    if present is None or present.outcome is not None or present.operation_id is None:
        await confirm_whose(service)  # a wipe that runs already is only proved
    panel = await drive.panel()
    await check_owner(panel, server, None)
    if present is None or present.operation_id is None:
        await require_one_time(panel)
    if present is not None and present.outcome is None and present.used_at is not None:
        if present.operation_id is not None:
            return present.id
        while drive.elapsed(present.used_at).total_seconds() < ARRIVAL_SECONDS:
            await drive.sleep(SETTLE_SECONDS)
        server = await own_server(service)
        await _void(service, present)
    wipe_may_run = present is not None and present.outcome == "unproven"
    if server.operation is not None and server.operation.running and not wipe_may_run:
        await end(service, server.id, server.operation.id)
        server = await own_server(service)
    if present is not None and present.used_at is None and present.operation_before != _last_operation(server):
        await _void(service, present)
    claim = claim_of(service)
    if not claim.hardware.apart_from(await shared_hardware(await drive.panel())).identifies:
        raise Held(
            HoldReason.NO_IDENTITY,
            f"Server {server.id} had no serial number, MAC address or barcode of its own when it was activated, or "
            "another server of the panel shows the same by now.",
            server=server.id,
        )
    with held_past_cap(service):
        permit = await drive.write(
            permits.write,
            server_id=server.id,
            owner_before=claim.owner_id,
            owner_seen=None,
            hardware=hardware_of(server),
            operation_before=_last_operation(server),
            caps=caps_of_destruction(),
        )
    return permit.id


@destroys(
    "the disks of the permitted server",
    run_name="clear the disks of the server of service {service.service_id}",
    calls=("diagnostics",),
)
async def clear_disks(service: Service, permit_id: int) -> int:
    """Start diagnostics with the disk-clear option on the one server that the permit names; returns the operation's id.

    Everything in the permit is read afresh right before the call and must still be true. One permit, one use: when the
    answer is lost we look for the wipe at once and adopt it; when it is not there this run ends, and the next one wipes
    under a permit of its own.
    Source: DCImanager manual, Integration with WHMCS, "Service deletion", step 6.
    """
    drive = driving(service)
    service = await drive.fresh()
    permit = await _permit(service, permit_id)
    if permit.operation_id is not None:
        return permit.operation_id
    server = await own_server(service)  # state ERASING: no owner, recorded hardware, this service's claim
    if server.id != permit.server_id:
        raise Held(
            HoldReason.WIPE_UNPROVEN, f"The permit names server {permit.server_id}, the claim server {server.id}."
        )
    if server.operation is not None and server.operation.running:
        raise StepRefused(f"Server {server.id} is busy with operation {server.operation.id}. End it and press Retry.")
    if _last_operation(server) != permit.operation_before:
        # It could be taken for the wipe, should the wipe's answer be lost.
        raise StepRefused(f"Something ran on server {server.id} since its wipe was permitted. Press Retry.")
    await drive.write(permits.use, permit.id)
    panel = await drive.panel()
    try:
        started = (await panel.servers.run_diagnostics(permit.server_id, clear_disks=True)).operation_id
    except PanelUnreachable as lost:
        run_log().warning("The answer to the wipe of server %s was lost (%s): looking for it.", server.id, lost)
        started = None
    except PanelRefused:
        # No wipe came of it: diagnostics that somebody runs by hand until the re-run must not pass for one.
        await _void(service, permit)
        raise
    operation_id = started if started is not None else await _look_for_wipe(service, permit)
    await drive.write(permits.record_operation, permit.id, operation_id)
    run_log().info("server %s: diagnostics with disk clearing run as operation %s", server.id, operation_id)
    return operation_id


@ensures("the wipe is proved", run_name="wait until the disks of the server of service {service.service_id} are clear")
async def wait_until_clear(service: Service, permit_id: int) -> None:
    """Wait until the panel says that the permitted wipe finished, each of its steps too; anything else is no proof.

    Held: it failed, was ended, vanished, or took too long: the server goes to nobody (safety rule 5).
    """
    drive = driving(service)
    service = await drive.fresh()
    permit = await _permit(service, permit_id)
    if permit.operation_id is None or permit.used_at is None:
        raise StepRefused(f"The wipe of server {permit.server_id} was never started. Press Retry.")
    limit = timedelta(minutes=WIPE_MINUTES)
    server = await own_server(service)
    while True:
        operation = await _operation(service, permit, server, permit.operation_id)
        if operation is not None and not operation.running:
            if operation.progress is OperationProgress.FINISHED and operation.is_diagnostics is not False:
                if not operation.undone:
                    return
                await _unproven(service, permit, f"ended as {operation.status}, but {operation.undone}")
            await _unproven(service, permit, f"ended as {operation.status} ({operation.sentence()})")
        if drive.elapsed(permit.used_at) >= limit:
            note = "" if operation is None or not operation.word_note else f". {operation.word_note.rstrip('.')}"
            await _unproven(service, permit, f"was not finished after {WIPE_MINUTES} minutes{note}")
        server = await next_look(service, server, permit.operation_id, began=permit.used_at, limit=limit)


@ensures("the claim is released", run_name="give the server of service {service.service_id} back")
async def release_claim(service: Service, permit_id: int) -> None:
    """End the claim on the wiped server, in one commit with the service's last state (safety rule 1)."""
    drive = driving(service)
    await drive.write(
        claims.release,
        permit_id=permit_id,
    )


async def _permit(service: Service, permit_id: int) -> Permit:
    drive = driving(service)
    permit = await permits.current(drive.ledger, service.service_id, service.generation)
    if permit is None or permit.id != permit_id:
        raise StepRefused(f"Service {service.service_id} has no permit {permit_id}. Run its deletion again.")
    return permit


def _last_operation(server: Server) -> int | None:
    return None if server.operation is None else server.operation.id


def _wipe_of(permit: Permit, server: Server) -> Operation | None:
    """The wipe that this run asked for without hearing the answer: a newer operation that may be diagnostics."""
    operation = server.operation
    if operation is None or operation.id == permit.operation_before:
        return None
    return None if operation.is_diagnostics is False else operation


async def _look_for_wipe(service: Service, permit: Permit) -> int:
    drive = driving(service)
    lost: PanelUnreachable | None = None
    for _ in range(LOOKS_AFTER_LOSS):
        await drive.sleep(SETTLE_SECONDS)
        try:
            with asking_anyway():
                operation = _wipe_of(permit, await own_server(service))
        except PanelUnreachable as error:
            lost = error
            continue
        if operation is not None:
            return operation.id
        lost = None
    if lost is not None:
        raise Held(
            HoldReason.ANSWER_LOST,
            f"The answer to the wipe of server {permit.server_id} was lost and the panel could not be asked.",
            server=permit.server_id,
        ) from lost
    await _void(service, permit)
    raise StepRefused(f"The wipe of server {permit.server_id} did not start. Nothing was released; press Retry.")


async def _operation(service: Service, permit: Permit, server: Server, operation_id: int) -> Operation | None:
    try:
        return await operation_of(service, server, operation_id)
    except PanelNotFound:
        await _unproven(service, permit, "is gone from the panel")


async def _void(service: Service, permit: Permit) -> None:
    drive = driving(service)
    await drive.write(permits.void, permit.id)


async def _unproven(service: Service, permit: Permit, how: str) -> NoReturn:
    drive = driving(service)
    await drive.write(permits.unproven, permit.id)
    raise Held(
        HoldReason.WIPE_UNPROVEN,
        f"The disk clearing on server {permit.server_id} {how}.",
        server=permit.server_id,
        operation=permit.operation_id,
        permit=permit.id,
    )
