"""The server of a service gets another host name."""

from datetime import datetime, timedelta

from flows._client_limit import ClientLimit
from flows._errand import errand
from flows._lifecycle import Requester
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.address_change import take_over_order
from tasks.host_name import check_host_name, set_host_name
from tasks.identity import confirm_identity, load_service
from tasks.write_back import write_host_name


@errand(
    begins_with={State.ACTIVE, State.SUSPENDED},
    for_clients={State.ACTIVE},
    limit=ClientLimit(apart=timedelta(seconds=5), a_day=20, of_client_a_day=100),
)
async def rename(
    service_id: int,
    panel: PanelName,
    hostname: str,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Give a service's server another host name on the panel, in its order and in WHMCS. Its disks are not touched."""
    service = await load_service(service_id)
    await confirm_identity(service)
    name = await check_host_name(service, hostname)
    await set_host_name(service, name)
    if service.order is not None:  # one that was adopted has none
        await take_over_order(service, service.order.model_copy(update={"hostname": name}))
    await write_host_name(service, name)
