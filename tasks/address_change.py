"""The number of a service's IP addresses after the sale: further ones are given, and named ones are given back.

Which address goes back is named by whoever asks: neither a list nor a default chooses it (safety rule 4). The main
address, which WHMCS shows as Dedicated IP, stays.
"""

from typing import NamedTuple

from pydantic import JsonValue

from dcimanager.addresses import Address, Family
from ledger.orders import Order
from ledger.services import reorder
from ledger.snapshots import Entry, Service
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.polling import poll
from runtime.run_log import run_log
from runtime.steps import creates, destroys, ensures, reads
from tasks import intents
from tasks.addresses import ADDRESS_SECONDS, give, given_addresses, is_gone, of_family
from tasks.already import so_already
from tasks.caps import check_addresses_back
from tasks.identity import own_server
from tasks.named_addresses import MORE, MOST_ADDRESSES, check_ipv6, given_by_us, named_in, names_of
from tasks.order import as_meant, find_pool, order_of
from tasks.progress import set_run_labels
from tasks.ptr import clear_names
from tasks.whose import check_wanted, whmcs_row
from whmcs.text import spelled


class AddressChange(NamedTuple):
    """What a change of the number comes to."""

    give_back: tuple[str, ...]
    """The addresses that go back, as the panel spells them; also those that an interrupted run has taken off."""
    attempt: int
    """The number of what goes back in the journal: of an interrupted change that goes on, the same; 0: nothing does."""
    more: int = 0
    """The same of further IPv4 addresses."""
    more_ipv6: int = 0
    """The same of further IPv6 addresses."""


@reads("the change can be done", run_name="check what service {service.service_id} is to have")
async def check_change(service: Service, ipv4_count: int, ipv6_count: int | None, give_back: str) -> AddressChange:
    """Look what a change of the numbers comes to, before anything is touched; the server is read afresh.

    ipv6_count: None leaves the IPv6 addresses as they are.
    Refused: WHMCS does not want the service; a number is out of bounds; what is named is not exactly what is too
    many, is not the service's own or is its main address (the text says which can be named); nobody has answered for
    [address_add_ipv6].
    """
    order_of(service)  # refused now, and not after an address has gone
    return await _change_to(service, ipv4_count, give_back, ipv6_count)


async def _change_to(
    service: Service, ipv4_count: int, give_back: str = "", ipv6_count: int | None = None
) -> AddressChange:
    if not 1 <= ipv4_count <= MOST_ADDRESSES:
        raise StepRefused(f"{ipv4_count} addresses were asked for: ask for 1 to {MOST_ADDRESSES}. Nothing was touched.")
    if ipv6_count is not None and not 0 <= ipv6_count <= MOST_ADDRESSES:
        raise StepRefused(
            f"{ipv6_count} IPv6 addresses were asked for: ask for 0 to {MOST_ADDRESSES}. Nothing was touched."
        )
    await check_wanted(service)
    if ipv6_count is not None:
        await check_ipv6(service)
    named = named_in(give_back)
    own = await _own_addresses(service)
    present = {spelled(address.address): address.id for address in own}
    latest = await intents.latest(service, StepName.GIVE_BACK)
    begun = latest is not None and _is_begun(latest, named, present)
    left = [name for name in named if not begun or name in present]
    more: dict[Family, int] = {}
    wanted: dict[Family, int | None] = {"ipv4": ipv4_count, "ipv6": ipv6_count}
    for family, count in wanted.items():
        theirs, names = of_family(own, family), names_of(left, family)
        if len(names) != (0 if count is None else max(0, len(theirs) - count)):
            raise StepRefused(await _names_wanted(service, own, len(theirs) if count is None else count, names, family))
        if count is not None and not names_of(named, family):
            more[family] = _attempt(given := await intents.latest(service, MORE[family]), _is_open(given))
    for name in left:
        await _check_may_go(service, own, name)
    attempt = _attempt(latest, begun) if named else 0
    return AddressChange(tuple(named), attempt, more.get("ipv4", 0), more.get("ipv6", 0))


def _attempt(latest: Entry | None, begun: bool) -> int:
    return 1 if latest is None else latest.attempt + (0 if begun else 1)


def _is_open(latest: Entry | None) -> bool:
    return latest is not None and latest.state == "intended"


def _is_begun(latest: Entry, named: list[str], present: dict[str, int]) -> bool:
    """Whether what went back last is this: interrupted, or over with all that it named gone.

    An address that was given again since has another id: to give that one back is another change.
    """
    permitted = (latest.before or {}).get("addresses")
    if not isinstance(permitted, dict) or set(permitted) != set(named):
        return False
    there = [name for name in named if name in present]
    return all(permitted[name] == present[name] for name in there) and (latest.state == "intended" or not there)


@reads("the new order can be delivered", run_name="compare the new order of service {service.service_id} with the last")
async def check_new_order(service: Service, order: Order) -> AddressChange:
    """Compare what the product and its options ask for now with what was delivered. No server is touched.

    Refused: it cannot be done, or asks for another configuration or location, or for fewer addresses, without saying
    which go back.
    """
    await check_wanted(service)
    last, new = order_of(service), as_meant(order)
    if problems := new.problems():
        raise StepRefused(f"The new order of service {service.service_id} cannot be done: {' '.join(problems)}")
    if new.client_id != last.client_id:
        raise StepRefused(f"The new order of service {service.service_id} is another client's. Nothing was touched.")
    other = [
        f"{what} {getattr(new, name)!r} in place of {getattr(last, name)!r}"
        for name, what in DELIVERED_ONCE.items()
        if getattr(new, name) != getattr(last, name)
    ]
    if other:
        raise StepRefused(
            f"Service {service.service_id} was changed to {' and '.join(other)}, which its server is not: nothing was "
            "changed. Sell a new service and move the client, or set the product back in WHMCS; what was paid for "
            "the change is in WHMCS's invoice."
        )
    if new.ipv4_count == last.ipv4_count:
        return AddressChange((), 0)
    if new.ipv4_count > last.ipv4_count:
        return await _change_to(service, new.ipv4_count)
    own = await _own_addresses(service)
    if len(of_family(own, "ipv4")) > new.ipv4_count:
        raise StepRefused(await _names_wanted(service, own, new.ipv4_count, [], "ipv4"))
    return AddressChange((), 0)  # somebody has taken them off


DELIVERED_ONCE = {"configuration": "configuration", "location_id": "location"}
"""What a server is and stays; the words are what staff call it."""


@creates(
    "further addresses from the pool",
    run_name="give the server of service {service.service_id} further addresses",
    calls=("address_list", "address_add"),
)
async def assign_more_addresses(service: Service, ipv4_count: int, attempt: int) -> int:
    """Give the server what is missing of so many IPv4 addresses, from the order's pool; returns how many it has.

    Refused: the pool is unknown or exhausted. Held: the answer was lost and looking did not work.
    Source: docs/sources.md, panel 9.
    """
    return await _assign_more(service, ipv4_count, attempt, "ipv4")


@creates(
    "further IPv6 addresses from the pool",
    run_name="give the server of service {service.service_id} further IPv6 addresses",
    calls=("address_list",),
)
async def assign_more_ipv6(service: Service, ipv6_count: int, attempt: int) -> int:
    """Give the server what is missing of so many IPv6 addresses, as `assign_more_addresses`; the pool is the same.

    Refused: the pool has none; nobody has answered for [address_add_ipv6]. Source: docs/sources.md, panel 9.
    """
    await check_ipv6(service)
    return await _assign_more(service, ipv6_count, attempt, "ipv6")


async def _assign_more(service: Service, count: int, attempt: int, family: Family) -> int:
    drive = driving(service)
    server = await own_server(service)
    own = await _own_addresses(service)
    pool = await find_pool(await drive.panel(), order_of(await drive.fresh()), server.location_id)
    before: dict[str, JsonValue] = {"wanted": count, "addresses": [address.id for address in own]}
    entry = await intents.record_intent(service, MORE[family], attempt=attempt, before=before)
    had = (entry.before or {}).get("addresses", [])
    there = await give(service, entry, pool=pool, count=count, given=lambda: _own_addresses(service), family=family)
    new = [address for address in there if isinstance(had, list) and address.id not in had]
    await intents.record_result(service, entry, addresses=[address.id for address in new])
    run_log().info("server %s was given %s", server.id, ", ".join(address.address for address in new) or "none")
    return len(of_family(there, family))


@destroys(
    "the named addresses of the server",
    run_name="take the named addresses off the server of service {service.service_id}",
    calls=("address_list", "address_remove"),
)
async def give_back_addresses(service: Service, named: tuple[str, ...], attempt: int) -> None:
    """Take the named addresses off the server; before each call it is read afresh whether this one may go.

    What permits it is the journal's entry, which has each address with its id; it is written once, before the first.
    Refused: one of them is not the service's own any more, or is its main address by now; the service is protected; so
    many went back within a day that a person has to look.
    """
    if not named:
        return
    drive = driving(service)
    latest = await intents.latest(service, StepName.GIVE_BACK)
    if latest is None or latest.attempt != attempt:  # else it was counted when it began
        await check_addresses_back(service, len(named))
    panel = await drive.panel()
    own = await _own_addresses(service)
    present = {spelled(address.address): address.id for address in own}
    rows: dict[str, JsonValue] = {name: present[name] for name in named if name in present}
    entry = await intents.record_intent(service, StepName.GIVE_BACK, attempt=attempt, before={"addresses": rows})
    permitted = (entry.before or {}).get("addresses")
    for name in named:
        server = await own_server(service)
        own = await _own_addresses(service)
        row = next((address for address in own if spelled(address.address) == name), None)
        if row is None:
            continue  # an interrupted run has taken it off
        if not isinstance(permitted, dict) or permitted.get(name) != row.id:
            raise StepRefused(
                f"Address {name} of server {server.id} is not the one any more that was to go back: it was left. "
                "Look at it on the panel and ask again."
            )
        await clear_names(service, row.id)
        await own_server(service)  # right before the call, whatever came in between
        await _check_may_go(service, own, name, fresh=True)
        await so_already(
            panel.addresses.remove(server.id, row.id),
            lambda row=row, server=server: is_gone(panel, server.id, row.id),  # type: ignore[misc]
            what=f"taking address {name} off server {server.id}",
        )
        run_log().info("server %s: address %s asked to be released", server.id, name)
    await poll(
        lambda: _own_addresses(service),
        lambda seen: not any(spelled(address.address) in named for address in seen),
        within_seconds=ADDRESS_SECONDS,
        otherwise=f"The addresses {', '.join(named)} do not go away. Look at them on the panel, then ask again.",
    )
    await intents.record_result(service, entry, addresses=rows)


@ensures("the order is the new one", run_name="take the new order of service {service.service_id} over")
async def take_over_order(service: Service, order: Order) -> None:
    """Make this the service's order in the ledger, for its next installation and its deletion. No server is touched.

    A wipe delay that was promised with the server is not shortened.
    """
    drive = driving(service)
    if (await drive.fresh()).order != order:
        await drive.write(reorder, order=order)
    run_log().info("the ledger has the new order of service %s", service.service_id)


@reads("which addresses there are", run_name="show in WHMCS which addresses service {service.service_id} has")
async def show_addresses(service: Service) -> None:
    """Label the run with the server's addresses as the panel shows them now."""
    server = await own_server(service)
    present = await (await driving(service).panel()).addresses.of_server(server.id)
    await set_run_labels(addresses=" ".join(address.address for address in present))


async def _own_addresses(service: Service) -> list[Address]:
    """The addresses that the server has for this service, read afresh, IPv4 first."""
    server = await own_server(service)
    return await given_addresses(service, server.id)


async def _main(service: Service, own: list[Address], *, fresh: bool = False) -> str:
    """The service's main address, an IPv4, by WHMCS's Dedicated IP. Raises StepRefused: it is none of those."""
    main = spelled((await whmcs_row(service, fresh=fresh)).dedicated_ip)
    if main not in {spelled(address.address) for address in of_family(own, "ipv4")}:
        raise StepRefused(
            f"WHMCS's Dedicated IP of service {service.service_id} is none of its server's IPv4 addresses, so nobody "
            "knows which one is the main address: correct it in WHMCS, then ask again. No address was given back."
        )
    return main


async def _check_may_go(service: Service, own: list[Address], name: str, *, fresh: bool = False) -> None:
    """Raises StepRefused: the address is not the service's own, was not given by it, or is its main one."""
    can = await _can_go(service, own, fresh=fresh)
    if name not in can:
        raise StepRefused(
            f"Address {name} cannot be given back: it is not one of those that service {service.service_id} was given "
            f"beside its main address. {_choice(can)} Nothing was given back."
        )


async def _can_go(service: Service, own: list[Address], *, fresh: bool = False) -> list[str]:
    main, given = await _main(service, own, fresh=fresh), await given_by_us(service)
    return [
        spelled(address.address)
        for address in own
        if spelled(address.address) != main and (given is None or address.id in given)
    ]


def _choice(can: list[str]) -> str:
    return f"Those that can be named: {', '.join(can)}." if can else "There is none that can be named."


async def _names_wanted(service: Service, own: list[Address], wanted: int, named: list[str], family: Family) -> str:
    """The line of a change that names too many addresses of a family, or too few."""
    has = len(of_family(own, family))
    too_many = max(0, has - wanted)
    kind = "address(es)" if family == "ipv4" else "IPv6 address(es)"
    line = f"Service {service.service_id} has {has} {kind} and is to have {wanted}"
    if not too_many:
        return f"{line}: none goes back, and {len(named)} are named to. Nothing was touched."
    choice = _choice(names_of(await _can_go(service, own), family))
    return (
        f"{line}, and {len(named)} are named to go back. Name exactly {too_many} on the service's page in WHMCS. "
        f"{choice} Nothing was touched."
    )
