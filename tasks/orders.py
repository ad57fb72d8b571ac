"""The order: what the product and the client's options ask for, checked before anything is claimed."""

import difflib

from dcimanager.addresses import IpPool
from dcimanager.os_templates import OsTemplate
from dcimanager.panel import Panel
from ledger.orders import Order
from ledger.snapshots import Service
from tasks.connections import panel_named
from tasks.effects import reads
from tasks.outcomes import Refusal


def order_of(service: Service) -> Order:
    """The service's last order, checked.

    Raises Refusal: there is none, or it asks for something that cannot be; the text names each fault.
    """
    if service.order is None:
        raise Refusal(f"Service {service.service_id} was never ordered through dciflow: start the run with an order.")
    problems = service.order.problems()
    if problems:
        raise Refusal(f"The order of service {service.service_id} cannot be done: {' '.join(problems)}")
    return service.order


@reads("the order can be done", run_name="check the order of service {service.service_id}")
async def check_order(service: Service) -> None:
    """Check the order and that the panel has the OS template and the IP pool it names, before a server is claimed.

    Refused: it cannot be done; the text says what to correct.
    """
    order = order_of(service)
    panel = await panel_named(service.panel)
    await find_template(panel, order, order.location_id)
    await find_pool(panel, order)


async def find_template(panel: Panel, order: Order, location_id: int | None) -> OsTemplate:
    """The OS template that was ordered, the server's location's own if there is one.

    Raises Refusal: the panel has none of that name.
    """
    templates = await panel.os_templates.list()
    named = [template for template in templates if template.name == order.os_template]
    if not named:
        known = [template.name for template in templates if "diag" not in (template.kind or "").casefold()]
        raise Refusal(no_such("OS template", order.os_template, known, "Operation system", panel.name))
    return next((template for template in named if template.location_id == location_id), named[0])


async def find_pool(panel: Panel, order: Order) -> IpPool:
    """The IP pool that the product names. Raises Refusal: the panel has none of that name."""
    pools = await panel.addresses.pools()
    for pool in pools:
        if pool.name == order.ip_pool:
            return pool
    raise Refusal(no_such("IP pool", order.ip_pool, [pool.name for pool in pools], "IP address group", panel.name))


def no_such(what: str, name: str, known: list[str], setting: str, panel: str) -> str:
    """One line for a name that the panel does not know, with the nearest ones that it does."""
    names = sorted(set(known))  # a template is there once for each location
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"Nearest: {', '.join(near)}." if near else f"Known: {', '.join(names[:5]) or 'none'}."
    return f"Panel {panel} has no {what} {name!r}. {hint} Correct the product's {setting} and order again."
