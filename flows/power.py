"""A server is switched on or off, rebooted, or looked at."""

from datetime import datetime, timedelta
from typing import Literal

from flows._client_limit import ClientLimit
from flows._errand import errand
from flows._lifecycle import Requester
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.expiry import require_in_time
from tasks.identity import confirm_identity, load_service
from tasks.power import power_off, power_on, reboot, reboot_attempt, show_power

PowerCommand = Literal["on", "off", "reboot", "look"]
"""look: only read how it is."""


@errand(
    begins_with={State.ACTIVE, State.SUSPENDED},
    for_clients={State.ACTIVE},
    limit=ClientLimit(apart=timedelta(seconds=10), a_day=50, of_client_a_day=200),
)
async def power(
    service_id: int,
    panel: PanelName,
    command: PowerCommand,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Switch a service's server on or off, reboot it, or only look how it is; then say so to WHMCS."""
    service = await load_service(service_id)
    await confirm_identity(service)
    if command in ("on", "off"):
        require_in_time("The power command", "was not over, so nothing more is done")
    match command:
        case "on":
            await power_on(service)
        case "off":
            await power_off(service)
        case "reboot":
            await reboot(service, await reboot_attempt(service))
        case "look":
            pass
    await show_power(service)
