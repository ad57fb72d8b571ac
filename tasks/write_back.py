"""What is read from WHMCS about a service and written back to it.

Personal data and passwords are read where used, never kept.
"""

import secrets
import string

from pydantic import SecretStr

from ledger.orders import same_host
from ledger.snapshots import Service
from ledger.states import State
from runtime.connections import panel_named, whmcs_api
from runtime.driver import driving
from runtime.errors import Held, NoLongerWanted, StepRefused
from runtime.plain_text import one_line
from runtime.run_log import run_log
from runtime.steps import ensures, reads
from tasks.addresses import given_addresses, ipv4_first
from tasks.admin_user import admin_user
from tasks.identity import own_server
from tasks.in_use import order_in_use
from tasks.progress import LONGEST_LABEL, Labels, Progress, facts_of, set_run_labels
from tasks.whose import record_whose, whmcs_row
from whmcs.errors import WhmcsError
from whmcs.services import WhmcsService, comparable
from whmcs.statuses import ServiceStatus
from whmcs.text import spelled

PASSWORD_LENGTH = 20


async def root_password(service: Service) -> SecretStr:
    """The service's password in WHMCS; one is made and stored there first when it has none.

    A rehearsal's is made here and known to nobody.
    """
    if service.is_rehearsal:
        return _new_password()
    record = await whmcs_row(service, fresh=True)
    if not record.password.get_secret_value():
        await (await whmcs_api()).services.update(service.service_id, password=_new_password())
        record = await whmcs_row(service, fresh=True)
    return record.password


async def renew_password(service: Service, before: SecretStr) -> SecretStr:
    """Have WHMCS keep another password of the service than `before`; returns the new one as WHMCS shows it.

    Refused: WHMCS did not keep it. Raises WhmcsError: an answer was lost, and WHMCS may show the new one by now.
    """
    await (await whmcs_api()).services.update(service.service_id, password=_new_password())
    kept = (await whmcs_row(service, fresh=True)).password
    if not kept.get_secret_value() or kept == before:
        raise StepRefused(f"WHMCS did not keep a new password for service {service.service_id}. Look at it there.")
    return kept


async def put_back_password(service: Service, before: SecretStr) -> bool:
    """Have WHMCS show the password again that the server still has; whether it does.

    What does not work is a warning that says what to do, without the password.
    """
    try:
        await (await whmcs_api()).services.update(service.service_id, password=before)
        if (await whmcs_row(service, fresh=True)).password == before:
            return True
        why = "WHMCS shows another one"
    except (WhmcsError, Held, StepRefused) as error:
        why = str(error)
    run_log().warning(
        "The server of service %s was not touched and has its old password, and WHMCS may show a new one (%s). Enter "
        "the server's own there if its client knows it, or set one on the server; another reinstallation makes both "
        "the same again.",
        service.service_id,
        why,
    )
    return False


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

    Refused: it is Cancelled, Terminated or Fraud in WHMCS, or WHMCS does not know it, or has it for another client. A
    server that an earlier run got for it is taken back if it was cancelled or terminated.
    """
    record = await whmcs_row(service)
    if not record.meaning.wanted:
        raise _unwanted(service, record, "nothing was done for it.")
    if service.claim is None:
        await record_whose(service, record)


@reads("WHMCS has ended the service", run_name="look whether service {service.service_id} is still ended in WHMCS")
async def check_ended(service: Service) -> None:
    """Look again before a server is taken back that an activation found unwanted: hours may have passed in a queue.

    Once its wipe is permitted there is no way back, so nothing is looked at any more.
    Refused: WHMCS wants it by now. Raises WhmcsNotFound: WHMCS does not show it, which does not mean ended (safety rule
    9).
    """
    if service.state is State.ERASING:
        return
    record = await whmcs_row(service)
    if not record.meaning.ended:
        raise StepRefused(
            f"Service {service.service_id} is {record.status} in WHMCS by now: its server is left to it. "
            "Delete it in WHMCS if it should go all the same."
        )


@ensures("WHMCS knows the server", run_name="write the server of service {service.service_id} back to WHMCS")
async def announce(service: Service, *, is_sold: bool = False) -> None:
    """Write address, addresses, user name and status into WHMCS in one call and read them back.

    Only what differs is written; lines of Assigned IPs that are no addresses stay. `is_sold`: the service was in use
    before, so the host name that WHMCS shows stays, and so does its Dedicated IP while the server has it.
    Refused: the service is not wanted any more (if it was cancelled or terminated meanwhile, the run that takes its
    server back is started), or WHMCS did not keep what was written.
    Source: docs/sources.md, WHMCS 22.
    """
    server = await own_server(service)
    service = await driving(service).fresh()  # a reinstallation has changed the OS template of its order
    order = await order_in_use(service)
    addresses = [address.address for address in await given_addresses(service, server.id)]
    username = await admin_user(await driving(service).panel(), order.os_template, server.location_id)
    # The last look before writing: a cancellation that comes while the panel answers must not be written over.
    record = await whmcs_row(service, fresh=True)
    if not record.meaning.wanted:
        raise _unwanted(service, record, "nothing was written there.")
    domain = (record.domain or order.hostname or "") if is_sold else (order.hostname or record.domain)
    if is_sold:
        addresses.sort(key=lambda address: spelled(address) != spelled(record.dedicated_ip))
    if not _knows(record, domain, addresses, username):
        await _write_back(service, record, server.id, domain, addresses, username)
    # Only now: what WHMCS shows as ready its client is sent a mail about, with what stands in WHMCS.
    os = one_line(order.os_template, LONGEST_LABEL)
    ready: Labels = {"step": Progress.READY, "addresses": " ".join(addresses), "os": os, "username": username}
    await set_run_labels(**(facts_of(service) | ready))


async def _write_back(
    service: Service, record: WhmcsService, server_id: int, domain: str, addresses: list[str], username: str
) -> None:
    if not addresses:
        raise StepRefused(f"Server {server_id} has none of the addresses any more that it was given: look at it there.")
    whmcs = await whmcs_api()
    main = addresses[0]
    # Only what differs: WHMCS may have encoded what it shows, the password above all, and would keep that.
    await whmcs.services.update(
        service.service_id,
        domain=None if same_host(record.domain, domain) else domain,
        username=None if record.username == username else username,
        dedicated_ip=None if spelled(record.dedicated_ip) == spelled(main) else main,
        assigned_ips=None if _lists(record, addresses) else [*addresses, *record.notes],
        # A suspension that came meanwhile is WHMCS's to lift.
        status=ServiceStatus.ACTIVE if record.status == ServiceStatus.PENDING else None,
    )
    now = await whmcs.services.get(service.service_id)
    kept = now.notes == record.notes and now.password == record.password
    if not kept or not _knows(now, domain, addresses, username):
        raise StepRefused(f"WHMCS did not keep what was written for service {service.service_id}. Press Retry.")
    await whmcs.log.write(
        f"dciflow: service {service.service_id} is ready on server {server_id}", client_id=record.client_id
    )
    run_log().info("service %s: its server is written back to WHMCS", service.service_id)


@ensures("WHMCS knows the addresses", run_name="write the addresses of service {service.service_id} back to WHMCS")
async def write_addresses(service: Service) -> None:
    """Write all addresses of the server into WHMCS and read them back; nothing else of the service is touched.

    The main address stays the main one as long as the server has it, and so do lines that are no addresses.
    Nothing is written when WHMCS has them already, in whichever of its two fields. Refused: the service is not wanted
    any more, the panel shows no address (which is no wish to have none), none of the addresses that WHMCS shows is the
    server's, or WHMCS did not keep what was written.
    """
    server = await own_server(service)
    panel = await panel_named(service.panel)
    addresses = [address.address for address in ipv4_first(await panel.addresses.of_server(server.id))]
    if not addresses:
        raise StepRefused(f"The panel shows no address of server {server.id}, so none was written. Look at it there.")
    record = await whmcs_row(service)
    if not record.meaning.wanted:
        raise StepRefused(f"Service {service.service_id} is {record.status} in WHMCS, so nothing was written there.")
    if record.addresses == comparable(addresses):
        return
    if record.addresses and not record.addresses & comparable(addresses):
        raise StepRefused(
            f"WHMCS shows addresses of service {service.service_id} and none of them is server {server.id}'s: the two "
            "disagree whose server it is, so nothing was written. Look at both."
        )
    whmcs = await whmcs_api()
    main = record.dedicated_ip if spelled(record.dedicated_ip) in comparable(addresses) else addresses[0]
    await whmcs.services.update(
        service.service_id,
        dedicated_ip=None if main == record.dedicated_ip else main,
        assigned_ips=None if _lists(record, addresses) else [*addresses, *record.notes],
    )
    if (await whmcs.services.get(service.service_id)).addresses != comparable(addresses):
        raise StepRefused(f"WHMCS did not keep what was written for service {service.service_id}. Press Retry.")
    run_log().info("WHMCS knows the addresses of service %s", service.service_id)


@ensures("WHMCS knows the host name", run_name="write the host name of service {service.service_id} back to WHMCS")
async def write_host_name(service: Service, name: str) -> None:
    """Write the server's host name into WHMCS and read it back; nothing else of the service is touched.

    Refused: the service is not wanted any more, or WHMCS did not keep what was written.
    """
    record = await whmcs_row(service, fresh=True)
    if not record.meaning.wanted:
        raise StepRefused(f"Service {service.service_id} is {record.status} in WHMCS, so nothing was written there.")
    if same_host(record.domain, name):
        return
    whmcs = await whmcs_api()
    await whmcs.services.update(service.service_id, domain=name)
    if not same_host((await whmcs.services.get(service.service_id)).domain, name):
        raise StepRefused(f"WHMCS did not keep the host name of service {service.service_id}. Ask for it again.")
    run_log().info("WHMCS knows the host name of service %s", service.service_id)


def _unwanted(service: Service, record: WhmcsService, done: str) -> StepRefused:
    """The end of a run whose service WHMCS does not want any more; what was claimed for it is taken back.

    Only on WHMCS's own word about this one service (safety rule 9); a fraud is for a person to look at.
    """
    text = f"Service {service.service_id} is {record.status} in WHMCS: {done}"
    if service.claim is None:
        return StepRefused(text)
    if record.meaning.ended:
        return NoLongerWanted(f"{text} Its server is taken back by the run terminate-service-{service.service_id}.")
    if record.meaning.desired == "unknown":
        return StepRefused(f"{text} That is none of WHMCS's own statuses: set one of them, then press Retry.")
    return StepRefused(f"{text} Its server is still claimed: terminate the service to release it.")


def _knows(record: WhmcsService, domain: str, addresses: list[str], username: str) -> bool:
    return (
        record.meaning.delivered
        and spelled(record.dedicated_ip) == (spelled(addresses[0]) if addresses else "")
        and _lists(record, addresses)
        and record.username == username
        and same_host(record.domain, domain)
    )


def _lists(record: WhmcsService, addresses: list[str]) -> bool:
    """Whether WHMCS's Assigned IPs are these addresses, in this order."""
    return list(map(spelled, record.assigned_ips)) == list(map(spelled, addresses))
