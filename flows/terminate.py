"""A deleted service gives its server back, wiped."""

from datetime import datetime

from flows._lifecycle import Requester, lifecycle
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from ledger.wishes import ServiceWish
from tasks.addresses import release_addresses
from tasks.identity import confirm_identity, load_service
from tasks.operations import end_running_operation
from tasks.owner import clear_owner
from tasks.ports import enable_ports
from tasks.power import power_on
from tasks.ptr import clear_ptrs
from tasks.release import begin_release, give_back_untouched
from tasks.wipe import clear_disks, permit_wipe, release_claim, wait_until_clear
from tasks.wipe_delay import sit_out_wipe_delay
from tasks.wish import confirm_wish
from tasks.write_back import check_ended


@lifecycle(State.RELEASED, begins_with=set(State) - {State.HELD})
async def terminate(
    service_id: int,
    panel: PanelName,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    wish: ServiceWish | None = None,
    who: str | None = None,
) -> State | None:
    """Take a service's server back and clear its disks (manual: "Service deletion").

    A server that was only promised and never touched goes back at once. Where the product has a wipe delay, its ports
    are off until it is over, and `dciflow bring-back` gives it back to its client.
    """
    service = await load_service(service_id)
    if requested_by == "flow":
        await check_ended(service)
    await confirm_wish(service)
    left_in = await give_back_untouched(service)
    if left_in is not None:
        return left_in
    await confirm_identity(service)
    if await begin_release(service):
        await sit_out_wipe_delay(service)
        await enable_ports(service)
        await power_on(service)
        await end_running_operation(service)
        await clear_ptrs(service)
        await release_addresses(service)
        await clear_owner(service)
    permit_id = await permit_wipe(service)
    await clear_disks(service, permit_id)
    await wait_until_clear(service, permit_id)
    await release_claim(service, permit_id)
    return None
