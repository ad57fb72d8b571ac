"""What WHMCS may decide about a HELD service (safety rule 23): one table, and nothing that is not in it.

A WHMCS that was taken over signs with anybody's name. So what comes through it may lead back towards service, and
repeat what can destroy nothing; it wipes nothing, gives no server away, and passes no cap. Such a decision needs a
person whom the channel names: by command, or by the form in Prefect's UI.
"""

from pydantic import BaseModel, ConfigDict

from ledger.hold_reasons import HoldReason
from ledger.snapshots import Choice, Request, Service
from ledger.states import State

UNTOUCHED = frozenset({State.NEW, State.CLAIMED, State.PREPARING, State.RELEASED})
"""No OS of the service's own is on a server yet: an activation that goes on installs over nobody's data."""

DELIVERED = frozenset({State.ACTIVE, State.SUSPENDED})

NEVER_BY_WHMCS = frozenset(
    {
        HoldReason.INSTALLATION_REPLACED,
        HoldReason.WIPE_UNPROVEN,
        HoldReason.WIPE_CAP,
        HoldReason.WANTED_AGAIN,
        HoldReason.RESTORED,
    }
)
"""Holds that stand between WHMCS and a server's disks: not even a release goes through WHMCS."""


class Harmless(BaseModel):
    """One row: a decision that WHMCS may take."""

    model_config = ConfigDict(frozen=True)

    choice: Choice
    was: frozenset[State]
    """What the service was before it was HELD, and will be again."""
    stopped: frozenset[str] | None
    """The action that stopped and would start again; None: nothing starts."""


LET_THROUGH = (
    Harmless(choice="release", was=UNTOUCHED | DELIVERED, stopped=None),
    Harmless(choice="retry", was=UNTOUCHED, stopped=frozenset({"activate"})),
    Harmless(choice="retry", was=DELIVERED, stopped=frozenset({"suspend", "unsuspend", "reconcile", "hand-over"})),
)
"""Not among them: INSTALLING (a retry installs again, over whatever is there by now), RELEASING and ERASING (each way
on from there is nearer to the wipe), terminate and another-server (they wipe), accept-hardware (says which machine a
later wipe is of), forget-server (ends a claim without a wipe), and hand-over (gives the server to whom WHMCS names)."""


def may_decide(service: Service, held: Request | None) -> tuple[Choice, ...]:
    """The decisions on a HELD service that go through WHMCS: what its page has a button for."""
    choices = dict.fromkeys(row.choice for row in LET_THROUGH)
    return tuple(choice for choice in choices if _is_harmless(service, held, choice))


def refused_through_whmcs(service: Service, held: Request | None, choice: Choice, past_cap: bool) -> str | None:
    """Why this decision does not go through WHMCS, and where it is made, in one line; None: it may go through."""
    if not past_cap and _is_harmless(service, held, choice):
        return None
    what = f"{choice} past the cap" if past_cap else choice
    return (
        f"Service {service.service_id} is HELD ({service.held_reason}), and {what} is not decided through WHMCS: it "
        "may wipe a server, give one away or pass a cap. Nothing was decided. Decide on the worker's machine: "
        f"{command_for(service.service_id, choice, past_cap=past_cap)}, or in Prefect's UI by the form of the run "
        f"decide-held-service-{service.service_id}."
    )


def command_for(service_id: int, choice: Choice, *, past_cap: bool = False) -> str:
    """The command that makes a decision."""
    return f'dciflow held {choice} {service_id}{" --past-cap" if past_cap else ""} --why "..."'


def author_through_whmcs(installation: str, who: str) -> str:
    """Who is kept with a decision that came through WHMCS: the installation, as the door knows it, and its word.

    The door may have written both already; then they stand once.
    """
    channel = f"WHMCS {installation}"
    said = " ".join(who.split())
    if not said or said.startswith(channel):
        return said or channel
    return f"{channel}, by its own word {said}"


def _is_harmless(service: Service, held: Request | None, choice: Choice) -> bool:
    if not service.is_known_to_whmcs or service.held_from is None:
        return False
    if service.held_reason not in set(HoldReason) or HoldReason(service.held_reason) in NEVER_BY_WHMCS:
        return False
    return any(
        row.choice == choice
        and service.held_from in row.was
        and (row.stopped is None or (held is not None and held.action in row.stopped))
        for row in LET_THROUGH
    )
