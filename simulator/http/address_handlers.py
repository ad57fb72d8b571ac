"""The panel's calls about the addresses of servers."""

from pydantic import Field

from simulator.http.handler_types import ApiAnswer, ApiCall, BodyWords, Handler, accepted
from simulator.http.list_query import answer_list
from simulator.panel.errors import invalid, no_element
from simulator.panel.model import PanelModel


class AddressWords(BodyWords):
    """address_add and address_add_ipv6; without a pool, the usual one is taken."""

    pool: int | None = None
    family: str | None = None
    count: int = Field(default=1, ge=1)


class PtrWords(BodyWords):
    """ptr_set."""

    domain: str


def address_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """The addresses of a server."""
    server = call.server(panel)
    rows = list(server.addresses)
    return ApiAnswer(
        answer_list(panel.world, rows, call.query, fields={}, view=lambda row: panel.serializers.address(server, row))
    )


def address_add(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Give a server addresses from a pool: as many as asked for, or none."""
    server = call.server(panel)
    words = call.words(AddressWords)
    if words.family not in (None, call.endpoint.values.get("ipv4", "ipv4")):
        raise invalid("family", "no such family")
    pool = panel.addresses.usual_pool(server) if words.pool is None else panel.addresses.pool(words.pool)
    panel.addresses.add(server, pool, words.count)
    return accepted(panel, server.id)


def address_add_ipv6(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Give a server IPv6 addresses from a pool that has them."""
    server = call.server(panel)
    words = call.words(AddressWords)
    pool = panel.addresses.usual_pool(server) if words.pool is None else panel.addresses.pool(words.pool)
    if pool.ipv6 is None:
        raise invalid("family", "this pool has IPv4 networks only")
    panel.addresses.add(server, pool, words.count, source=pool.ipv6)
    return accepted(panel, server.id)


def address_remove(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Take an address away from a server."""
    wanted = call.server(panel) if "server" in call.ids else None
    server, address = panel.addresses.get(wanted, call.ids["address"])
    panel.addresses.remove(server, address)
    return accepted(panel, address.id)


def ptr_set(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Set an address's reverse name; an empty one takes it away."""
    wanted = call.server(panel) if "server" in call.ids else None
    server, address = panel.addresses.get(wanted, call.ids["address"])
    if call.user is not None and not call.user.is_admin and server.owner_id != call.user.id:
        raise no_element("ip", address.id)
    panel.addresses.name(address, call.words(PtrWords).domain)
    return accepted(panel, address.id)


ADDRESS_HANDLERS: dict[str, Handler] = {
    function.__name__: function for function in (address_list, address_add, address_add_ipv6, address_remove, ptr_set)
}
