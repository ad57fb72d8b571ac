"""A service that was not paid is cut off."""

from flows.lifecycle import Requester, lifecycle
from ledger.lifecycle import State
from tasks.identity import confirm_identity, load_service
from tasks.ports import disable_ports


@lifecycle(State.SUSPENDED, begins_with={State.ACTIVE})
async def suspend(service_id: int, panel: str, requested_by: Requester = "api") -> None:
    """Cut a service off the network and leave its server running (manual: "Service suspension")."""
    service = await load_service(service_id)
    await confirm_identity(service)
    await disable_ports(service)
