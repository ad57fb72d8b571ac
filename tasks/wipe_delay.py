"""The wipe delay: hours between a deletion and what cannot be undone, in which a person may bring the service back."""

from datetime import datetime, timedelta

from ledger import releases, services
from ledger.errors import Superseded
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Service
from ledger.states import State
from runtime.driver import driving
from runtime.errors import Held, StepRefused
from runtime.run_log import run_log
from runtime.settings import settings
from runtime.slots import slot_released
from runtime.steps import ensures
from tasks.identity import own_server
from tasks.ports import switch
from tasks.whose import ordered_by_a_person
from tasks.wish import LOOKS_EVERY, confirm_wipe, look_again

LOOK_SECONDS = 60.0
"""How long the run of a service that was brought back may go on waiting before it notices."""

MOST_A_LOOK = timedelta(minutes=10)
"""What one look counts at most: its interval, and a slot or a database that is waited for."""

NOT_COUNTED = timedelta(seconds=5)
"""A clock that differs by more from what was counted has stepped, and the ledger is told."""


def wipe_delay(service: Service) -> timedelta:
    """How long the service's product wants its server kept; an adopted one, which has no order, has the setting's."""
    if service.order is not None:
        return timedelta(hours=service.order.wipe_delay_hours)
    return timedelta(hours=settings().adopted_wipe_delay_hours if service.is_known_to_whmcs else 0)


@ensures(
    "the wipe delay is over", run_name="sit out the wipe delay of service {service.service_id}", calls=("port_off",)
)
async def sit_out_wipe_delay(service: Service) -> None:
    """Switch the server's ports off and wait, without a slot, until the product's wipe delay is over.

    A leftover's stay on: its client uses it still, to move to the service's other server.

    It counts from when the ledger made the service RELEASING: a restart does not begin it anew. What a step of a clock
    adds while this run looks does not count, and the ledger keeps that for the next run. Owner, addresses and disks
    stay as they are meanwhile. When it is over the ledger says so first: from there on nobody brings it back.
    Every hour, and at the end, WHMCS is asked whether it still wants the deletion.
    Refused: somebody brought the service back. Held: WHMCS wants the service by now, or the client of a leftover has no
    other server to have moved to. Raises what `own_server` raises.
    """
    drive = driving(service)
    service = await drive.fresh()
    if service.way_back is None or service.releasing_since is None:
        return
    began, delay = service.releasing_since, wipe_delay(service)
    seen, waited = drive.now(), drive.elapsed(began)
    if waited < delay:
        if not service.is_leftover:
            await _cut_off(service)
        run_log().info(
            "service %s: its server is wiped in %s; until then `dciflow bring-back %s` gives it back",
            service.service_id,
            delay - waited,
            service.service_id,
        )
    looked: datetime | None = None
    while (left := delay - waited) > timedelta(0):
        async with slot_released():
            await drive.sleep(min(left.total_seconds(), LOOK_SECONDS))
        await _still_to_be_wiped(service)
        waited += min(drive.elapsed(seen), MOST_A_LOOK)
        seen = drive.now()
        counts_from = seen - waited / settings().clock_speed
        if abs(counts_from - began) > NOT_COUNTED:
            run_log().warning(
                "service %s: the clock moved by %s that nobody saw pass: it does not count for the wipe delay",
                service.service_id,
                counts_from - began,
            )
            await drive.write(releases.count_from, counts_from)
            began = counts_from
        if looked is None or drive.elapsed(looked) >= LOOKS_EVERY:
            looked = drive.now()
            await look_again(service)
    await own_server(service)
    await _confirm_moved(service)
    await confirm_wipe(service, None)
    await drive.write(releases.close_way_back)


async def _cut_off(service: Service) -> None:
    server = await own_server(service)
    if server.network_ports:
        await switch(service, up=False)
    else:
        run_log().warning("server %s has no switch ports on the panel: it stays on the network meanwhile", server.id)


async def _confirm_moved(service: Service) -> None:
    """Make sure that a leftover's client has the other server by now, unless a person ordered the wipe all the same.

    Held: their service has none that is ready, and is not over.
    """
    if service.leftover_of is None or await ordered_by_a_person(service):
        return
    moved = await services.get(driving(service).ledger, service.leftover_of)
    if moved is not None and moved.state not in (State.ACTIVE, State.SUSPENDED, State.RELEASED):
        raise Held(
            HoldReason.WANTED_AGAIN,
            f"Service {moved.service_id} is {moved.state}: its other server is not ready, so its client uses this one "
            "still, and it was not wiped.",
        )


async def _still_to_be_wiped(service: Service) -> None:
    drive = driving(service)
    try:
        await drive.fresh()
    except Superseded:
        now = await services.get(drive.ledger, service.service_id)
        if now is None or now.releasing_since is not None:
            raise
        raise StepRefused(
            f"Service {service.service_id} was brought back: its server is left to it, nothing was wiped."
        ) from None
