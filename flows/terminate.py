"""A deleted service gives its server back, wiped."""

from flows.lifecycle import Requester, lifecycle
from ledger.lifecycle import State
from tasks.addresses import release_addresses
from tasks.billing import check_ended
from tasks.diagnostics import clear_disks, permit_wipe, release_claim, wait_until_clear
from tasks.identity import confirm_identity, load_service
from tasks.operations import end_running_operation
from tasks.owner import clear_owner
from tasks.ports import enable_ports
from tasks.power import power_on
from tasks.release import begin_release, give_back_untouched
from tasks.wipe_delay import sit_out_wipe_delay


@lifecycle(State.RELEASED, begins_with=set(State) - {State.HELD})
async def terminate(service_id: int, panel: str, requested_by: Requester = "api") -> State | None:
    """Take a service's server back and clear its disks (manual: "Service deletion").

    A server that was only promised and never touched goes back at once. Where the product has a wipe delay, its ports
    are off until it is over, and `dciflow bring-back` gives it back to its client.
    """
    service = await load_service(service_id)
    if requested_by == "flow":
        await check_ended(service)
    left_in = await give_back_untouched(service)
    if left_in is not None:
        return left_in
    await confirm_identity(service)
    if await begin_release(service):
        await sit_out_wipe_delay(service)
        await enable_ports(service)
        await power_on(service)
        await end_running_operation(service)
        await release_addresses(service)
        await clear_owner(service)
    permit_id = await permit_wipe(service)
    await clear_disks(service, permit_id)
    await wait_until_clear(service, permit_id)
    await release_claim(service, permit_id)
    return None
