"""Where WHMCS, the ledger and the panel disagree: one class for each difference, and the repair that is safe.

Pure: nothing is asked here. Safety rule 8: the only repairs are ports on, a write-back, and to stop before a person;
whatever would be against the client, or cannot be undone, is reported and left to staff.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dcimanager.server_row import Power, Server
from ledger.snapshots import Entry, Request, Service
from ledger.states import State
from tasks.dirty import why_dirty
from tasks.identity import same_email
from tasks.reconciliation.differences import Difference, Drift, Limits, Repair
from tasks.rescue import may_be_in_rescue
from tasks.suspended_power import loses_power
from tasks.wipe_delay import wipe_delay
from whmcs.services import WhmcsService, comparable


@dataclass(frozen=True)
class Case:
    """All that the three sources say of one service, or of one server that no service claims."""

    whmcs: WhmcsService | None = None
    ledger: Service | None = None
    server: Server | None = None
    request: Request | None = None
    """What drives the service, or did while the sources were read."""
    redriven: int = 0
    """How often the janitor drove that request's run again."""
    owner_email: str | None = None
    """Whose the claimed server has to be, as the panel knows the user that the claim names."""
    hardware_differs: str = ""
    """What of the claimed server is not as recorded: "serial and macs"; empty: nothing."""
    whose_differs: str = ""
    """How WHMCS's client, order or registration date differs from the recorded one, and what that means."""
    owned_by_client: int | None = None
    """The client whose panel user owns an unclaimed server."""
    shared_with: int | None = None
    """Another service with the same server, by WHMCS's address or by the ledger's hardware."""
    ports_shared_with: int | None = None
    """Another service whose server lists one of this server's switch ports, too."""
    addresses_told: bool = True
    """The panel's lists carry addresses; where no row has any, nothing can be said."""
    unproven: bool = False
    """The server's last wipe is not proved."""
    rescue: Entry | None = None
    """The journal's start of the rescue system that nothing has ended since."""
    odd: str = ""
    """Why a row that this case needs cannot be read; empty: all can."""


class DesiredState(StrEnum):
    """What WHMCS wants of a service.

    A status that we do not know, or cannot read, is no desired state (safety rule 9).
    """

    NEW = "new"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"
    UNKNOWN = "unknown"


_MIDWAY = frozenset({State.CLAIMED, State.PREPARING, State.INSTALLING, State.RELEASING, State.ERASING})
_OWNED = frozenset({State.CLAIMED, State.PREPARING, State.INSTALLING, State.ACTIVE, State.SUSPENDED})
"""States in which the server has to be the client's, once the ledger has recorded the client as its owner."""
IN_USE = frozenset({DesiredState.ACTIVE, DesiredState.SUSPENDED})
"""What WHMCS wants of a service that has been delivered."""


def desired_state(billing: WhmcsService | None) -> DesiredState:
    """What WHMCS wants of the service."""
    return DesiredState.UNKNOWN if billing is None else DesiredState(billing.meaning.desired)


def classify(case: Case, now: datetime, limits: Limits) -> Difference | None:
    """The one class that the case belongs to, None when nothing is wrong or a run is at work on it.

    One difference at a time: a service with two shows the graver one first, and the other once that is gone.
    """
    if case.ledger is not None:
        return _of_known(case, case.ledger, now, limits)
    if case.odd:
        return _found(case, Drift.ODD_ROW, case.odd)
    if case.whmcs is not None:
        return _of_unseen(case, case.whmcs)
    return None if case.server is None else _of_unclaimed(case, case.server)


def _of_known(case: Case, service: Service, now: datetime, limits: Limits) -> Difference | None:
    if case.request is not None:
        return _of_driven(case, service, case.request, now, limits)
    if service.state is State.HELD:
        if now - service.updated_at <= limits.held:
            return None
        return _found(case, Drift.HELD_TOO_LONG, f"HELD ({service.held_reason})", since=service.updated_at)
    if case.odd:
        return _found(case, Drift.ODD_ROW, case.odd)
    if service.claim is None:
        if desired_state(case.whmcs) in IN_USE:
            return _found(case, Drift.ACTIVE_WITHOUT_SERVER, f"{_status(case)} in WHMCS, {service.state} in the ledger")
        return None
    return _of_identity(case, service) or _of_standing(case, service, now, limits)


def _of_driven(case: Case, service: Service, request: Request, now: datetime, limits: Limits) -> Difference | None:
    """A service that a run works on differs by nature; only the run itself can be wrong."""
    if request.closed_at is not None:
        return None
    if now - request.heartbeat_at > limits.silent:
        what = f"{request.action} has no heartbeat, re-queued {case.redriven} times (flow run {request.flow_run_id})"
        return _found(case, Drift.RUN_SILENT, what, since=request.heartbeat_at)
    # A deletion sits its wipe delay out in its run.
    delay = wipe_delay(service) if request.action == "terminate" else timedelta(0)
    if now - request.opened_at > limits.request + delay:
        what = f"{request.action} is not over (flow run {request.flow_run_id})"
        return _found(case, Drift.REQUEST_TOO_LONG, what, since=request.opened_at)
    return None


def _of_identity(case: Case, service: Service) -> Difference | None:
    """Whether it is known whose server this is: if not, nothing else that is said of it counts."""
    if case.whmcs is None and service.is_known_to_whmcs:
        return _found(case, Drift.NOT_IN_WHMCS, f"WHMCS does not show it, {service.state} in the ledger")
    if case.whose_differs:
        return _found(case, Drift.CLIENT_CHANGED, case.whose_differs, repair=Repair.HOLD)
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
        if owner is None or case.owner_email is None or not same_email(owner, case.owner_email):
            found = "nobody" if owner is None else "somebody else"
            what = f"owned by {found}, should be user {claim.owner_id}"
            return _found(case, Drift.OWNER_CHANGED, what, repair=Repair.HOLD)
    return None


def _of_standing(case: Case, service: Service, now: datetime, limits: Limits) -> Difference | None:
    """Whether the server that is certainly the service's does what WHMCS wants."""
    wanted = desired_state(case.whmcs)
    said = f"{_status(case)} in WHMCS, {service.state} in the ledger"
    if wanted is DesiredState.ENDED:
        return _found(case, Drift.ENDED_OWNS_SERVER, said)
    if service.state in _MIDWAY:
        if now - service.updated_at <= limits.midway:
            return None
        return _found(case, Drift.STANDS_MIDWAY, f"{said}, and no run drives it", since=service.updated_at)
    if service.is_leftover:
        if now - service.updated_at <= limits.leftover:
            return None
        what = f"left by service {service.leftover_of} for another server, {service.state}, and no run takes it back"
        return _found(case, Drift.LEFTOVER_STAYS, what, since=service.updated_at)
    if wanted is DesiredState.UNKNOWN or case.whmcs is None or case.server is None:
        return None
    return _of_service_in_use(case, service, case.whmcs, case.server, wanted, said, now, limits)


def _of_service_in_use(
    case: Case,
    service: Service,
    billing: WhmcsService,
    server: Server,
    wanted: DesiredState,
    said: str,
    now: datetime,
    limits: Limits,
) -> Difference | None:
    is_active = service.state is State.ACTIVE
    off = [port for port in server.network_ports if port.admin_up is False]
    on = [port for port in server.network_ports if port.admin_up]
    unclear = [port for port in server.network_ports if port.admin_up is None]
    if wanted is DesiredState.NEW:
        if is_active:
            return _found(case, Drift.NOT_WRITTEN_BACK, said, repair=Repair.ANNOUNCE)
        return _found(case, Drift.STATUS_DIFFERS, said)
    if case.ports_shared_with is not None:
        return _found(case, Drift.SHARED_PORT, f"service {case.ports_shared_with} has one of its switch ports, too")
    if wanted is DesiredState.ACTIVE and off:
        # A service that the ledger has as SUSPENDED may be one whose suspension has not reached WHMCS yet.
        repair = Repair.PORTS_ON if is_active else Repair.NONE
        return _found(case, Drift.PORTS_OFF, f"{said}, {_ports(len(off))} off", repair=repair)
    if wanted is DesiredState.SUSPENDED and is_active and _in_grace(service, now, limits):
        return _of_addresses(case, billing, server)
    if wanted is DesiredState.SUSPENDED and on:
        return _found(case, Drift.PORTS_ON, f"{said}, {_ports(len(on))} on")
    if wanted is DesiredState.SUSPENDED and unclear:
        what = f"{said}, {_ports(len(unclear))} with a word that is not in the table (docs/dialect.md)"
        return _found(case, Drift.PORTS_ON, what)
    if wanted is DesiredState.SUSPENDED and not is_active and loses_power(service) and server.power is Power.ON:
        return _found(case, Drift.POWER_ON, f"{said}, its ports are off and its power is on")
    if is_active is not (wanted is DesiredState.ACTIVE):
        return _found(case, Drift.STATUS_DIFFERS, said)
    return _of_addresses(case, billing, server) or _of_rescue(case, server, now, limits)


def _in_grace(service: Service, now: datetime, limits: Limits) -> bool:
    """Whether a suspension still waits for its grace, or its run may be about to begin."""
    until = None if service.claim is None else service.claim.suspends_at
    return until is not None and now <= until + limits.midway


def _of_addresses(case: Case, billing: WhmcsService, server: Server) -> Difference | None:
    if not case.addresses_told or not all(address.ready for address in server.addresses):
        return None
    has, shown = comparable(address.address for address in server.addresses), billing.addresses
    if not has or has == shown:  # that a server has none may also be that its row does not tell
        return None
    what = f"the server has {len(has)} address(es), WHMCS shows {len(shown)}, {len(has & shown)} of them the same"
    drift = Drift.ADDRESSES_DIFFER if shown else Drift.NOT_WRITTEN_BACK
    # With none of them the same, the two disagree whose server it is, and a write-back would end the evidence.
    repair = Repair.NONE if shown and not has & shown else Repair.WRITE_ADDRESSES
    return _found(case, drift, what, repair=repair)


def _of_rescue(case: Case, server: Server, now: datetime, limits: Limits) -> Difference | None:
    """A start that was never left; one that somebody makes on the panel's own pages is not ours to count."""
    start = case.rescue
    if start is None or now - start.noted_at <= limits.rescue or not may_be_in_rescue(server, start):
        return None
    what = "in the panel's rescue system, and not led out of it: press Leave rescue"
    return _found(case, Drift.RESCUE_FORGOTTEN, what, since=start.noted_at)


def _of_unseen(case: Case, billing: WhmcsService) -> Difference | None:
    if desired_state(billing) not in IN_USE:
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
    dirty = why_dirty(server, unproven=case.unproven)
    return None if dirty is None else _found(case, Drift.DIRTY_FREE_SERVER, dirty)


def _found(
    case: Case, drift: Drift, what: str, *, since: datetime | None = None, repair: Repair = Repair.NONE
) -> Difference:
    service, billing, claim = case.ledger, case.whmcs, case.ledger.claim if case.ledger else None
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
    return "".join(letter for letter in case.whmcs.status if letter.isalnum())[:20] if case.whmcs else "unknown"


def _ports(number: int) -> str:
    return "1 port" if number == 1 else f"{number} ports"
