"""A service that was not paid is cut off."""

from datetime import datetime

from flows._lifecycle import Requester, lifecycle
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from ledger.wishes import ServiceWish
from tasks.grace import is_put_off
from tasks.identity import confirm_identity, load_service
from tasks.ports import disable_ports
from tasks.suspended_power import loses_power, switch_off_too
from tasks.wish import confirm_wish


@lifecycle(State.SUSPENDED, begins_with={State.ACTIVE, State.INSTALLING})
async def suspend(
    service_id: int,
    panel: PanelName,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    wish: ServiceWish | None = None,
    who: str | None = None,
) -> State | None:
    """Cut a service off the network and leave its server running (manual: "Service suspension").

    Where the product says so, its power goes off, too. Where it has a grace, and nobody pressed Suspend by hand, a
    run of its own does all this when the grace is over. One whose reinstallation has failed stays INSTALLING, with its
    ports off and its power on: nothing is installed over it while WHMCS has it as Suspended.
    """
    service = await load_service(service_id)
    if await is_put_off(service, requested_by, identity, wish):
        return service.state
    await confirm_wish(service)
    await confirm_identity(service)
    await disable_ports(service)
    if service.state is State.INSTALLING:
        return State.INSTALLING
    if loses_power(service):
        await switch_off_too(service)
    return None
