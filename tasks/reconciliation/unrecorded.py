"""Services that were known before it was recorded whose they are: what could be recorded of them."""

from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict

from ledger.service_identity import ServiceIdentity, day_of
from ledger.snapshots import Service
from ledger.states import State
from tasks.reconciliation.drift import Case
from tasks.whose import identity_of


class Unrecorded(BaseModel):
    """What WHMCS shows of a service whose order and date were never recorded, and the panel user who has its server."""

    model_config = ConfigDict(frozen=True)

    service_id: int
    epoch: int
    owner_id: int
    identity: ServiceIdentity


DAY = timedelta(days=1)
"""WHMCS writes its dates in its own time zone."""


def unrecorded(case: Case) -> Unrecorded | None:
    """What can be recorded of a case that has no difference; None: it is recorded, or a run is at work on it."""
    service, billing = case.ledger, case.whmcs
    if service is None or billing is None or service.claim is None or service.claim.owner_id is None:
        return None
    if case.request is not None or service.state not in (State.ACTIVE, State.SUSPENDED):
        return None
    if service.client_id is not None and (service.order_id or service.registered):
        return None
    seen = identity_of(billing)
    if (seen.order_id is None and seen.registered is None) or _registered_later(service, seen.registered):
        return None
    return Unrecorded(
        service_id=service.service_id, epoch=service.epoch, owner_id=service.claim.owner_id, identity=seen
    )


def _registered_later(service: Service, registered: str | None) -> bool:
    """Whether WHMCS registered it after the ledger knew it: then its number may have been given out again."""
    day = day_of(registered)
    try:
        return day is not None and date.fromisoformat(day) > (service.created_at + DAY).date()
    except ValueError:
        return True
