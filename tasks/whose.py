"""Whose a service is: WHMCS's own row of it, compared with what the ledger recorded (safety rule 16).

A service's number alone may be given out again. A rehearsal's number is unknown to WHMCS, so nothing is asked of it.
"""

from datetime import timedelta

from ledger import decisions, services
from ledger.hold_reasons import HoldReason
from ledger.service_identity import ServiceIdentity, day_of
from ledger.services import VACANT
from ledger.snapshots import Service
from ledger.states import State
from runtime.connections import whmcs_api
from runtime.driver import driving
from runtime.errors import Held, StepRefused
from runtime.run_log import run_log
from whmcs.errors import WhmcsError
from whmcs.services import WhmcsService

TAKEN_BACK = frozenset({State.RELEASING, State.ERASING})

BELIEVED = timedelta(seconds=60)
"""WHMCS's row of a service is believed for so long within one run: a client does not change from step to step."""


async def whmcs_row(service: Service, *, fresh: bool = False) -> WhmcsService:
    """WHMCS's row of the service, compared with the ledger; at most 60 s old, and of this moment with `fresh`.

    Held: it is not the client, order or registration date that was recorded. StepRefused instead: there is no server to
    keep from harm. Raises WhmcsNotFound: WHMCS does not show it, which does not mean ended (safety rule 9).
    """
    drive = driving(service)
    if drive.billed is not None and not fresh and drive.elapsed(drive.billed[0]) < BELIEVED:
        return drive.billed[1]
    asked = drive.now()
    record = await (await whmcs_api()).services.get(service.service_id)
    check_whose(drive.opened, record)
    drive.billed = asked, record
    return record


async def check_wanted(service: Service) -> None:
    """Raises StepRefused: WHMCS has ended the service (safety rule 17)."""
    record = await whmcs_row(service)
    if not record.meaning.wanted:
        raise StepRefused(f"Service {service.service_id} is {record.status} in WHMCS: nothing was changed.")


async def confirm_whose(service: Service, *, fresh: bool = False) -> None:
    """Make sure that WHMCS has the service for the client whose server it is, before anything is changed.

    Not asked of what WHMCS does not know, nor of a deletion that a person ordered: they looked whose server it is, and
    it is the only way out for one whose number WHMCS gave out again.

    An unsuspension that names this client goes on with a warning when WHMCS does not answer, refuses to, or does not
    show the service; everything else ends there. Raises what `whmcs_row` raises.
    """
    if not service.is_known_to_whmcs or await ordered_by_a_person(service):
        return
    try:
        await whmcs_row(service, fresh=fresh)
    except WhmcsError as error:
        if not driving(service).vouched_for:
            raise
        run_log().warning("%s The command names the client whose server it is, so it is put back all the same.", error)


async def ordered_by_a_person(service: Service) -> bool:
    """Whether a person's decision, kept in the ledger, is what takes this server back."""
    if service.state not in TAKEN_BACK or service.releasing_since is None:
        return False
    decided = await decisions.of_service(driving(service).ledger, service.service_id)
    return any(one.choice == "terminate" and one.at >= service.releasing_since for one in decided)


def identity_of(record: WhmcsService) -> ServiceIdentity:
    """What WHMCS's row says of whose the service is; it does not tell which installation it is of."""
    return ServiceIdentity(
        client_id=record.client_id, order_id=record.order_id or None, registered=day_of(record.registered)
    )


def check_whose(service: Service, record: WhmcsService) -> None:
    """Compare WHMCS's row with the service as the ledger has it. Raises Held or StepRefused as `whmcs_row`."""
    seen = identity_of(record)
    differing = seen.differs_from(service)
    if not differing:
        return
    what = " and ".join(differing)
    if is_vacant(service):
        raise StepRefused(
            f"WHMCS shows another {what} for service {service.service_id} than it was ordered with. Nothing was done: "
            "send the command from WHMCS again."
        )
    raise Held(
        HoldReason.CLIENT_CHANGED,
        f"WHMCS shows another {what} for service {service.service_id}: {explain(service, seen)}",
        recorded=_ids(service.client_id, service.order_id, service.registered),
        seen=_ids(seen.client_id, seen.order_id, seen.registered),
    )


def explain(service: Service, seen: ServiceIdentity) -> str:
    """What a difference of identity means, and so what to do."""
    if seen.was_moved(service):
        return f"it was moved to client {seen.client_id} there, or clients were merged. Hand its server over."
    if "order" in seen.differs_from(service) or "registration date" in seen.differs_from(service):
        return "the number was given out again, and the server is not this service's. Put WHMCS right."
    return "its order and its date were not recorded, so it may be moved or be another service. Look in WHMCS."


def is_vacant(service: Service) -> bool:
    """Whether nothing is left of a service that had the number before: it may be another's from now on."""
    return service.claim is None and service.state in VACANT


async def record_whose(service: Service, record: WhmcsService) -> None:
    """Record what WHMCS shows of a service that has no server yet; what is recorded already stays."""
    drive = driving(service)
    await services.record_whose(
        drive.ledger, service_id=service.service_id, epoch=drive.driver.epoch, identity=identity_of(record)
    )


def _ids(client_id: int | None, order_id: int | None, registered: str | None) -> str:
    return f"client {client_id}, order {order_id or 'none'}, registered {registered or 'unknown'}"
