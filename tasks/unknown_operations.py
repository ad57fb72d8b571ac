"""What the panel shows of a server that the ledger does not know: a client's data may be on its disks (safety rule 24).

An activation that is older than what happened since, as in a ledger that was restored, must not install over it.
"""

from dcimanager.operations import Operation, OperationProgress
from dcimanager.servers import Server
from ledger import install_permits, journal, restored
from ledger.hold_reasons import HoldReason
from ledger.install_permits import seen_as
from ledger.snapshots import Claim, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.connections import ledger
from runtime.driver import driving
from runtime.errors import Held
from tasks.identity import claim_of
from tasks.whose import whmcs_row
from whmcs.services import comparable

IN_USE = ("active", "suspended")

ACTIVATING = (State.CLAIMED, State.PREPARING, State.INSTALLING)


async def operations_of(service: Service) -> set[int]:
    """The operations that the ledger knows of the service's server: those it asked for, and what it found before."""
    known = {service.claim.operation_before} if service.claim is not None else set()
    for entry in await journal.entries(ledger(), service.service_id, service.generation):
        if entry.step == StepName.DEPLOY_OS:
            known |= {_number(entry.before), _number(entry.result)}
    return {one for one in known if one is not None}


async def require_no_clients_data(service: Service, server: Server) -> None:
    """Make sure, before an activation changes what a client would miss, that no client got this server since.

    Held: the panel shows an OS installation that the ledger does not know, finished or running (what runs and is not
    known to be something else counts as one); or another such operation, and WHMCS shows the service in use with one of
    the server's addresses. A person's retry of that hold is the permit for this one installation. A first activation
    costs no call: what was there before the claim is known.
    """
    last = server.operation
    if last is None or _runs_beside(last) or last.id in await operations_of(service):
        return
    if await _is_of_before_the_claim(service, last):
        return
    adopts = await _is_asked_for(service, last)
    if adopts or not (_is_an_os(last) or await _is_delivered(service, server)):
        return
    drive = driving(service)
    claim = claim_of(service)
    if await drive.write(install_permits.use, server_id=claim.server_id, operation_seen=last.id):
        return
    raise Held(
        HoldReason.RESTORED,
        f"Server {server.id} shows an OS, or something later, that the ledger did not ask for ({seen_as(last.id)}): "
        "its client may use it already. Nothing was installed over it. Release it, if it is so; a retry installs over "
        "whatever is on the disks.",
        server=server.id,
    )


def _runs_beside(operation: Operation) -> bool:
    return operation.progress is OperationProgress.RUNNING and operation.is_install is False


def _is_an_os(operation: Operation) -> bool:
    if operation.running:
        return operation.is_install is not False
    return operation.is_install is True and operation.progress is OperationProgress.FINISHED


async def _is_of_before_the_claim(service: Service, last: Operation) -> bool:
    """Whether it is older than a claim that was made before the ledger recorded what the server had shown.

    No server is sold whose last operation is an installation, so one is never of before. Panels count operations up.
    """
    claim = service.claim
    if claim is None or claim.operation_before is not None or service.state not in ACTIVATING:
        return False
    return last.is_install is False and last.id <= await _newest_known(claim)


async def _newest_known(claim: Claim) -> int:
    return await restored.newest_operation(ledger(), claim.panel, until=claim.claimed_at)


async def _is_asked_for(service: Service, last: Operation) -> bool:
    """Whether it can be what an interrupted run asked for: then it is adopted, and nothing is installed."""
    entry = await journal.latest(driving(service).ledger, service.service_id, service.generation, StepName.DEPLOY_OS)
    return entry is not None and entry.result is None and last.is_install is not False


async def _is_delivered(service: Service, server: Server) -> bool:
    if not service.is_known_to_whmcs:
        return False
    record = await whmcs_row(service)
    return record.meaning.desired in IN_USE and bool(
        record.addresses & comparable(address.address for address in server.addresses)
    )


def _number(facts: object) -> int | None:
    found = facts.get("operation") if isinstance(facts, dict) else None
    return found if isinstance(found, int) else None
