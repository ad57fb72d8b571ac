"""The order: what the product and the client's options ask for, checked before anything is claimed.

A new order while an activation is under way is refused where what it changes was done already.
"""

import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass

from dcimanager.addresses import IpPool
from dcimanager.listing import OddRow, named_rows
from dcimanager.os_templates import OsTemplate
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger.orders import Order, host_name
from ledger.snapshots import Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.connections import panel_named
from runtime.errors import StepRefused
from runtime.steps import reads
from tasks import intents
from whmcs.text import plain, same_text


def order_of(service: Service) -> Order:
    """The service's last order, checked.

    Raises StepRefused: there is none, or it asks for something that cannot be; the text names each fault.
    """
    if service.order is None:
        raise StepRefused(
            f"Service {service.service_id} was never ordered through dciflow: start the run with an order."
        )
    problems = as_meant(service.order).problems()
    if problems:
        raise StepRefused(f"The order of service {service.service_id} cannot be done: {' '.join(problems)}")
    return as_meant(service.order)


def as_meant(order: Order) -> Order:
    """The order with its names as people mean them: WHMCS may have encoded them, and clients type host names freely."""
    hostname = None if order.hostname is None else host_name(plain(order.hostname))
    names = {name: plain(getattr(order, name)) for name in ("configuration", "os_template", "ip_pool")}
    listed = order.reinstall_templates
    allowed = None if listed is None else tuple(map(plain, listed))
    return order.model_copy(update={**names, "hostname": hostname, "reinstall_templates": allowed})


@reads("the order can be done", run_name="check the order of service {service.service_id}")
async def check_order(service: Service) -> None:
    """Check the order and that the panel has the OS template and the IP pool it names, before a server is claimed.

    Refused: it cannot be done; the text says what to correct.
    """
    order = order_of(service)
    panel = await panel_named(service.panel)
    await find_template(panel, order, order.location_id)
    await find_pool(panel, order)


async def check_reorder(service: Service, order: Order) -> None:
    """Compare a new order with what the service's last one has led to; what is not done yet may change.

    Finished steps are not done again, so a run for such an order would say that it is done and leave what was there.
    Raises StepRefused: it asks for other things than were given; the text names them.
    """
    if service.order is None or service.state not in (State.PREPARING, State.INSTALLING):
        return
    settled = {"configuration", "location_id"}
    chosen = None if service.claim is None else service.claim.server_id
    if order.server_id not in (None, chosen):
        settled.add("server_id")
    if service.claim is not None and service.claim.owner_id is not None:
        settled.add("client_id")
    given = await intents.latest(service, StepName.ADDRESSES)
    if given is not None and given.result is not None:
        settled |= {"ip_pool", "ipv4_count"}
    install = await intents.latest(service, StepName.DEPLOY_OS)
    given_up = await intents.latest(service, StepName.OS_GIVEN_UP)
    if install is not None and (given_up is None or given_up.attempt != install.attempt):
        settled.add("os_template")
    new, last = as_meant(order), as_meant(service.order)
    changed = sorted(name for name in settled if getattr(new, name) != getattr(last, name))
    if changed:
        raise StepRefused(
            f"Service {service.service_id} was given what its last order asks for, and this one differs in "
            f"{', '.join(changed)}. Run it without an order to finish the last one, or terminate it first."
        )


@dataclass(frozen=True)
class Needs:
    """What an order needs of the place that a server stands in, as the panel's lists tell it."""

    templates: list[OsTemplate]
    """Those with the ordered name."""
    pools: list[IpPool]
    """Those with the product's name."""
    addresses: int

    def unmet(self, server: Server) -> list[str]:
        """Why the order could not be delivered on this server, as phrases; what the panel does not tell is no reason.

        The server's own addresses of the pool are given back before new ones are taken.
        """
        faults = []
        templates = [one for one in self.templates if is_there(one.location_id, server)]
        if not templates:
            faults.append("in a location without the OS template")
        elif server.efi and all(one.efi is False for one in templates):
            faults.append("that boots by EFI, which the OS template does not support")
        pools = [one for one in self.pools if is_there(one.location_id, server)]
        if not pools:
            faults.append("in a location without the IP pool")
        elif all(self._too_few(pool, server) for pool in pools):
            faults.append(f"for which the IP pool has too few free addresses ({self.addresses} are ordered)")
        return faults

    def _too_few(self, pool: IpPool, server: Server) -> bool:
        own = sum(address.pool_id in (None, pool.id) for address in server.addresses)
        return pool.free is not None and pool.free + own < self.addresses


async def needs_of(panel: Panel, order: Order) -> Needs:
    """What the order needs, read from the panel now. Raises StepRefused: the panel has no such template or pool."""
    return Needs(await templates_named(panel, order), await _pools(panel, order), order.ipv4_count)


async def find_template(panel: Panel, order: Order, location_id: int | None, *, efi: bool | None = None) -> OsTemplate:
    """The OS template that was ordered: the server's location's own, and with EFI, where there is such a one.

    Raises StepRefused: the panel has none of that name.
    """
    return min(
        await templates_named(panel, order),
        key=lambda one: (
            one.location_id not in (None, location_id),
            bool(efi) and one.efi is False,
            one.location_id != location_id,
        ),
    )


async def template_for(panel: Panel, order: Order, server: Server, *, by_client: bool) -> OsTemplate:
    """The ordered OS template that a server in use can be installed with, its location's own first.

    Raises StepRefused: the panel has none of that name, or it is another location's, for diagnostics, not for EFI, or,
    where a client asks, none of the order's list, or for administrators.
    """
    allowed = order.reinstall_templates
    if by_client and allowed is not None and not any(same_text(one, order.os_template) for one in allowed):
        raise StepRefused(
            f"The OS template {order.os_template!r} is none of those that clients may install on server {server.id} "
            f"({', '.join(allowed[:5]) or 'none'}). Nothing was touched: choose one of them. If the product lists it "
            "by now, press Change Package on the service, which takes the list over."
        )
    found = await templates_named(panel, order)
    place = server.location_id
    fits: dict[str, Callable[[OsTemplate], bool]] = {
        "is tied to other locations than that of": lambda one: is_there(one.location_id, server),
        "is for diagnostics or rescue, and no OS for": lambda one: not one.is_tool,
        "does not support EFI, by which boots": lambda one: not (server.efi and one.efi is False),
        "is for administrators only, and a client asks for": lambda one: not (by_client and one.admin_only),
    }
    for why, is_fit in fits.items():
        found = [one for one in found if is_fit(one)]
        if not found:
            raise StepRefused(
                f"The OS template {order.os_template!r} {why} server {server.id}. Nothing was touched: choose another."
            )
    return min(found, key=lambda one: one.location_id != place)


async def find_pool(panel: Panel, order: Order, location_id: int | None = None) -> IpPool:
    """The IP pool that the product names, the server's location's own if there is one.

    Raises StepRefused: the panel has none of that name.
    """
    return min(
        await _pools(panel, order),
        key=lambda one: (one.location_id not in (None, location_id), one.location_id != location_id),
    )


def is_there(location_id: int | None, server: Server) -> bool:
    """Whether a template or a pool is of the server's location; what is tied to none is everywhere."""
    return location_id is None or server.location_id is None or location_id == server.location_id


async def templates_named(panel: Panel, order: Order) -> list[OsTemplate]:
    """The OS templates of the ordered name, one for each location. Raises StepRefused: the panel has none."""
    templates = await panel.os_templates.all()
    named = [template for template in templates if same_text(template.name, order.os_template)]
    if not named:
        known = [template.name for template in templates if not template.is_tool]
        text = no_such("OS template", order.os_template, known, "Operation system", panel.name)
        raise StepRefused(text + _odd("OS template", templates.odd))
    return named


async def _pools(panel: Panel, order: Order) -> list[IpPool]:
    pools = await panel.addresses.pools()
    named = [pool for pool in pools if same_text(pool.name, order.ip_pool)]
    if not named:
        text = no_such("IP pool", order.ip_pool, [pool.name for pool in pools], "IP address group", panel.name)
        raise StepRefused(text + _odd("IP pool", pools.odd))
    return named


def _odd(noun: str, rows: Collection[OddRow]) -> str:
    return f" Or it is one that cannot be read ({named_rows(rows, noun)})." if rows else ""


def no_such(what: str, name: str, known: list[str], setting: str, panel: str) -> str:
    """One line for a name that the panel does not know, with the nearest ones that it does."""
    names = sorted(set(known))  # a template is there once for each location
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"Nearest: {', '.join(near)}." if near else f"Known: {', '.join(names[:5]) or 'none'}."
    return f"Panel {panel} has no {what} {name!r}. {hint} Correct the product's {setting} and order again."
