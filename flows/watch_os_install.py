"""An installation that the activation did not wait for is seen to its end."""

from flows._lifecycle import Requester, lifecycle
from ledger.panel_name import PanelName
from ledger.states import State
from tasks.identity import confirm_identity, load_service
from tasks.os_install import wait_for_os
from tasks.set_aside import failures_counted
from tasks.write_back import announce


@lifecycle(State.ACTIVE, begins_with={State.INSTALLING}, after="activate")
async def watch_os_install(service_id: int, panel: PanelName, requested_by: Requester = "api") -> None:
    """Wait for a service's OS installation within the product's time-out, then tell WHMCS.

    Started by an activation whose product says "Don't wait the OS install".
    """
    service = await load_service(service_id)
    await confirm_identity(service)
    async with failures_counted(service):
        await wait_for_os(service)
    await announce(service)
