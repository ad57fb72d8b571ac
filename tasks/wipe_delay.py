"""The wipe delay: hours between a deletion and what cannot be undone, in which a person may bring the service back."""

from datetime import timedelta

from ledger import releases, services
from ledger.errors import Superseded
from ledger.snapshots import Service
from tasks.clock import clock
from tasks.connections import ledger
from tasks.effects import ensures
from tasks.identity import driver_of, fresh, own_server
from tasks.log import run_log
from tasks.outcomes import Refusal
from tasks.ports import switch
from tasks.seat import away

LOOK_SECONDS = 60.0
"""How long the run of a service that was brought back may go on waiting before it notices."""


def wipe_delay(service: Service) -> timedelta:
    """How long the service's product wants its server kept; none for a service without an order."""
    return timedelta(hours=0 if service.order is None else service.order.wipe_delay_hours)


@ensures("the wipe delay is over", run_name="sit out the wipe delay of service {service.service_id}")
async def sit_out_wipe_delay(service: Service) -> None:
    """Switch the server's ports off and wait, without a seat, until the product's wipe delay is over.

    It counts from when the ledger made the service RELEASING: a restart does not begin it anew. Owner, addresses and
    disks stay as they are meanwhile. When it is over the ledger says so first: from there on nobody brings it back.
    Refused: somebody brought the service back. Raises what `own_server` raises.
    """
    service = await fresh(service)
    if service.way_back is None or service.releasing_since is None:
        return
    began, delay = service.releasing_since, wipe_delay(service)
    if clock().elapsed(began) < delay:
        await _cut_off(service)
        run_log().info(
            "service %s: its server is wiped in %s; until then `dciflow bring-back %s` gives it back",
            service.service_id,
            delay - clock().elapsed(began),
            service.service_id,
        )
    while (left := delay - clock().elapsed(began)) > timedelta(0):
        async with away():
            await clock().sleep(min(left.total_seconds(), LOOK_SECONDS))
        await _still_to_be_wiped(service)
    await own_server(service)
    await releases.close_way_back(ledger(), driver_of(service), clock().now())


async def _cut_off(service: Service) -> None:
    server = await own_server(service)
    if server.network_ports:
        await switch(service, up=False)
    else:
        run_log().warning("server %s has no switch ports on the panel: it stays on the network meanwhile", server.id)


async def _still_to_be_wiped(service: Service) -> None:
    try:
        await fresh(service)
    except Superseded:
        now = await services.get(ledger(), service.service_id)
        if now is None or now.releasing_since is not None:
            raise
        raise Refusal(
            f"Service {service.service_id} was brought back: its server is left to it, nothing was wiped."
        ) from None
