"""Power of the service's server."""

from dcimanager.errors import PanelRefused, PanelUnreachable
from dcimanager.servers import Power
from ledger import journal
from ledger.snapshots import Entry, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.run_log import run_log
from runtime.steps import creates, ensures, reads
from tasks.already import so_already
from tasks.expiry import require_in_time
from tasks.identity import own_server, until
from tasks.progress import Labels, Progress, facts_of, set_run_labels

POWER_SECONDS = 600
"""A PDU port's state is refreshed every five minutes only (docs/sources.md, panel 6.5): wait for two rounds."""


@ensures("power on", run_name="power the server of service {service.service_id} on if needed", calls=("power_on",))
async def power_on(service: Service) -> None:
    """Power the server on unless it is on, and wait until the panel says so. May be called many times.

    A server whose power the panel does not know (neither PDU nor BMC answers) is asked to power on and then trusted.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 5; docs/sources.md, panel 7.1.
    """
    drive = driving(service)
    server = await own_server(service)
    if server.power is Power.ON:
        return
    panel = await drive.panel()
    await so_already(
        panel.servers.power_on(server.id), lambda: _has_power(service, Power.ON), what=f"powering server {server.id} on"
    )
    run_log().info("server %s: powering on (it was %s)", server.id, server.power.value)
    if server.power is Power.UNKNOWN:
        run_log().warning("the power of server %s is unknown to the panel: going on", server.id)
        return
    await until(
        service,
        lambda seen: seen.power is not Power.OFF,
        within_seconds=POWER_SECONDS,
        otherwise=f"Server {server.id} did not power on within ten minutes. Look at its PDU and BMC, then press Retry.",
    )


@ensures("power off", run_name="power the server of service {service.service_id} off", calls=("power_off",))
async def power_off(service: Service) -> None:
    """Power the server off unless it is off, and wait until the panel says so. May be called many times.

    Refused: the panel does not know whether it has power, or it stays on.
    Source: docs/sources.md, panel 7.1.
    """
    drive = driving(service)
    server = await own_server(service)
    if server.power is Power.OFF:
        return
    if server.power is Power.UNKNOWN:
        raise StepRefused(
            f"The panel does not know whether server {server.id} has power. Connect its PDU or BMC there."
        )
    panel = await drive.panel()
    await so_already(
        panel.servers.power_off(server.id),
        lambda: _has_power(service, Power.OFF),
        what=f"powering server {server.id} off",
    )
    run_log().info("server %s: powering off", server.id)
    await until(
        service,
        lambda seen: seen.power is Power.OFF,
        within_seconds=POWER_SECONDS,
        otherwise=f"Server {server.id} did not power off within ten minutes. Look at its PDU and BMC.",
    )


@reads("which reboot this is", run_name="look whether this run has rebooted the server already")
async def reboot_attempt(service: Service) -> int:
    """The number of this run's reboot: the same for a run that goes on or is tried again, the next one for another."""
    drive = driving(service)
    earlier = await _reboots(service)
    own = next((entry.attempt for entry in earlier if (entry.before or {}).get("run") == drive.flow_run_id), None)
    return own or max((entry.attempt for entry in earlier), default=0) + 1


async def _reboots(service: Service) -> list[Entry]:
    """Those of this generation that were sent, or were about to be."""
    noted = await journal.entries(driving(service).ledger, service.service_id, service.generation)
    return [entry for entry in noted if entry.step == StepName.POWER_RESET]


@creates("a reboot", run_name="reboot the server of service {service.service_id}", calls=("power_reset",))
async def reboot(service: Service, attempt: int) -> None:
    """Have the panel reset the server's power, once, and wait until it has power. One that is off is switched on by it.

    A reboot cannot be seen afterwards, so one whose answer was lost is not sent again.
    Refused: the answer was lost, now or in an earlier try of this run; it was asked for long ago and not sent; the
    panel says no; it stays off.
    Source: docs/sources.md, panel 7.1.
    """
    drive = driving(service)
    earlier = next((entry for entry in await _reboots(service) if entry.attempt == attempt), None)
    if earlier is not None:
        if earlier.state == "done":
            return
        raise StepRefused(_maybe_rebooted("An earlier try of this run was interrupted"))
    require_in_time("The reboot")
    server = await own_server(service)
    entry = await drive.write(
        journal.note,
        generation=service.generation,
        step=StepName.POWER_RESET,
        attempt=attempt,
        before={"run": drive.flow_run_id},
    )
    panel = await drive.panel()
    try:
        await panel.servers.power_reset(server.id)
    except PanelRefused:
        await journal.forget(drive.ledger, drive.driver, entry.key)
        raise
    except PanelUnreachable as lost:
        raise StepRefused(_maybe_rebooted(f"The panel's answer was lost ({lost})")) from None
    await drive.write(journal.done, entry.key, None)
    run_log().info("server %s: rebooting (its power was %s)", server.id, server.power.value)
    await until(
        service,
        lambda seen: seen.power is not Power.OFF,
        within_seconds=POWER_SECONDS,
        otherwise=f"Server {server.id} is still off ten minutes after its reboot. Look at its PDU and BMC.",
    )


def _maybe_rebooted(why: str) -> str:
    return f"{why}: the server may have been rebooted, or not. Look whether it was; if not, ask for it again."


@ensures("WHMCS can show the power", run_name="show in WHMCS whether the server of service {service.service_id} is on")
async def show_power(service: Service) -> None:
    """Label the run with the server's power as the panel shows it now. Never changes anything.

    WHMCS's pages offer a server that an activation has told them of. An adopted service had none, so this tells them.
    """
    server = await own_server(service)
    labels: Labels = {"power": server.power.value.lower()}
    if service.order is None and service.state is State.ACTIVE:
        labels = {**facts_of(service), **labels, "step": Progress.READY}
    await set_run_labels(**labels)
    run_log().info("server %s: its power is %s", server.id, server.power.value)


async def _has_power(service: Service, wanted: Power) -> bool | None:
    seen = (await own_server(service)).power
    return None if seen is Power.UNKNOWN else seen is wanted
