"""Where WHMCS, the ledger and the panel disagree: one class for each difference, and the repair that is safe.

Pure: nothing is asked here. Safety rule 8: the only repairs are ports on, a write-back, and to stop before a person;
whatever would be against the client, or cannot be undone, is reported and left to staff.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from dcimanager.server import Server
from ledger.lifecycle import State
from ledger.overview import DifferenceKey
from ledger.snapshots import Request, Service
from whmcs.services import BillingService, ServiceStatus


class Drift(StrEnum):
    """What does not agree. In the order in which `classify` looks: the first that fits is the difference's class."""

    RUN_SILENT = "run-silent"
    """The run that drives the service gives no sign of life, and the janitor has not brought it back."""
    REQUEST_TOO_LONG = "request-open-too-long"
    """One request is open for longer than any action should take."""
    HELD_TOO_LONG = "held-too-long"
    """The service waits for a person for too long."""
    NOT_IN_WHMCS = "not-in-whmcs"
    """WHMCS does not show a service that has a server: it cannot be read, which does not mean terminated."""
    TWO_SERVICES = "two-services-one-server"
    """WHMCS has the server's address at two services, or the ledger has its hardware at two."""
    SERVER_VANISHED = "server-vanished"
    """The panel no longer has the service's server."""
    HARDWARE_CHANGED = "hardware-changed"
    """The server is not the machine that was recorded at activation."""
    OWNER_CHANGED = "owner-changed"
    """The panel names another owner than the client."""
    ENDED_OWNS_SERVER = "ended-owns-server"
    """Terminated, Cancelled or Fraud in WHMCS, and still owning a server."""
    STANDS_MIDWAY = "stands-midway"
    """An activation or a deletion stopped on its way, and no run goes on with it."""
    NEVER_SEEN = "never-seen"
    """WHMCS bills a service that the ledger never saw: it can be adopted."""
    ACTIVE_WITHOUT_SERVER = "active-without-server"
    """WHMCS bills a service that has no server."""
    PORTS_OFF = "active-ports-off"
    """Active in WHMCS, and a port of the server is off."""
    PORTS_ON = "suspended-ports-on"
    """Suspended in WHMCS, and a port of the server is on."""
    STATUS_DIFFERS = "status-differs"
    """WHMCS and the ledger each say something else, and which of them is right is for a person to say."""
    NOT_WRITTEN_BACK = "not-written-back"
    """The service is active, and WHMCS was not told: still Pending, or without any address."""
    ADDRESSES_DIFFER = "addresses-differ"
    """WHMCS shows other addresses than the server has."""
    UNCLAIMED_SERVER = "unclaimed-server"
    """A client's server that no service of his claims."""
    DIRTY_FREE_SERVER = "dirty-free-server"
    """Nobody's server, and somebody's data may be on its disks: its wipe is unproven, or an OS was installed last."""


class Repair(StrEnum):
    """What may be done about a difference without asking. None of them wipes, frees or claims."""

    NONE = "none"
    PORTS_ON = "ports-on"
    """Switch the server's network ports on, as `unsuspend` does."""
    ANNOUNCE = "announce"
    """Tell WHMCS what an activation tells at its end."""
    WRITE_ADDRESSES = "write-addresses"
    """Write the server's addresses into WHMCS."""
    HOLD = "hold"
    """Compare identities as every lifecycle does first, and put the service before a person if they still differ."""


class Limits(BaseModel):
    """How long something may last until it is a difference."""

    model_config = ConfigDict(frozen=True)

    held: timedelta = timedelta(hours=24)
    request: timedelta = timedelta(hours=24)
    silent: timedelta = timedelta(minutes=10)
    """The janitor drives a silent run again after two minutes and once more every 90 s."""
    midway: timedelta = timedelta(minutes=15)
    """Between an activation that handed over and its watcher no run drives the service, for as long as one queues."""


class Difference(BaseModel):
    """One difference: what it is, who is affected, since when, and what may be done without asking."""

    model_config = ConfigDict(frozen=True)

    drift: Drift
    what: str
    service_id: int | None
    server_id: int | None
    client_id: int | None
    since: datetime | None = None
    """None: since it was first seen, which the ledger remembers."""
    repair: Repair = Repair.NONE
    epoch: int | None = None
    """How many drivers the service had had: a repair that finds one more leaves it alone."""

    @property
    def key(self) -> DifferenceKey:
        """Names it from one comparison to the next."""
        return DifferenceKey(self.drift, self.service_id or 0, self.server_id or 0)


@dataclass(frozen=True)
class Case:
    """All that the three sides say of one service, or of one server that no service claims."""

    billing: BillingService | None = None
    ledger: Service | None = None
    server: Server | None = None
    request: Request | None = None
    """What drives the service, or did while the sides were read."""
    redriven: int = 0
    """How often the janitor drove that request's run again."""
    owner_email: str | None = None
    """Whose the claimed server has to be, as the panel knows the user that the claim names."""
    hardware_differs: str = ""
    """What of the claimed server is not as recorded: "serial and macs"; empty: nothing."""
    owned_by_client: int | None = None
    """The client whose panel user owns an unclaimed server."""
    shared_with: int | None = None
    """Another service with the same server, by WHMCS's address or by the ledger's hardware."""
    addresses_told: bool = True
    """The panel's lists carry addresses; where no row has any, nothing can be said."""
    unproven: bool = False
    """The server's last wipe is not proved."""


class Wish(StrEnum):
    """What WHMCS wants of a service. A status that we do not know, or cannot read, is no wish at all (rule 9)."""

    NEW = "new"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"
    UNKNOWN = "unknown"


_WISHES = {
    ServiceStatus.PENDING: Wish.NEW,
    ServiceStatus.ACTIVE: Wish.ACTIVE,
    ServiceStatus.SUSPENDED: Wish.SUSPENDED,
    ServiceStatus.TERMINATED: Wish.ENDED,
    ServiceStatus.CANCELLED: Wish.ENDED,
    ServiceStatus.FRAUD: Wish.ENDED,
}

_MIDWAY = frozenset({State.CLAIMED, State.PREPARING, State.INSTALLING, State.RELEASING, State.ERASING})
_OWNED = frozenset({State.CLAIMED, State.PREPARING, State.INSTALLING, State.ACTIVE, State.SUSPENDED})
"""States in which the server has to be the client's, once the ledger has recorded him as its owner."""
IN_USE = frozenset({Wish.ACTIVE, Wish.SUSPENDED})
"""What WHMCS wants of a service that has been delivered."""


def wish_of(billing: BillingService | None) -> Wish:
    """What WHMCS wants of the service."""
    return Wish.UNKNOWN if billing is None else _WISHES.get(billing.status, Wish.UNKNOWN)


def addresses_in_whmcs(billing: BillingService) -> frozenset[str]:
    """The service's addresses as WHMCS shows them, in whichever of its two fields."""
    return as_addresses(address for address in (billing.dedicated_ip, *billing.assigned_ips) if address)


def as_addresses(texts: Iterable[str]) -> frozenset[str]:
    """Addresses as they are compared: in any order, and IPv6 in either case."""
    return frozenset(text.lower() for text in texts)


def classify(case: Case, now: datetime, limits: Limits) -> Difference | None:
    """The one class that the case belongs to, None when nothing is wrong or a run is at work on it.

    One difference at a time: a service with two shows the graver one first, and the other once that is gone.
    """
    if case.ledger is not None:
        return _of_known(case, case.ledger, now, limits)
    if case.billing is not None:
        return _of_unseen(case, case.billing)
    return None if case.server is None else _of_unclaimed(case, case.server)


def _of_known(case: Case, service: Service, now: datetime, limits: Limits) -> Difference | None:
    if case.request is not None:
        return _of_driven(case, service, case.request, now, limits)
    if service.state is State.HELD:
        if now - service.updated_at <= limits.held:
            return None
        return _found(case, Drift.HELD_TOO_LONG, f"HELD ({service.held_reason})", since=service.updated_at)
    if service.claim is None:
        if wish_of(case.billing) in IN_USE:
            return _found(case, Drift.ACTIVE_WITHOUT_SERVER, f"{_status(case)} in WHMCS, {service.state} in the ledger")
        return None
    return _of_identity(case, service) or _of_standing(case, service, now, limits)


def _of_driven(case: Case, service: Service, request: Request, now: datetime, limits: Limits) -> Difference | None:
    """A service that a run works on differs by nature; only the run itself can be wrong."""
    if request.closed_at is not None:
        return None
    if now - request.heartbeat_at > limits.silent:
        what = f"{request.action} is silent, driven again {case.redriven} times (flow run {request.flow_run_id})"
        return _found(case, Drift.RUN_SILENT, what, since=request.heartbeat_at)
    # A deletion sits its wipe delay out in its run.
    delay = timedelta(hours=service.order.wipe_delay_hours if service.order is not None else 0)
    if now - request.opened_at > limits.request + delay:
        what = f"{request.action} is not over (flow run {request.flow_run_id})"
        return _found(case, Drift.REQUEST_TOO_LONG, what, since=request.opened_at)
    return None


def _of_identity(case: Case, service: Service) -> Difference | None:
    """Whether it is known whose server this is: if not, nothing else that is said of it counts."""
    if case.billing is None:
        return _found(case, Drift.NOT_IN_WHMCS, f"WHMCS does not show it, {service.state} in the ledger")
    if case.shared_with is not None:
        return _found(case, Drift.TWO_SERVICES, f"service {case.shared_with} has the same server")
    if case.server is None:
        return _found(case, Drift.SERVER_VANISHED, "the panel does not list the server", repair=Repair.HOLD)
    if case.hardware_differs:
        what = f"{case.hardware_differs} not as recorded at activation"
        return _found(case, Drift.HARDWARE_CHANGED, what, repair=Repair.HOLD)
    claim = service.claim
    if claim is not None and claim.owner_id is not None and service.state in _OWNED:
        owner = case.server.owner_email
        if owner is None or case.owner_email is None or owner.casefold() != case.owner_email.casefold():
            found = "nobody" if owner is None else "somebody else"
            what = f"owned by {found}, should be user {claim.owner_id}"
            return _found(case, Drift.OWNER_CHANGED, what, repair=Repair.HOLD)
    return None


def _of_standing(case: Case, service: Service, now: datetime, limits: Limits) -> Difference | None:
    """Whether the server that is certainly the service's does what WHMCS wants."""
    wish = wish_of(case.billing)
    said = f"{_status(case)} in WHMCS, {service.state} in the ledger"
    if wish is Wish.ENDED:
        return _found(case, Drift.ENDED_OWNS_SERVER, said)
    if service.state in _MIDWAY:
        if now - service.updated_at <= limits.midway:
            return None
        return _found(case, Drift.STANDS_MIDWAY, f"{said}, and no run drives it", since=service.updated_at)
    if wish is Wish.UNKNOWN or case.billing is None or case.server is None:
        return None
    return _of_service_in_use(case, service, case.billing, case.server, wish, said)


def _of_service_in_use(
    case: Case, service: Service, billing: BillingService, server: Server, wish: Wish, said: str
) -> Difference | None:
    is_active = service.state is State.ACTIVE
    off = [port for port in server.network_ports if not port.admin_up]
    on = [port for port in server.network_ports if port.admin_up]
    if wish is Wish.NEW:
        if is_active:
            return _found(case, Drift.NOT_WRITTEN_BACK, said, repair=Repair.ANNOUNCE)
        return _found(case, Drift.STATUS_DIFFERS, said)
    if wish is Wish.ACTIVE and off:
        # A service that the ledger has as SUSPENDED may be one whose suspension WHMCS has not been told yet.
        repair = Repair.PORTS_ON if is_active else Repair.NONE
        return _found(case, Drift.PORTS_OFF, f"{said}, {_ports(len(off))} off", repair=repair)
    if wish is Wish.SUSPENDED and on:
        return _found(case, Drift.PORTS_ON, f"{said}, {_ports(len(on))} on")
    if is_active is not (wish is Wish.ACTIVE):
        return _found(case, Drift.STATUS_DIFFERS, said)
    return _of_addresses(case, billing, server)


def _of_addresses(case: Case, billing: BillingService, server: Server) -> Difference | None:
    if not case.addresses_told or not all(address.ready for address in server.addresses):
        return None
    has, shown = as_addresses(address.address for address in server.addresses), addresses_in_whmcs(billing)
    if not has or has == shown:  # that a server has none may also be that its row does not tell
        return None
    what = f"the server has {len(has)} address(es), WHMCS shows {len(shown)}, {len(has & shown)} of them the same"
    drift = Drift.ADDRESSES_DIFFER if shown else Drift.NOT_WRITTEN_BACK
    return _found(case, drift, what, repair=Repair.WRITE_ADDRESSES)


def _of_unseen(case: Case, billing: BillingService) -> Difference | None:
    if wish_of(billing) not in IN_USE:
        return None
    if case.shared_with is not None:
        return _found(case, Drift.TWO_SERVICES, f"service {case.shared_with} has the same server")
    found = "a server has its address" if case.server is not None else "no server was found by its address"
    return _found(case, Drift.NEVER_SEEN, f"{_status(case)} in WHMCS, {found}")


def _of_unclaimed(case: Case, server: Server) -> Difference | None:
    if server.owner_email is not None:
        if case.owned_by_client is None:
            return None
        return _found(case, Drift.UNCLAIMED_SERVER, f"owned by the panel user of client {case.owned_by_client}")
    if case.unproven:
        return _found(case, Drift.DIRTY_FREE_SERVER, "its last wipe is not proved")
    if server.operation is not None and server.operation.is_install:
        return _found(case, Drift.DIRTY_FREE_SERVER, "an OS was installed on it last")
    return None


def _found(
    case: Case, drift: Drift, what: str, *, since: datetime | None = None, repair: Repair = Repair.NONE
) -> Difference:
    service, billing, claim = case.ledger, case.billing, case.ledger.claim if case.ledger else None
    known = service or billing
    client_id = billing.client_id if billing else service.client_id if service else case.owned_by_client
    return Difference(
        drift=drift,
        what=what,
        service_id=known.service_id if known else None,
        server_id=claim.server_id if claim else case.server.id if case.server else None,
        client_id=client_id,
        since=since,
        repair=repair,
        epoch=service.epoch if service else None,
    )


def _status(case: Case) -> str:
    """WHMCS's word for the service, which is text from outside."""
    return "".join(letter for letter in case.billing.status if letter.isalnum())[:20] if case.billing else "unknown"


def _ports(number: int) -> str:
    return "1 port" if number == 1 else f"{number} ports"
