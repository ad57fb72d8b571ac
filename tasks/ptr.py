"""Reverse names (PTR) of the addresses of the service's server: set where the name leads back, cleared at the end."""

from dcimanager.addresses import Address
from dcimanager.errors import PanelError, PanelRefused, WrongCredentials
from ledger import journal
from ledger.orders import host_name, wrong_with_host
from ledger.snapshots import Service
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.gate import entries_of
from runtime.polling import poll
from runtime.resolver import addresses_of
from runtime.run_log import run_log
from runtime.steps import ensures, reads
from tasks import intents
from tasks.identity import own_server
from whmcs.text import is_address, one_line, spelled

PTR_SECONDS = 60
"""The panel hands the name to its name server in seconds."""


@reads(
    "the name leads to the address",
    run_name="look whether the name leads to an address of service {service.service_id}",
)
async def check_forward(service: Service, address: str, name: str) -> str:
    """Make sure that the address is the server's own and that the name leads to it; returns the name as it is set.

    An empty name takes the reverse name away, and leads nowhere.
    Refused: another address, no host name, or one that leads elsewhere: whoever trusts reverse names would be misled.
    """
    row = await _own_address(service, address)
    wanted = host_name(name)
    if not wanted:
        return ""
    shown = one_line(name, 100)
    if wrong := wrong_with_host(wanted):
        raise StepRefused(f"{one_line(wrong, 300)} Nothing was changed.")
    if "." not in wanted or wanted.endswith(".arpa"):
        raise StepRefused(f"{shown!r} is no full host name, such as web1.example.com. Nothing was changed.")
    leads_to = {spelled(one) for one in await addresses_of(wanted)}
    if spelled(row.address) not in leads_to:
        found = f"to {', '.join(sorted(leads_to)[:3])}" if leads_to else "nowhere"
        raise StepRefused(
            f"{shown} leads {found} and not to {row.address}: set its A record first, and ask again when it is known. "
            "Nothing was changed."
        )
    return wanted


@ensures(
    "the address has its name",
    run_name="set the reverse name of an address of service {service.service_id}",
    calls=("address_list", "ptr_set"),
)
async def set_reverse_name(service: Service, address: str, name: str) -> None:
    """Set the reverse name of one of the server's addresses unless it has it, and look again. An empty one clears it.

    Refused: the panel does not manage reverse names, or does not show the new one.
    Source: docs/sources.md, panel 9.
    """
    row = await _own_address(service, address)
    if _named(row) == name:
        return
    drive = driving(service)
    panel = await drive.panel()
    entry = await intents.record_intent(service, StepName.PTR, attempt=row.id)
    await own_server(service)
    try:
        await panel.addresses.set_ptr(row.id, name or None)
    except WrongCredentials:
        raise
    except PanelRefused as refused:
        raise StepRefused(
            f"Panel {panel.name} does not set the name of address {row.address}: {refused.message.rstrip('.')}. It "
            "needs the module Integration with DNSmanager 6. Nothing was changed."
        ) from None
    await poll(
        lambda: _own_address(service, address),
        lambda seen: _named(seen) == name,
        within_seconds=PTR_SECONDS,
        otherwise=f"The panel accepted the name of address {row.address} and does not show it. Look at it there.",
    )
    await intents.record_result(service, entry, address=row.id)
    run_log().info("address %s: its reverse name is %s", row.address, name or "cleared")


@ensures("no names are left", run_name="clear the reverse names that service {service.service_id} has set")
async def clear_ptrs(service: Service) -> None:
    """Clear the reverse names that this service has set, before its addresses go to somebody else. Never ends the run.

    Nothing is asked where [ptr_set] is neither proved nor trusted; what the panel refuses is a line in the log
    (safety rule 18).
    """
    await clear_names(service)


async def clear_names(service: Service, only: int | None = None) -> None:
    """Clear the names that this service has set of its server's addresses, or of one, by its id, as `clear_ptrs`."""
    drive = driving(service)
    entries = await journal.entries(drive.ledger, service.service_id, service.generation)
    ours = {entry.attempt for entry in entries if entry.step == StepName.PTR and only in (None, entry.attempt)}
    if not ours:
        return
    panel = await drive.panel()
    if not (await entries_of(panel))["ptr_set"].is_certain:
        run_log().warning("the reverse names of service %s stay: [ptr_set] is unproved", service.service_id)
        return
    server = await own_server(service)
    try:
        for row in await panel.addresses.of_server(server.id):
            if row.id in ours and _named(row):
                await panel.addresses.set_ptr(row.id, None)
                run_log().info("address %s: its reverse name is cleared", row.address)
    except PanelError as error:
        run_log().warning("the reverse names of server %s were not all cleared: %s", server.id, error)


async def _own_address(service: Service, address: str) -> Address:
    """The server's own address, read afresh. Raises StepRefused: it has no such one; and what `own_server` raises."""
    server = await own_server(service)
    if not is_address(address.strip()):
        raise StepRefused(f"{one_line(address, 60)!r} is no IP address. Nothing was changed.")
    for row in await (await driving(service).panel()).addresses.of_server(server.id):
        if row.family == "ipv4" and row.ready and spelled(row.address) == spelled(address.strip()):
            return row
    raise StepRefused(f"{spelled(address.strip())} is no IPv4 address of this service's server. Nothing was changed.")


def _named(row: Address) -> str:
    return (row.domain or "").strip().rstrip(".").lower()
