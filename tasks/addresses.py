"""IP addresses of the service's server: taken off, and given from the product's pool."""

from contextlib import suppress

from pydantic import JsonValue

from dcimanager.addresses import Address
from dcimanager.errors import NotFound, Refused
from dcimanager.panel import Panel
from ledger.lifecycle import State
from ledger.snapshots import Service
from tasks import intents
from tasks.connections import panel_named
from tasks.effects import creates, ensures, make_once
from tasks.identity import fresh, own_server, poll
from tasks.log import run_log
from tasks.orders import find_pool, order_of
from tasks.outcomes import Refusal
from tasks.progress import label

STEP = "addresses"

ADDRESS_SECONDS = 300
"""An address is configured on switches and DHCP in seconds; the panel shows "allocating" until then."""


@ensures("no foreign addresses", run_name="take old addresses off the server of service {service.service_id}")
async def release_addresses(service: Service) -> None:
    """Take every address off the server that this activation did not give; a deletion takes all of them off.

    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 7, and "Service deletion", step 4.
    """
    server = await own_server(service)
    service = await fresh(service)
    panel = await panel_named(service.panel)
    for address in await _foreign(panel, service, server.id):
        await own_server(service)
        with suppress(NotFound):  # gone since we looked; whether all are is looked at below
            await panel.addresses.remove(server.id, address.id)
        run_log().info("server %s: address %s asked to be released", server.id, address.address)
    await poll(
        lambda: _foreign(panel, service, server.id),
        lambda left: not left,
        within_seconds=ADDRESS_SECONDS,
        otherwise=f"The old addresses of server {server.id} do not go away. Look at them on the panel, press Retry.",
    )


async def _foreign(panel: Panel, service: Service, server_id: int) -> list[Address]:
    present = await panel.addresses.of_server(server_id)
    if service.state is State.RELEASING:
        return present
    given = {address.id for address in await _given(service, present)}
    return [address for address in present if address.id not in given]


async def _given(service: Service, present: list[Address]) -> list[Address]:
    """The present addresses that this generation was given, also those whose answer was lost."""
    entry = await intents.latest(service, STEP)
    if entry is None:
        return []
    old = (entry.before or {}).get("addresses", [])
    return [address for address in present if isinstance(old, list) and address.id not in old]


async def given_addresses(service: Service, server_id: int) -> list[Address]:
    """The addresses that this activation gave the server, in the panel's order: the first is the main one."""
    panel = await panel_named(service.panel)
    return await _given(service, await panel.addresses.of_server(server_id))


@creates("addresses from the pool", run_name="give the server of service {service.service_id} its addresses")
async def assign_addresses(service: Service) -> int:
    """Give the server as many IPv4 addresses of the product's pool as were ordered; returns how many it has.

    Refused: the pool is unknown (with the nearest names) or exhausted.
    Held: the answer was lost and looking did not work.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 8.
    """
    service = await fresh(service)
    order = order_of(service)
    panel = await panel_named(service.panel)
    pool = await find_pool(panel, order)
    server = await own_server(service)
    present = await panel.addresses.of_server(server.id)
    before: dict[str, JsonValue] = {"addresses": [address.id for address in present]}
    entry = await intents.note(service, STEP, before=before)

    async def look() -> list[Address] | None:
        given = await given_addresses(service, server.id)
        return given if len(given) >= order.ipv4_count else None

    async def send() -> list[Address] | None:
        given = await given_addresses(service, server.id)
        missing = order.ipv4_count - len(given)
        await own_server(service)
        try:
            await panel.addresses.add(server.id, pool_id=pool.id, count=missing)
        except Refused as error:
            raise Refusal(
                f"Pool {pool.name} gave no {missing} address(es) for server {server.id}: {error.message.rstrip('.')}. "
                "Add addresses to the pool and press Retry."
            ) from None
        return None

    what = f"{order.ipv4_count} address(es) for server {server.id}"
    await make_once(look=look, send=send, what=what, lost_since=intents.lost_since(entry))
    given = await poll(
        lambda: given_addresses(service, server.id),
        lambda seen: all(address.ready for address in seen),
        within_seconds=ADDRESS_SECONDS,
        otherwise=f"The addresses of server {server.id} are not ready after five minutes. Press Retry.",
    )
    await intents.done(service, entry, addresses=[address.id for address in given])
    run_log().info("server %s has %s", server.id, ", ".join(address.address for address in given))
    await label(addresses=" ".join(address.address for address in given))
    return len(given)
