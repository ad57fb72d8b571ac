"""The panel's rescue system: a server is booted into it, and into its own OS again. Its disks stay as they are.

Whether a server is in it, the panel says. Where it does not, the journal says whether it was started, and that counts
until another operation ran on the server.
"""

from dcimanager.errors import PanelRefused, PanelUnreachable
from dcimanager.operations import OperationProgress
from dcimanager.os_templates import OsTemplate
from dcimanager.servers import Power, Server
from ledger import journal
from ledger.rescues import STEPS, standing
from ledger.snapshots import Entry, Service
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.run_log import run_log
from runtime.steps import LOOKS_AFTER_LOSS, SETTLE_SECONDS, ensures
from tasks import intents
from tasks.already import so_already
from tasks.expiry import require_in_time
from tasks.identity import own_server, until
from tasks.order import is_there
from tasks.power import POWER_SECONDS
from tasks.write_back import root_password

START_SECONDS = 1800
"""The system is loaded over the network and booted: minutes, and longer where many servers load at once."""

WHAT = "The rescue system"


@ensures(
    "the server is booted into the rescue system",
    run_name="boot the server of service {service.service_id} into the rescue system",
    calls=("rescue_start", "rescue_leave"),  # nobody is led in who could not be led out
)
async def start_rescue(service: Service, by: str) -> None:
    """Have the panel boot the server into its rescue system, once, unless it is in it. No disk is written.

    Its password is the service's own, which WHMCS has and the server's OS keeps; it is read here and kept nowhere.
    Refused: an operation runs there; the panel has no such template for this server, or none that clients may use; it
    was asked for long ago; the answer was lost, now or in an earlier try of this run; the panel says no.
    Source: docs/sources.md, panel 7.5.
    """
    drive = driving(service)
    noted = await _noted(service)
    server = await own_server(service)
    earlier = _of_this_run(service, noted, StepName.RESCUE)
    if earlier is not None:
        if earlier.state != "done":
            await _adopt(service, earlier, "An earlier try of this run was interrupted")
        return
    if _is_in_rescue(server, standing(noted)):
        run_log().info("server %s is in the rescue system already", server.id)
        return
    template = await _template(service, server, by)
    password = await root_password(service)
    require_in_time(WHAT)
    server = await own_server(service)
    _require_idle(server, None)
    last = None if server.operation is None else server.operation.id
    entry = await intents.record_intent(
        service,
        StepName.RESCUE,
        attempt=_next(noted, StepName.RESCUE),
        before={"run": drive.flow_run_id, "operation": last},
    )
    panel = await drive.panel()
    try:
        started = await panel.servers.start_rescue(server.id, template_id=template.id, password=password)
    except PanelRefused:
        await journal.forget(drive.ledger, drive.driver, entry.key)
        raise
    except PanelUnreachable as lost:
        await _adopt(service, entry, f"The panel's answer was lost ({lost})")
        return
    await intents.record_result(service, entry, operation=started.operation_id)
    run_log().info("server %s: booting %s", server.id, template.name)


@ensures("the rescue system runs", run_name="wait for the rescue system of service {service.service_id}")
async def wait_for_rescue(service: Service) -> None:
    """Wait until the server is in the rescue system, for half an hour at most.

    Refused: it does not get there, or the panel shows an operation that is no start of a rescue system.
    """
    entry = standing(await _noted(service))
    if entry is None:
        return
    server = await until(
        service,
        lambda seen: _has_begun(seen, entry) is not None,
        within_seconds=START_SECONDS,
        otherwise=lambda seen: (
            f"The panel does not show server {seen.id} in the rescue system after {START_SECONDS // 60} minutes. "
            f"{_word_note(seen)}Look at it there."
        ),
    )
    if not _has_begun(server, entry):
        said = "an operation" if server.operation is None else f"operation {server.operation.id}"
        how = "" if server.operation is None else f" ({server.operation.sentence()})"
        raise StepRefused(
            f"Server {server.id} did not get into the rescue system: the panel shows {said}{how}. Look at it there; "
            "leaving the rescue system boots its own OS."
        )
    run_log().info("server %s is in the rescue system", server.id)


@ensures(
    "the server has left the rescue system",
    run_name="boot the server of service {service.service_id} into its own OS again",
    calls=("rescue_leave",),
)
async def leave_rescue(service: Service) -> None:
    """Have the panel boot the server into its own OS, once, if it may be in the rescue system; wait until it has power.

    Refused: another operation runs there; it was asked for long ago; the answer was lost, now or in an earlier try of
    this run; the panel says no; it does not leave, or stays off.
    Source: docs/sources.md, panel 7.5.
    """
    noted = await _noted(service)
    server = await own_server(service)
    earlier = _of_this_run(service, noted, StepName.RESCUE_LEFT)
    if earlier is None:
        start = standing(noted)
        if not may_be_in_rescue(server, start):
            run_log().info("server %s is not in the rescue system", server.id)
            return
        _require_idle(server, start)
        require_in_time(WHAT)
        await _send_leave(service, server, _next(noted, StepName.RESCUE_LEFT))
    elif earlier.state != "done":
        if server.in_rescue is not False:
            raise StepRefused(_maybe("An earlier try of this run was interrupted", "left the rescue system"))
        await intents.record_result(service, earlier)
    await until(
        service,
        lambda seen: seen.in_rescue is not True and seen.power is not Power.OFF,
        within_seconds=POWER_SECONDS,
        otherwise=lambda seen: (
            f"Server {seen.id} {'is still in the rescue system' if seen.in_rescue else 'is still off'} ten minutes "
            "after it was to leave it. Look at it on the panel."
        ),
    )
    run_log().info("server %s has left the rescue system", server.id)


def may_be_in_rescue(server: Server, start: Entry | None) -> bool:
    """Whether the server is in the rescue system, or may be: the panel does not tell, and nothing ran since then."""
    if server.in_rescue is not None or start is None:
        return server.in_rescue is True
    return server.operation is None or server.operation.id in (_operation(start), (start.before or {}).get("operation"))


async def _send_leave(service: Service, server: Server, attempt: int) -> None:
    drive = driving(service)
    entry = await intents.record_intent(
        service, StepName.RESCUE_LEFT, attempt=attempt, before={"run": drive.flow_run_id}
    )
    panel = await drive.panel()

    async def has_left() -> bool | None:
        seen = (await own_server(service)).in_rescue
        return None if seen is None else not seen

    what = f"leading server {server.id} out of the rescue system"
    try:
        await so_already(panel.servers.leave_rescue(server.id), has_left, what=what)
    except PanelRefused:
        await journal.forget(drive.ledger, drive.driver, entry.key)
        raise
    except PanelUnreachable as lost:
        for _ in range(LOOKS_AFTER_LOSS):
            await drive.sleep(SETTLE_SECONDS)
            if await has_left():
                break
        else:
            raise StepRefused(_maybe(f"The panel's answer was lost ({lost})", "left the rescue system")) from None
    await intents.record_result(service, entry)


async def _adopt(service: Service, entry: Entry, why: str) -> None:
    """Take the start that the panel shows by now for ours. Raises StepRefused: it shows none."""
    for _ in range(LOOKS_AFTER_LOSS):
        await driving(service).sleep(SETTLE_SECONDS)
        server = await own_server(service)
        operation = server.operation
        is_new = operation is not None and operation.id != (entry.before or {}).get("operation")
        if server.in_rescue or (
            operation is not None and is_new and not (operation.is_install or operation.is_diagnostics)
        ):
            await intents.record_result(service, entry, operation=operation.id if operation is not None else None)
            return
    raise StepRefused(_maybe(why, "been booted into the rescue system"))


def _has_begun(server: Server, entry: Entry) -> bool | None:
    """Whether the start is over: well, or badly; None: not yet, as far as the panel shows."""
    operation = server.operation
    if server.in_rescue:
        return True
    if operation is None or operation.id == (entry.before or {}).get("operation"):
        return None
    if operation.is_install or operation.is_diagnostics or operation.id != (_operation(entry) or operation.id):
        return False
    if operation.running:
        return None
    if operation.progress is not OperationProgress.FINISHED:
        return False
    return None if server.in_rescue is False else True


def _is_in_rescue(server: Server, start: Entry | None) -> bool:
    """Whether it certainly is, so that there is nothing to start."""
    if server.in_rescue is not None:
        return server.in_rescue
    return start is not None and start.state == "done" and _has_begun(server, start) is True


async def _template(service: Service, server: Server, by: str) -> OsTemplate:
    panel = await driving(service).panel()
    kind = panel.os_templates.rescue_kind
    fit = [
        one
        for one in await panel.os_templates.all()
        if (one.kind or "").casefold() == kind.casefold()
        and is_there(one.location_id, server)
        and not (server.efi and one.efi is False)
        and not (by == "client" and one.admin_only)
    ]
    if not fit:
        raise StepRefused(
            f"Panel {panel.name} has no template of the kind {kind!r} for server {server.id}"
            f"{' that clients may use' if by == 'client' else ''}. Nothing was changed: add one there, or correct the "
            "kind in [rescue_start] (docs/dialect.md)."
        )
    return min(fit, key=lambda one: one.location_id != server.location_id)


def _require_idle(server: Server, start: Entry | None) -> None:
    """Raises StepRefused: an operation runs that is not this start's own."""
    operation = server.operation
    if operation is not None and operation.running and (start is None or operation.id != _operation(start)):
        raise StepRefused(
            f"Server {server.id} is busy with operation {operation.id}. Nothing was changed: wait for its end, then "
            "ask again."
        )


async def _noted(service: Service) -> list[Entry]:
    noted = await journal.entries(driving(service).ledger, service.service_id, service.generation)
    return [entry for entry in noted if entry.step in STEPS]


def _of_this_run(service: Service, noted: list[Entry], step: StepName) -> Entry | None:
    run = driving(service).flow_run_id
    return next((one for one in noted if one.step == step and (one.before or {}).get("run") == run), None)


def _next(noted: list[Entry], step: StepName) -> int:
    return max((entry.attempt for entry in noted if entry.step == step), default=0) + 1


def _operation(entry: Entry) -> int | None:
    found = (entry.result or {}).get("operation")
    return found if isinstance(found, int) else None


def _maybe(why: str, what: str) -> str:
    return f"{why}: the server may have {what}, or not. Look whether it has; if not, ask for it again."


def _word_note(server: Server) -> str:
    note = "" if server.operation is None else server.operation.word_note
    return f"{note.rstrip('.')}. " if note else ""
