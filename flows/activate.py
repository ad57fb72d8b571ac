"""A paid service gets its server."""

from datetime import datetime

from flows._lifecycle import Requester, lifecycle
from ledger.orders import Order
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.addresses import assign_addresses, release_addresses
from tasks.allocation import claim_server
from tasks.identity import load_service
from tasks.operations import end_running_operation
from tasks.order import check_order, order_of
from tasks.os_install import deploy_os, hand_to_watcher, install_attempt, wait_for_os
from tasks.owner import find_or_create_owner, set_owner
from tasks.ports import enable_ports
from tasks.power import power_on
from tasks.progress import Progress, show_progress
from tasks.set_aside import failures_counted
from tasks.write_back import announce, check_wanted


@lifecycle(State.ACTIVE, begins_with={State.NEW, State.CLAIMED, State.PREPARING, State.INSTALLING, State.RELEASED})
async def activate(
    service_id: int,
    panel: PanelName,
    requested_by: Requester = "api",
    order: Order | None = None,
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> State | None:
    """Give a service its server, as ordered: the ten steps of the manual's "Service activation", then tell WHMCS.

    Leave the order empty to run the service's last order again.
    """
    service = await load_service(service_id)
    await check_order(service)
    await check_wanted(service)
    while True:
        service = await claim_server(service)
        owner_id = await find_or_create_owner(service)
        if await set_owner(service, owner_id):
            break
        # Somebody took the server by hand before it was the client's: it is left alone and the next one is claimed.
    await show_progress(service, Progress.RESERVED)
    async with failures_counted(service):
        await enable_ports(service)
        await power_on(service)
        await end_running_operation(service)
        await release_addresses(service)
        await assign_addresses(service)
        attempt = await install_attempt(service)
        await deploy_os(service, attempt)
        await show_progress(service, Progress.INSTALLING)
        if not order_of(service).wait_for_os:
            await hand_to_watcher(service, attempt)
            return State.INSTALLING
        await wait_for_os(service)
    await announce(service)
    return None
