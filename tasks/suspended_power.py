"""The power of a suspended server, where its product has suspensions switch it off; and back on as it was.

What a suspension switched off stands in the ledger before it is switched: an unsuspension undoes that and nothing else.
A server that was off before stays off.
"""

from datetime import datetime

from dcimanager.errors import PanelError
from dcimanager.servers import Power
from ledger import suspensions
from ledger.orders import SuspensionMode
from ledger.snapshots import Service
from runtime.connections import whmcs_api
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.gate import OPTIONAL, require_entries
from runtime.polling import POLL_SECONDS
from runtime.run_log import EXPECTED, run_log
from runtime.slots import slot_released
from runtime.steps import ensures
from tasks.identity import own_server
from tasks.power import POWER_SECONDS, power_off, power_on


def loses_power(service: Service) -> bool:
    """Whether the service's suspension switches its server off; an adopted service, which has no order, keeps it on."""
    return service.order is not None and service.order.suspension_mode == SuspensionMode.PORTS_AND_POWER


async def switch_off_too(service: Service) -> None:
    """Switch the power off once the ports are off; what does not work is one line for staff, in the log and in WHMCS.

    The client is off the network already, so the suspension is done all the same (safety rule 18). What concerns whose
    server it is, or who drives it, is raised as ever.
    """
    try:
        if await note_power(service):
            await power_off(service)
    except (PanelError, StepRefused) as failed:
        await _tell_staff(
            service, f"Service {service.service_id} is off the network, but its server has power: {failed}"
        )


@ensures("the ledger knows what the suspension switches off", run_name="note the power of service {service.service_id}")
async def note_power(service: Service) -> bool:
    """Note that the server is on and is switched off; False: it is off, or nobody knows. May be called many times.

    Refused: one of the calls that switch it off and on again is neither proved nor trusted.
    """
    drive = driving(service)
    await require_entries(await drive.panel(), service, OPTIONAL["suspend"], what="powering off")
    server = await own_server(service)
    if server.power is Power.OFF:
        return False
    if server.power is Power.UNKNOWN:
        run_log().warning(
            "the power of server %s is unknown to the panel: service %s is suspended by its ports only",
            server.id,
            service.service_id,
        )
        return False
    await drive.write(suspensions.note_power, is_off=True)
    return True


async def switch_on_again(service: Service) -> None:
    """Switch the server on if a suspension switched it off, and forget that then. Without a note it costs no call.

    A server that is shown on may still go off by that suspension, so that is waited for first: the ports are on by now.
    Raises what `power_on` raises: the client has paid, so that is a failure.
    """
    if service.claim is None or service.claim.powered_off_at is None:
        return
    await _see_off_power_off(service, service.claim.powered_off_at)
    await power_on(service)
    await driving(service).write(suspensions.note_power, is_off=False)


async def _see_off_power_off(service: Service, asked: datetime) -> None:
    """While the panel shows the server on, wait until the suspension's powering off has taken effect, if it does.

    It may do so minutes after the suspension was overtaken or gave up. Until POWER_SECONDS after it was noted, or after
    the suspension was overtaken: what was not off by then never goes off. A server that is off costs one look.
    """
    drive = driving(service)
    since = asked if drive.overtook is None else max(asked, drive.since)
    while drive.elapsed(since).total_seconds() < POWER_SECONDS:
        if (await own_server(service)).power is not Power.ON:
            return
        async with slot_released():
            await drive.sleep(POLL_SECONDS)


async def _tell_staff(service: Service, line: str) -> None:
    run_log().warning("%s", line)
    if not service.is_known_to_whmcs:
        return
    try:
        await (await whmcs_api()).log.write(line, service.client_id)
    except EXPECTED as error:
        run_log().warning("WHMCS was not told: %s", error)
