"""Where a deletion begins: what there is to give back, and the point from which the server is being taken back."""

from datetime import timedelta

from pydantic import JsonValue

from dcimanager.errors import PanelNotFound
from ledger import claims, releases, services
from ledger.snapshots import Driver, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.connections import connections, ledger
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.run_log import run_log
from runtime.steps import ensures
from tasks import intents
from tasks.caps import caps_of_destruction, held_past_cap
from tasks.identity import check_hardware, own_server, same_email
from tasks.wipe_delay import wipe_delay


@ensures("an untouched server is free again", run_name="look whether service {service.service_id} has a server to wipe")
async def give_back_untouched(service: Service) -> State | None:
    """The state that a service is left in which has no server, or one that was never made the client's; None: wipe it.

    An owner that we set without hearing the answer is adopted here, so that the deletion takes the long way. While the
    service is CLAIMED none was asked for: whoever has its server by then got it by hand and keeps it.
    """
    drive = driving(service)
    service = await drive.fresh()
    if service.claim is None:
        run_log().info("service %s has no server: nothing to delete", service.service_id)
        return service.state
    if service.claim.owner_id is not None:
        return None
    if service.state is State.CLAIMED:
        return await _give_back(service)
    panel = await drive.panel()
    try:
        server = await panel.servers.get(service.claim.server_id)
    except PanelNotFound:
        return await _give_back(service)
    entry = await intents.latest(service, StepName.OWNER)
    if entry is not None and entry.result is not None and server.owner_email is not None:
        owner_id = int(str(entry.result["user"]))
        user = await panel.users.get(owner_id)
        if user is not None and same_email(user.email, server.owner_email):
            check_hardware(server, service.claim)
            await drive.write(claims.record_owner, owner_id)
            return None
    return await _give_back(service)


async def _give_back(service: Service) -> State:
    drive = driving(service)
    if service.state is State.RELEASING:  # a person sent it here from HELD
        service = await drive.write(claims.release_untouched)
    else:
        service = await drive.write(claims.drop)
    run_log().info("the server was never made the client's: the claim of service %s is dropped", service.service_id)
    return service.state


@ensures("the server is being taken back", run_name="begin to take the server of service {service.service_id} back")
async def begin_release(service: Service) -> bool:
    """Move the service to RELEASING. False: its wipe is permitted already, so only the wipe is left to do.

    Refused: the server is protected, which the panel would say only when owner and addresses are gone.
    Held: so many services lost their servers in 24 hours that a person has to look.
    """
    drive = driving(service)
    service = await drive.fresh()
    if service.state is State.ERASING:
        return False
    if (server := await own_server(service)).is_protected:
        raise StepRefused(
            f"Server {server.id} is protected on the panel, so it cannot be wiped. Nothing was touched: "
            "switch the protection off and press Retry."
        )
    with held_past_cap(service):
        await drive.write(
            releases.begin,
            caps=caps_of_destruction(),
            may_come_back=wipe_delay(service) > timedelta(0),
        )
    return True


TAKE_BACK = "terminate/whmcs"
"""The deployment that takes a server back."""


async def take_back(driver: Driver) -> None:
    """Start the deletion of a service that was ended in WHMCS while its server was made ready.

    A run that dies right before this is re-queued, since its own end is not on record yet, and comes back here.
    Once for each request and driver, and not once per generation: the last deletion may have failed, or only dropped
    the claim. A request's id is random, so a ledger that counts its epochs again finds no run of before.
    Raises PrefectUnreachable.
    """
    service_id = driver.service_id
    service = await services.get(ledger(), service_id)
    if service is None or service.claim is None:
        return
    parameters: dict[str, JsonValue] = {"service_id": service_id, "panel": service.panel, "requested_by": "flow"}
    key = f"take-back-{service_id}-{driver.request_id}-{driver.epoch}"
    await connections().start_run(TAKE_BACK, parameters, key)
