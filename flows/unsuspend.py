"""A suspended service comes back."""

from flows.lifecycle import Requester, lifecycle
from ledger.lifecycle import State
from tasks.identity import confirm_identity, load_service
from tasks.ports import enable_ports


@lifecycle(State.ACTIVE, begins_with={State.SUSPENDED})
async def unsuspend(service_id: int, panel: str, requested_by: Requester = "api") -> None:
    """Put a suspended service back on the network (manual: "Service re-activation")."""
    service = await load_service(service_id)
    await confirm_identity(service)
    await enable_ports(service)
