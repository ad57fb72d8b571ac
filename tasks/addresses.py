"""IP addresses of the service's server: taken off, and given from the product's pool."""

from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import JsonValue

from dcimanager.addresses import Address, Family, IpPool
from dcimanager.errors import PanelRefused
from dcimanager.panel import Panel
from ledger.snapshots import Entry, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import PoolRefused
from runtime.polling import poll
from runtime.run_log import run_log
from runtime.steps import create_once, creates, ensures
from tasks import intents
from tasks.already import so_already
from tasks.identity import own_server
from tasks.order import find_pool, order_of
from tasks.progress import set_run_labels
from tasks.unknown_operations import require_no_clients_data

ADDRESS_SECONDS = 300
"""An address is configured on switches and DHCP in seconds; the panel shows "allocating" until then."""


@ensures(
    "no foreign addresses",
    run_name="take old addresses off the server of service {service.service_id}",
    calls=("address_list", "address_remove"),
)
async def release_addresses(service: Service) -> None:
    """Take every address off the server that this activation did not give; a deletion takes all of them off.

    Held: the server shows an OS that the ledger does not know: they may be its client's.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 7, and "Service deletion", step 4.
    """
    drive = driving(service)
    server = await own_server(service)
    service = await drive.fresh()
    panel = await drive.panel()
    foreign = await _foreign(panel, service, server.id)
    if foreign and service.state is not State.RELEASING:
        await require_no_clients_data(service, server)
    for address in foreign:
        await own_server(service)
        await so_already(  # gone since we looked, perhaps; whether all are is looked at below
            panel.addresses.remove(server.id, address.id),
            partial(is_gone, panel, server.id, address.id),
            what=f"taking address {address.address} off server {server.id}",
        )
        run_log().info("server %s: address %s asked to be released", server.id, address.address)
    await poll(
        lambda: _foreign(panel, service, server.id),
        lambda left: not left,
        within_seconds=ADDRESS_SECONDS,
        otherwise=f"The old addresses of server {server.id} do not go away. Look at them on the panel, press Retry.",
    )


async def is_gone(panel: Panel, server_id: int, address_id: int) -> bool:
    """Whether the server has no such address any more. Raises PanelError."""
    return all(address.id != address_id for address in await panel.addresses.of_server(server_id))


async def _foreign(panel: Panel, service: Service, server_id: int) -> list[Address]:
    present = await panel.addresses.of_server(server_id)
    if service.state is State.RELEASING:
        return present
    given = {address.id for address in await _given(service, present)}
    return [address for address in present if address.id not in given]


async def _given(service: Service, present: list[Address]) -> list[Address]:
    """The present addresses that this generation was given, also those whose answer was lost."""
    entry = await intents.latest(service, StepName.ADDRESSES)
    if entry is None:
        return []
    old = (entry.before or {}).get("addresses", [])
    return [address for address in present if isinstance(old, list) and address.id not in old]


async def given_addresses(service: Service, server_id: int) -> list[Address]:
    """The addresses that this service's server was given, IPv4 first, in the panel's order: the first is the main one.

    Of a server that was adopted, which had its own, these are all that it has.
    """
    panel = await driving(service).panel()
    present = ipv4_first(await panel.addresses.of_server(server_id))
    if await intents.latest(service, StepName.ADDRESSES) is None:
        return present
    return await _given(service, present)


@creates(
    "addresses from the pool",
    run_name="give the server of service {service.service_id} its addresses",
    calls=("address_list", "address_add"),
)
async def assign_addresses(service: Service) -> int:
    """Give the server as many IPv4 addresses of the product's pool as were ordered; returns how many it has.

    Refused: the pool is unknown (with the nearest names) or exhausted.
    Held: the answer was lost and looking did not work.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 8.
    """
    drive = driving(service)
    service = await drive.fresh()
    order = order_of(service)
    panel = await drive.panel()
    server = await own_server(service)
    pool = await find_pool(panel, order, server.location_id)
    present = await panel.addresses.of_server(server.id)
    before: dict[str, JsonValue] = {"addresses": [address.id for address in present]}
    entry = await intents.record_intent(service, StepName.ADDRESSES, before=before)
    given = await give(
        service, entry, pool=pool, count=order.ipv4_count, given=lambda: given_addresses(service, server.id)
    )
    await intents.record_result(service, entry, addresses=[address.id for address in given])
    run_log().info("server %s has %s", server.id, ", ".join(address.address for address in given))
    await set_run_labels(addresses=" ".join(address.address for address in given))
    return len(given)


def ipv4_first(addresses: list[Address]) -> list[Address]:
    """The addresses with IPv4 first, else in their order: a server's main address is an IPv4."""
    return sorted(addresses, key=lambda address: address.family != "ipv4")


def of_family(addresses: list[Address], family: Family) -> list[Address]:
    """Those of the addresses that are of this family."""
    return [address for address in addresses if address.family == family]


async def give(
    service: Service,
    entry: Entry,
    *,
    pool: IpPool,
    count: int,
    given: Callable[[], Awaitable[list[Address]]],
    family: Family = "ipv4",
) -> list[Address]:
    """Have the pool give the server what is missing of `count` addresses of a family, once.

    `given` shows those that are there, of whichever family.

    Returns what is there when all of it is ready. Raises what `create_once` raises; PoolRefused: the pool has too few;
    StepRefused: the addresses do not become ready.
    """
    drive = driving(service)
    panel = await drive.panel()
    server = await own_server(service)
    kind = "address(es)" if family == "ipv4" else "IPv6 address(es)"
    what = f"{count} {kind} for server {server.id}"

    async def look() -> list[Address] | None:
        there = await given()
        return there if len(of_family(there, family)) >= count else None

    async def is_given() -> bool:
        return await look() is not None

    async def send() -> list[Address] | None:
        there = await given()
        missing = count - len(of_family(there, family))
        if missing < 1:
            return there  # somebody gave them since the look
        await own_server(service)
        try:
            await so_already(
                panel.addresses.add(server.id, pool_id=pool.id, count=missing, family=family),
                is_given,
                what=f"giving {what}",
            )
        except PanelRefused as error:
            raise PoolRefused(
                f"Pool {pool.name} gave no {missing} {kind} for server {server.id}: {error.message.rstrip('.')}. "
                "Add addresses to the pool and press Retry."
            ) from None
        return None

    await create_once(look=look, send=send, what=what, lost_since=intents.lost_since(entry))
    return await poll(
        given,
        lambda seen: all(address.ready for address in seen),
        within_seconds=ADDRESS_SECONDS,
        otherwise=f"The addresses of server {server.id} are not ready after five minutes. Press Retry.",
    )
