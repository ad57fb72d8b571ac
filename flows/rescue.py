"""A server is booted into the panel's rescue system, or into its own OS again."""

from datetime import datetime, timedelta
from typing import Literal

from flows._client_limit import ClientLimit
from flows._errand import errand
from flows._lifecycle import Requester
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.identity import confirm_identity, load_service
from tasks.power import show_power
from tasks.rescue import leave_rescue, start_rescue, wait_for_rescue


@errand(
    begins_with={State.ACTIVE, State.SUSPENDED},
    for_clients={State.ACTIVE},
    limit=ClientLimit(apart=timedelta(seconds=30), a_day=20, of_client_a_day=60),
)
async def rescue(
    service_id: int,
    panel: PanelName,
    command: Literal["start", "leave"],
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Boot a service's server into the panel's rescue system, or into its own OS again. Its disks stay as they are."""
    service = await load_service(service_id)
    await confirm_identity(service)
    match command:
        case "start":
            await start_rescue(service, requested_by)
            await wait_for_rescue(service)
        case "leave":
            await leave_rescue(service)
    await show_power(service)
