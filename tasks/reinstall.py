"""A client's server gets another OS, or the same one anew: what is on its disks is lost, so it needs a permit.

Everything is looked at three times: before anything is written, at the permit, and right before the panel is asked.
"""

from dataclasses import dataclass

from pydantic import SecretStr

from dcimanager.errors import PanelRefused
from dcimanager.os_templates import OsTemplate
from dcimanager.servers import Server
from ledger import journal, reinstalls, requests
from ledger.errors import CapReached, LedgerUnavailable
from ledger.orders import host_name, same_host
from ledger.snapshots import ReinstallPermit, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.alerts import emit_alert, reinstall_cap_alert
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.ledger_time import require_one_time
from runtime.run_log import run_log
from runtime.settings import settings
from runtime.steps import ARRIVAL_SECONDS, SETTLE_SECONDS, create_once, destroys, ensures, reads
from tasks.caps import caps_of_destruction, wait_a_turn
from tasks.expiry import require_in_time
from tasks.identity import claim_of, hardware_of, own_server
from tasks.in_use import name_in_use, order_in_use
from tasks.order import template_for
from tasks.os_install import install
from tasks.shared_hardware import shared_hardware
from tasks.unknown_operations import require_no_clients_data
from tasks.wish import confirm_overwrite
from tasks.write_back import put_back_password, renew_password

WHAT = "The reinstallation"

INSTALLS = frozenset({"activate", "watch-os-install"})
"""What else goes on from INSTALLING: where a reinstallation stands there, only that may go on with it."""


@dataclass(frozen=True)
class Wanted:
    """What a reinstallation was asked for with. os_template: None is that of the one which is not over."""

    os_template: str | None
    hostname_typed: str | None
    by: str


async def require_no_reinstallation(service: Service, action: str) -> None:
    """Keep activations from going on with what is a reinstallation. Raises StepRefused."""
    if action in INSTALLS and await _under_way(service) is not None:
        raise StepRefused(
            f"The reinstallation of service {service.service_id} is not over, so {action} does nothing. Press Retry on "
            "the reinstallation, or terminate the service."
        )


@reads("it may be reinstalled", run_name="check what service {service.service_id} is to be reinstalled with")
async def check_reinstall(service: Service, wanted: Wanted) -> bool:
    """Look before anything is written whether the server may be installed over, and with this template.

    False: this very run has done it already, and only its end was lost. Refused: it was asked for long ago, or before
    another reinstallation; the host name that was typed is not the service's; WHMCS does not have the service as
    Active; the template is not there for this server, or not for clients.
    """
    if await _is_done(service):
        run_log().info("service %s was reinstalled by this run already: nothing to do", service.service_id)
        return False
    permit = await _under_way(service)
    if service.state is State.INSTALLING and permit is None:
        raise StepRefused(
            f"The activation of service {service.service_id} is not over, so there is nothing to reinstall. Press "
            "Retry on its activation."
        )
    await order_in_use(service)  # refused now where it cannot be
    if permit is not None and driving(service).asked_first < permit.asked_at:
        raise StepRefused(
            f"Service {service.service_id} is being reinstalled with {permit.os_template}, which was asked for later "
            "than this. Press Retry on that one."
        )
    _require_fresh(service, wanted)
    await _confirm(service, wanted)
    await _template(service, await own_server(service), _name(wanted, permit), wanted.by)
    return True


@ensures("a permit to install over it", run_name="write the permit to reinstall service {service.service_id}")
async def permit_reinstall(service: Service, wanted: Wanted) -> int:
    """Write the one permit to install this one template over this one server and return its id (safety rule 4).

    One that was used by a run that was interrupted leads to what it started; where that is nothing, a minute later, it
    is withdrawn, and a new one is written from fresh readings. After an installation that failed there is a new one,
    too. Refused: as `check_reinstall`; an operation runs on the server; nothing identifies it; so many servers were
    reinstalled within a day that a person has to look. Held: its identity differs, or it shows an OS that is newer
    than the reinstallation that has failed.
    """
    drive = driving(service)
    service = await drive.fresh()
    permit = await _under_way(service)
    if permit is not None and not await _is_given_up(service, permit):
        if permit.operation_id is not None or await _found(service, permit):
            if wanted.os_template not in (None, permit.os_template):
                run_log().warning(
                    "service %s: %s is installed already; ask again after it", service.service_id, permit.os_template
                )
            return permit.id
        await drive.write(reinstalls.withdraw, permit.id)
        if permit.used_at is not None:
            run_log().warning(
                "an earlier try to reinstall service %s was interrupted before the panel was asked: until this one is "
                "done, WHMCS may show a new password, and the server has its old one",
                service.service_id,
            )
        service = await drive.fresh()
    name = _name(wanted, permit)
    _require_fresh(service, wanted)
    await _confirm(service, wanted)
    panel = await drive.panel()
    await require_one_time(panel)
    server = await own_server(service)
    _require_idle(server)
    template = await _template(service, server, name, wanted.by)
    if service.state is State.INSTALLING:
        await require_no_clients_data(service, server)
    claim = claim_of(service)
    if not claim.hardware.apart_from(await shared_hardware(panel)).identifies:
        raise StepRefused(
            f"Server {server.id} has no serial number, MAC address or barcode of its own, so nothing is installed over "
            "it. Look at it on the panel."
        )
    try:
        permit = await drive.write(
            reinstalls.write,
            server_id=server.id,
            os_template=template.name,
            owner_seen=claim.owner_id,
            hardware=hardware_of(server),
            operation_before=_last(server),
            asked_at=drive.asked_first,
            caps=caps_of_destruction(),
        )
    except CapReached as full:
        emit_alert(reinstall_cap_alert(service, full))
        raise StepRefused(
            f"{full} No more are reinstalled today; nothing was touched. If they are all meant, move "
            "DCIFLOW_CAP_REINSTALLS_PER_DAY for every worker and restart them (docs/operate.md, Caps)."
        ) from None
    return permit.id


@destroys(
    "what is on the permitted server's disks",
    run_name="install over the server of service {service.service_id}",
    calls=("os_install",),
)
async def overwrite_os(service: Service, permit_id: int, ssh_key_id: int | None = None) -> int:
    """Have the panel install the permitted template over the server, with a new password; returns the operation's id.

    The password is made here and kept by WHMCS, as that of an activation; where the panel was not asked after all, or
    refused, the one before is put back, and the service is ACTIVE as it was. While as many installations as the cap
    allows are under way on the panel it waits, but not for longer than a wish lasts.
    Held: the answer was lost and looking did not work.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 9.
    """
    while True:
        try:
            return await _overwrite(service, permit_id, ssh_key_id)
        except CapReached as full:
            await wait_a_turn(service, full)


async def _overwrite(service: Service, permit_id: int, ssh_key_id: int | None) -> int:
    """Raises CapReached: nothing was touched."""
    drive = driving(service)
    service = await drive.fresh()
    permit = await reinstalls.current(drive.ledger, service.service_id, service.generation)
    if permit is None or permit.id != permit_id:
        raise StepRefused(f"Service {service.service_id} has no permit {permit_id} to be reinstalled. Ask for it anew.")
    if permit.operation_id is not None:
        return permit.operation_id
    if service.state is State.ACTIVE:
        require_in_time(WHAT)
    server = await _as_permitted(service, permit)
    template = await _template(service, server, permit.os_template, "admin")  # whose it is was asked at the permit
    record = await confirm_overwrite(service)  # with the server's own password, before any answer may be lost
    hostname = host_name(record.domain) or (await order_in_use(service)).hostname
    await drive.write(reinstalls.begin, permit.id, installations_at_most=settings().cap_installations)
    was_asked = False

    async def look() -> int | None:
        seen = (await own_server(service)).operation if was_asked else None
        return None if seen is None or seen.id == permit.operation_before or seen.is_install is False else seen.id

    async def send() -> int | None:
        nonlocal was_asked
        await _as_permitted(service, permit)
        was_asked = True
        try:
            return (await install(service, server.id, template.id, password, hostname, ssh_key_id)).operation_id
        except PanelRefused:
            was_asked = False
            raise

    try:
        password = await renew_password(service, record.password)
        what = f"the OS installation on server {server.id}"
        operation_id = await create_once(look=look, send=send, what=what, lost_since=None)
    except Exception as failed:
        if not was_asked and not await _take_back(service, permit, record.password):
            raise StepRefused(
                f"{failed} Service {service.service_id} was not reinstalled, and WHMCS may show a password that its "
                "server does not have: the run's log says what to do."
            ) from failed
        raise
    await drive.write(reinstalls.started, permit.id, operation_id)
    run_log().info("server %s is reinstalled with %s: operation %s", server.id, template.name, operation_id)
    return operation_id


async def _take_back(service: Service, permit: ReinstallPermit, password: SecretStr) -> bool:
    """Leave the service as it was. False: WHMCS may show a wrong password, which no further start may take for it."""
    try:
        await driving(service).write(reinstalls.withdraw, permit.id)
    except LedgerUnavailable:
        await put_back_password(service, password)  # the next start withdraws, and no longer knows the password
        raise
    return await put_back_password(service, password)


async def _under_way(service: Service) -> ReinstallPermit | None:
    """The permit of the reinstallation that the service's INSTALLING is; None: it is none."""
    if service.state is not State.INSTALLING:
        return None
    return await reinstalls.current(driving(service).ledger, service.service_id, service.generation)


async def _is_done(service: Service) -> bool:
    """Whether the service is in use again by what this flow run has installed: one wish installs once."""
    if service.state is not State.ACTIVE:
        return False
    drive = driving(service)
    permit = await reinstalls.current(drive.ledger, service.service_id, service.generation)
    if permit is None or permit.operation_id is None:
        return False
    before, now = [await requests.get(drive.ledger, one) for one in (permit.request_id, drive.driver.request_id)]
    return before is not None and now is not None and before.flow_run_id == now.flow_run_id


async def _is_given_up(service: Service, permit: ReinstallPermit) -> bool:
    entry = await journal.latest(driving(service).ledger, service.service_id, service.generation, StepName.OS_GIVEN_UP)
    return entry is not None and entry.attempt == permit.attempt


async def _found(service: Service, permit: ReinstallPermit) -> bool:
    """Whether the panel shows what an interrupted run asked for; it gets a minute to appear, and is noted."""
    drive = driving(service)
    if permit.used_at is None:
        return False
    while True:
        seen = (await own_server(service)).operation
        if seen is not None and seen.id != permit.operation_before and seen.is_install is not False:
            await drive.write(reinstalls.started, permit.id, seen.id)
            return True
        if drive.elapsed(permit.used_at).total_seconds() >= ARRIVAL_SECONDS:
            return False
        await drive.sleep(SETTLE_SECONDS)


def _require_fresh(service: Service, wanted: Wanted) -> None:
    """A client's OS is overwritten by a wish of now that names what is installed and what for. Raises StepRefused."""
    if service.state is not State.ACTIVE:
        return
    if wanted.os_template is None or wanted.hostname_typed is None:
        raise StepRefused(
            f"Service {service.service_id} is in use: to reinstall it, name the OS template and type its host name."
        )
    require_in_time(WHAT)


def _name(wanted: Wanted, permit: ReinstallPermit | None) -> str:
    return wanted.os_template or (permit.os_template if permit is not None else "")


async def _confirm(service: Service, wanted: Wanted) -> None:
    """The host name that was typed is the service's, as WHMCS has it now, and WHMCS has it as Active."""
    record = await confirm_overwrite(service)
    typed = wanted.hostname_typed
    if typed is None and service.state is State.INSTALLING and wanted.by != "client":
        return
    if not same_host(typed or "", await name_in_use(service, record)):
        raise StepRefused(
            f"The host name that was typed is not that of service {service.service_id}. Nothing was touched: type the "
            "name that its page shows, and look whether it is the server that you mean."
        )


def _require_idle(server: Server) -> None:
    if server.operation is not None and server.operation.running:
        raise StepRefused(
            f"Server {server.id} is busy with operation {server.operation.id}. Nothing was touched: wait for its end, "
            "then ask for the reinstallation again."
        )


async def _as_permitted(service: Service, permit: ReinstallPermit) -> Server:
    """The server, read now: still the client's, the machine of the permit, and nothing ran there since."""
    server = await own_server(service)
    _require_idle(server)
    if server.id != permit.server_id or _last(server) != permit.operation_before:
        raise StepRefused(
            f"Something ran on server {server.id} since its reinstallation was permitted. It was not installed over: "
            "look at it, then ask again."
        )
    return server


def _last(server: Server) -> int | None:
    return None if server.operation is None else server.operation.id


async def _template(service: Service, server: Server, name: str, by: str) -> OsTemplate:
    order = (await order_in_use(service)).model_copy(update={"os_template": name})
    return await template_for(await driving(service).panel(), order, server, by_client=by == "client")
