"""A suspended service comes back."""

from datetime import datetime

from flows._lifecycle import Requester, lifecycle
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.grace import end_grace
from tasks.identity import confirm_identity, load_service
from tasks.ports import enable_ports, see_off_suspension
from tasks.suspended_power import switch_on_again
from tasks.wish import confirm_wish


@lifecycle(State.ACTIVE, begins_with={State.SUSPENDED, State.INSTALLING})
async def unsuspend(
    service_id: int,
    panel: PanelName,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> State | None:
    """Put a suspended service back on the network (manual: "Service re-activation").

    A server that its suspension switched off is switched on; one that was off before stays off. A service
    whose reinstallation has failed stays INSTALLING, with its ports on.
    """
    service = await load_service(service_id)
    await confirm_wish(service)
    await confirm_identity(service)
    await enable_ports(service)
    await see_off_suspension(service)
    await switch_on_again(service)
    await end_grace(service)
    return State.INSTALLING if service.state is State.INSTALLING else None
