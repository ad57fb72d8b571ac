"""What WHMCS is asked and told about a service. Personal data and passwords are read where used, never kept."""

import secrets
import string

from pydantic import SecretStr

from ledger.lifecycle import State
from ledger.snapshots import Service
from tasks.addresses import given_addresses
from tasks.connections import billing, panel_named
from tasks.differences import addresses_in_whmcs, as_addresses
from tasks.effects import ensures, reads
from tasks.identity import own_server
from tasks.log import run_log
from tasks.orders import order_of
from tasks.outcomes import NoLongerWanted, Refusal
from tasks.progress import Progress, facts_of, label
from whmcs.services import BillingService, ServiceStatus

WANTED = frozenset({ServiceStatus.PENDING, ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED})
"""A service that still wants its server. Cancelled, Terminated and Fraud do not."""

ENDED = frozenset({ServiceStatus.CANCELLED, ServiceStatus.TERMINATED})
"""A service whose client or whose host has ended it."""

PASSWORD_LENGTH = 20


async def root_password(service: Service) -> SecretStr:
    """The service's password in WHMCS; one is made and stored there first when it has none."""
    whmcs = await billing()
    record = await whmcs.services.get(service.service_id)
    if not record.password.get_secret_value():
        await whmcs.services.update(service.service_id, password=_new_password())
        record = await whmcs.services.get(service.service_id)
    return record.password


def _new_password() -> SecretStr:
    """Letters and digits with one of each kind: what Linux and Windows templates accept."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    letters = [secrets.choice(kind) for kind in kinds]
    letters += [secrets.choice("".join(kinds)) for _ in range(PASSWORD_LENGTH - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return SecretStr("".join(letters))


@reads("WHMCS still wants the service", run_name="look whether WHMCS still wants service {service.service_id}")
async def check_wanted(service: Service) -> None:
    """Look before anything is claimed whether the service is still wanted.

    Refused: it is Cancelled, Terminated or Fraud in WHMCS, or WHMCS does not know it. A server that an earlier run got
    for it is taken back if it was cancelled or terminated.
    """
    record = await (await billing()).services.get(service.service_id)
    if record.status not in WANTED:
        raise _unwanted(service, record, "nothing was done for it.")


@reads("WHMCS has ended the service", run_name="look whether service {service.service_id} is still ended in WHMCS")
async def check_ended(service: Service) -> None:
    """Look again before a server is taken back that an activation found unwanted: hours may have passed in a queue.

    Once its wipe is permitted there is no way back, so nothing is looked at any more.
    Refused: WHMCS wants it by now. Raises NotFound: WHMCS does not show it, which does not mean ended (safety rule 9).
    """
    if service.state is State.ERASING:
        return
    record = await (await billing()).services.get(service.service_id)
    if record.status not in ENDED:
        raise Refusal(
            f"Service {service.service_id} is {record.status} in WHMCS by now: its server is left to it. "
            "Delete it in WHMCS if it should go all the same."
        )


@ensures("WHMCS knows the server", run_name="write the server of service {service.service_id} back to WHMCS")
async def announce(service: Service) -> None:
    """Write address, addresses, user name, password and status into WHMCS in one call and read them back.

    Nothing is written when WHMCS has it all already. Refused: the service is not wanted any more (if it was cancelled
    or terminated meanwhile, the run that takes its server back is started), or WHMCS did not keep what was written.
    Source: dossier "WHMCS", section 22, "Write-back order".
    """
    server = await own_server(service)
    order = order_of(service)
    addresses = [address.address for address in await given_addresses(service, server.id)]
    username = "Administrator" if "windows" in order.os_template.casefold() else "root"
    # The last look before writing: a cancellation that comes while the panel answers must not be written over.
    whmcs = await billing()
    record = await whmcs.services.get(service.service_id)
    if record.status not in WANTED:
        raise _unwanted(service, record, "nothing was written there.")
    domain = order.hostname or record.domain
    if not _knows(record, domain, addresses, username):
        await _write_back(service, record, server.id, domain, addresses, username)
    # Only now: what WHMCS shows as ready its client is sent a mail about, with what stands in WHMCS.
    await label(step=Progress.READY, addresses=" ".join(addresses), username=username, **facts_of(service))


async def _write_back(
    service: Service, record: BillingService, server_id: int, domain: str, addresses: list[str], username: str
) -> None:
    whmcs = await billing()
    await whmcs.services.update(
        service.service_id,
        domain=domain or None,
        username=username,
        password=record.password,
        dedicated_ip=addresses[0] if addresses else None,
        assigned_ips=addresses,
        # A suspension that came meanwhile is WHMCS's to lift.
        status=ServiceStatus.ACTIVE if record.status == ServiceStatus.PENDING else None,
    )
    now = await whmcs.services.get(service.service_id)
    if not _knows(now, domain, addresses, username) or now.password != record.password:
        raise Refusal(f"WHMCS did not keep what was written for service {service.service_id}. Press Retry.")
    await whmcs.log.write(
        f"dciflow: service {service.service_id} is ready on server {server_id}", client_id=record.client_id
    )
    run_log().info("WHMCS knows the server of service %s", service.service_id)


@ensures("WHMCS knows the addresses", run_name="write the addresses of service {service.service_id} back to WHMCS")
async def write_addresses(service: Service) -> None:
    """Write all addresses of the server into WHMCS and read them back; nothing else of the service is touched.

    The main address stays the main one as long as the server has it.
    Nothing is written when WHMCS has them already, in whichever of its two fields. Refused: the service is not wanted
    any more, the panel shows no address (which is no wish to have none), or WHMCS did not keep what was written.
    """
    server = await own_server(service)
    panel = await panel_named(service.panel)
    addresses = [address.address for address in await panel.addresses.of_server(server.id)]
    if not addresses:
        raise Refusal(f"The panel shows no address of server {server.id}, so none was written. Look at it there.")
    whmcs = await billing()
    record = await whmcs.services.get(service.service_id)
    if record.status not in WANTED:
        raise Refusal(f"Service {service.service_id} is {record.status} in WHMCS, so nothing was written there.")
    if addresses_in_whmcs(record) == as_addresses(addresses):
        return
    main = record.dedicated_ip if record.dedicated_ip in addresses else addresses[0]
    await whmcs.services.update(service.service_id, dedicated_ip=main, assigned_ips=addresses)
    if addresses_in_whmcs(await whmcs.services.get(service.service_id)) != as_addresses(addresses):
        raise Refusal(f"WHMCS did not keep what was written for service {service.service_id}. Press Retry.")
    run_log().info("WHMCS knows the addresses of service %s", service.service_id)


def _unwanted(service: Service, record: BillingService, done: str) -> Refusal:
    """The end of a run whose service WHMCS does not want any more; what was claimed for it is taken back.

    Only on WHMCS's own word about this one service (safety rule 9); a fraud is for a person to look at.
    """
    text = f"Service {service.service_id} is {record.status} in WHMCS: {done}"
    if service.claim is None:
        return Refusal(text)
    if record.status in ENDED:
        return NoLongerWanted(f"{text} Its server is taken back by the run terminate-service-{service.service_id}.")
    return Refusal(f"{text} Its server is still claimed: terminate the service to release it.")


def _knows(record: BillingService, domain: str, addresses: list[str], username: str) -> bool:
    return (
        record.status in (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
        and record.dedicated_ip == (addresses[0] if addresses else "")
        and list(record.assigned_ips) == addresses
        and record.username == username
        and record.domain.casefold() == domain.casefold()
    )
