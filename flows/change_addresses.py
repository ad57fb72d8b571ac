"""The number of a service's IPv4 or IPv6 addresses changes after the sale."""

from datetime import datetime, timedelta

from flows._client_limit import ClientLimit
from flows._errand import errand
from flows._lifecycle import Requester
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tasks.address_change import (
    assign_more_addresses,
    assign_more_ipv6,
    check_change,
    give_back_addresses,
    show_addresses,
    take_over_order,
)
from tasks.identity import confirm_identity, load_service
from tasks.order import order_of
from tasks.write_back import write_addresses

PAID_CHANGES = ClientLimit(apart=timedelta(0), a_day=20, of_client_a_day=100)
"""A client asks by paying: no second payment is refused for coming quickly."""


@errand(begins_with={State.ACTIVE, State.SUSPENDED}, for_clients={State.ACTIVE}, limit=PAID_CHANGES)
async def change_addresses(
    service_id: int,
    panel: PanelName,
    ipv4_count: int,
    give_back: str = "",
    ipv6_count: int | None = None,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Give a service's server further addresses, or take off those that `give_back` names; then tell WHMCS.

    ipv6_count: left out, the IPv6 addresses stay as they are.
    """
    service = await load_service(service_id)
    await confirm_identity(service)
    change = await check_change(service, ipv4_count, ipv6_count, give_back)
    if change.give_back:
        await give_back_addresses(service, change.give_back, change.attempt)
    if change.more:
        await assign_more_addresses(service, ipv4_count, change.more)
    if ipv6_count is not None and change.more_ipv6:
        await assign_more_ipv6(service, ipv6_count, change.more_ipv6)
    await write_addresses(service)
    await take_over_order(service, order_of(service).model_copy(update={"ipv4_count": ipv4_count}))
    await show_addresses(service)
