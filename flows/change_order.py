"""A service's product or options changed in WHMCS: its server gets further addresses, its order the settings."""

from datetime import datetime

from flows._errand import errand
from flows._lifecycle import Requester
from flows.change_addresses import PAID_CHANGES
from ledger.orders import Order
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.address_change import assign_more_addresses, check_new_order, show_addresses, take_over_order
from tasks.identity import confirm_identity, load_service
from tasks.order import as_meant
from tasks.write_back import write_addresses


@errand(begins_with={State.ACTIVE, State.SUSPENDED}, for_clients={State.ACTIVE, State.SUSPENDED}, limit=PAID_CHANGES)
async def change_order(
    service_id: int,
    panel: PanelName,
    order: Order,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Take a changed product or changed options over: further addresses are given, settings count from now on.

    Another configuration or location, and fewer addresses, are refused in a line that says what to do.
    """
    service = await load_service(service_id)
    await confirm_identity(service)
    change = await check_new_order(service, order)
    if change.more:
        await assign_more_addresses(service, order.ipv4_count, change.more)
        await write_addresses(service)
    await take_over_order(service, as_meant(order))  # last: until then an interrupted change is one
    await show_addresses(service)
