"""The reverse name of one of a service's addresses is set."""

from datetime import datetime, timedelta

from flows._client_limit import ClientLimit
from flows._errand import errand
from flows._lifecycle import Requester
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.identity import confirm_identity, load_service
from tasks.ptr import check_forward, set_reverse_name


@errand(
    begins_with={State.ACTIVE, State.SUSPENDED},
    for_clients={State.ACTIVE},
    limit=ClientLimit(apart=timedelta(seconds=5), a_day=100, of_client_a_day=300),
)
async def set_ptr(
    service_id: int,
    panel: PanelName,
    address: str,
    name: str,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Give an address of a service's server a reverse name that leads back to it; an empty one takes the name away."""
    service = await load_service(service_id)
    await confirm_identity(service)
    wanted = await check_forward(service, address, name)
    await set_reverse_name(service, address, wanted)
