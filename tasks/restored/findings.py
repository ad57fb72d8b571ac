"""What is done with each service and server when a side was restored, and what a person does then.

Pure: nothing is asked here. Nothing that has an owner is touched, whatever else is found (safety rule 24).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dcimanager.server_row import Server
from ledger.incarnation import Side
from ledger.snapshots import Service
from ledger.states import State
from tasks.dirty import why_dirty
from tasks.reconciliation.differences import Drift, Limits
from tasks.reconciliation.drift import Case, DesiredState, classify, desired_state

MIDWAY = frozenset({State.CLAIMED, State.PREPARING, State.INSTALLING, State.RELEASING, State.ERASING})

HELD_FOR = frozenset(
    {
        Drift.ODD_ROW,
        Drift.NOT_IN_WHMCS,
        Drift.CLIENT_CHANGED,
        Drift.TWO_SERVICES,
        Drift.SERVER_VANISHED,
        Drift.HARDWARE_CHANGED,
        Drift.OWNER_CHANGED,
        Drift.ENDED_OWNS_SERVER,
        Drift.ACTIVE_WITHOUT_SERVER,
        Drift.STATUS_DIFFERS,
    }
)
"""Where the three sides disagree what the service is, or whose. What else differs is repaired towards service."""

PAID = frozenset({Drift.STATUS_DIFFERS, Drift.PORTS_OFF})
"""What there is of a service that is SUSPENDED in the ledger and Active in WHMCS, and else as it should be: an
unsuspension did not come to its end. A hold would keep it from that; nothing can be lost by going on."""

FORGETFUL: frozenset[Side] = frozenset({"ledger", "panel"})
"""The sides whose memory says what is on a free server's disks."""

SHOW = "dciflow held show {service}: look, then release (it goes to where WHMCS and the panel agree), retry or "
DECIDE = SHOW + "forget-server (the server is another's by now)"
DECIDED = "dciflow held show {service}: it was HELD in the back-up; a decision made since is lost. Look at the server"
ADOPT = "adopt the service to whom it belongs (docs/whmcs.md); until then it stays as it is"
ALLOW = "clear its disks, or look what ran on it; then dciflow server allow {panel} {server} --why ..."
PAID_AND_OFF = "its client is off the network: press Unsuspend in WHMCS, unless its unsuspend run goes on by itself"
PAID_AND_ON = "its client is on the network: press Unsuspend in WHMCS, so that the ledger says so, too"
RECONCILED = "nothing: the next reconciliation shows or repairs it"


class RestoredFinding(BaseModel):
    """One service or server, what is done with it, why, and what a person does then."""

    model_config = ConfigDict(frozen=True)

    does: Literal["hold", "set-aside", "nothing"]
    panel: str
    what: str
    do: str
    service_id: int | None = None
    server_id: int | None = None


@dataclass(frozen=True)
class Memory:
    """What the ledger knows of a panel's servers that nobody claims."""

    wipes: Mapping[int, int] = field(default_factory=dict)
    """Servers whose newest permit led to a proved wipe, and its operation."""
    newest: int = 0
    """The newest operation of the panel that the ledger knows."""
    aside: Collection[int] = ()
    """Servers that are set aside already."""
    spare: Collection[int] = ()
    """Servers that rehearsals claim."""


def of_case(case: Case, panel: str, side: Side, memory: Memory, now: datetime) -> list[RestoredFinding]:
    """What is done about one case of the comparison: at most one thing with its service and one with its server."""
    if case.ledger is not None:
        found = _of_service(case, case.ledger, panel, now)
        return [] if found is None else [found]
    found_server = None if case.server is None else _of_unclaimed(case, case.server, panel, side, memory)
    difference = classify(case, now, Limits()) if case.whmcs is not None else None
    findings = [] if found_server is None else [found_server]
    if difference is not None:
        server_id = None if case.server is None else case.server.id
        findings.append(
            RestoredFinding(
                does="nothing", panel=panel, service_id=difference.service_id, server_id=server_id,
                what=difference.what, do=ADOPT,
            )
        )  # fmt: skip
    return findings


def _of_service(case: Case, service: Service, panel: str, now: datetime) -> RestoredFinding | None:
    number = service.service_id
    server_id = None if service.claim is None else service.claim.server_id
    this = {"panel": panel, "service_id": number, "server_id": server_id}
    status = case.whmcs.status if case.whmcs is not None else "not shown"
    if service.state is State.HELD:
        what = f"HELD ({service.held_reason}), was {service.held_from}; WHMCS: {status}"
        return RestoredFinding(does="nothing", what=what, do=DECIDED.format(service=number), **this)
    decide = DECIDE.format(service=number)
    if service.state in MIDWAY:
        return RestoredFinding(
            does="hold", what=f"it stands midway ({service.state}); WHMCS: {status}", do=decide, **this
        )
    # What was closed a moment ago would else count as a run that is at work on it.
    difference = classify(replace(case, request=None), now, Limits())
    if difference is None:
        return None
    if _is_paid(case, service) and difference.drift in PAID:
        does = PAID_AND_OFF if difference.drift is Drift.PORTS_OFF else PAID_AND_ON
        return RestoredFinding(does="nothing", what=f"{difference.drift}: {difference.what}", do=does, **this)
    if difference.drift in HELD_FOR:
        return RestoredFinding(does="hold", what=f"{difference.drift}: {difference.what}", do=decide, **this)
    return RestoredFinding(does="nothing", what=f"{difference.drift}: {difference.what}", do=RECONCILED, **this)


def _is_paid(case: Case, service: Service) -> bool:
    return service.state is State.SUSPENDED and desired_state(case.whmcs) is DesiredState.ACTIVE


def _of_unclaimed(case: Case, server: Server, panel: str, side: Side, memory: Memory) -> RestoredFinding | None:
    if server.id in memory.spare:
        return None
    if server.owner_email is not None:
        if side not in FORGETFUL and case.owned_by_client is None:
            return None  # the host's own: the ledger forgot nothing
        return RestoredFinding(
            does="nothing", panel=panel, server_id=server.id,
            what="it has an owner, and no service of the ledger has it", do=ADOPT,
        )  # fmt: skip
    why = why_not_clean(server, side, memory, unproven=case.unproven)
    if why is None or server.id in memory.aside:
        return None
    do = ALLOW.format(panel=panel, server=server.id)
    return RestoredFinding(does="set-aside", panel=panel, server_id=server.id, what=why, do=do)


def why_not_clean(server: Server, side: Side, memory: Memory, *, unproven: bool) -> str | None:
    """Why the disks of a free server may hold data; None: it is proved clean, or nothing was forgotten of it.

    Proved: the last operation on it is the wipe that the ledger proved; or the panel shows no operation at all, and the
    ledger no wipe. A ledger that was restored is believed of what is older than the newest operation that it knows.
    """
    dirty = why_dirty(server, unproven=unproven)
    if dirty is not None:
        return dirty
    wipe, last = memory.wipes.get(server.id), None if server.operation is None else server.operation.id
    if wipe is not None and wipe != last:
        return f"the last operation on it is {last or 'none'}, and the wipe that the ledger proved was {wipe}"
    if last is None or wipe == last or side != "ledger" or last <= memory.newest:
        return None
    return f"operation {last} on it is newer than what the ledger knows: it may be a client's by now, or was"
