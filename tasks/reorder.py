"""A new order for a service whose activation is under way: refused where what it changes was done already."""

from ledger.lifecycle import State
from ledger.orders import Order
from ledger.snapshots import Service
from tasks import intents
from tasks.addresses import STEP as ADDRESSES
from tasks.operations import GIVEN_UP, INSTALL
from tasks.outcomes import Refusal


async def check_reorder(service: Service, order: Order) -> None:
    """Compare a new order with what the service's last one has led to; what is not done yet may change.

    Finished steps are not done again, so a run for such an order would say that it is done and leave what was there.
    Raises Refusal: it asks for other things than were given; the text names them.
    """
    if service.order is None or service.state not in (State.PREPARING, State.INSTALLING):
        return
    settled = {"configuration", "location_id"}
    if service.claim is not None and service.claim.owner_id is not None:
        settled.add("client_id")
    given = await intents.latest(service, ADDRESSES)
    if given is not None and given.result is not None:
        settled |= {"ip_pool", "ipv4_count"}
    install = await intents.latest(service, INSTALL)
    given_up = await intents.latest(service, GIVEN_UP)
    if install is not None and (given_up is None or given_up.attempt != install.attempt):
        settled.add("os_template")
    changed = sorted(name for name in settled if getattr(order, name) != getattr(service.order, name))
    if changed:
        raise Refusal(
            f"Service {service.service_id} was given what its last order asks for, and this one differs in "
            f"{', '.join(changed)}. Run it without an order to finish the last one, or terminate it first."
        )
