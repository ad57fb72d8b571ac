"""Faults during a run, as values that Hypothesis draws, prints and shrinks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Literal, get_args

from hypothesis import strategies as st

from simulator.panel.hostile import Hostility
from simulator.panel.models import OperationType
from simulator.whmcs.model import Answer, Parameters
from tests.harness import Harness
from tests.machine.guard import Guard
from tests.machine.manual_actions import ACTS, ManualActions
from tests.machine.whmcs_staff import WhmcsStaff


class RunDied(BaseException):
    """The worker's process is dead."""


@dataclass(frozen=True)
class CallFault:
    """The nth call of an endpoint of the panel goes wrong."""

    how: Literal["lost", "cut", "late", "502 before", "504 after", "500"]
    endpoint: str
    nth: int


@dataclass(frozen=True)
class Hostile:
    """The nth call of an endpoint has its effect and answers what nobody should read."""

    how: Hostility
    endpoint: str
    nth: int


@dataclass(frozen=True)
class Drips:
    """The nth call of an endpoint, or of an action of WHMCS, has its effect, and its answer drips for ever."""

    call: str
    nth: int


@dataclass(frozen=True)
class Asleep:
    """The next so many calls of the panel, or of WHMCS, are answered 503."""

    who: Literal["panel", "WHMCS"]
    calls: int


@dataclass(frozen=True)
class WhmcsLost:
    """The answer to WHMCS's next write is lost."""


@dataclass(frozen=True)
class WhmcsHostile:
    """The nth call of an action of WHMCS has its effect and answers what nobody should read."""

    how: Hostility
    action: str
    nth: int


@dataclass(frozen=True)
class Ends:
    """The run's worker dies there, or the run is cancelled."""

    how: Literal["dies", "is cancelled"]
    where: Literal["before commit", "after commit", "after write"]
    nth: int


@dataclass(frozen=True)
class DiesBefore:
    """The run's worker dies right before the panel hears the nth call of the endpoint."""

    endpoint: str
    nth: int


@dataclass(frozen=True)
class Spoilt:
    """The next operation of the kind fails or hangs."""

    type: OperationType
    how: Literal["fails", "hangs"]


@dataclass(frozen=True)
class ActsMeanwhile:
    """An administrator acts right before the panel is asked for a server the nth time; the run sees the result."""

    act: str
    server_id: int
    nth: int


@dataclass(frozen=True)
class StatusMeanwhile:
    """WHMCS changes the status after it was asked for the service the nth time, before the next panel call."""

    status: str
    nth: int


@dataclass(frozen=True)
class WhmcsMeanwhile:
    """A client pays, or staff change whose the service is, right before WHMCS is asked for it the nth time."""

    how: Literal["pay", "move", "give_out_again"]
    nth: int


Fault = (
    WhmcsMeanwhile
    | CallFault
    | Hostile
    | Drips
    | Asleep
    | WhmcsLost
    | WhmcsHostile
    | Ends
    | DiesBefore
    | Spoilt
    | ActsMeanwhile
    | StatusMeanwhile
)

WRITES = (
    "user_create owner_set owner_clear port_on port_off power_on power_off power_reset operation_end"
    " address_add address_remove os_install diagnostics ptr_set key_create"
).split()
READS = "login server_list user_list address_list ip_pool_list os_template_list operation_get *".split()
ACTIONS = "GetClientsProducts GetClientsDetails UpdateClientProduct".split()
MOST_CALLS = 150
"""More calls than a run makes in which nothing hangs."""
MOST_PAGES = 1_000
"""More pages than are read of a list."""
SERVERS = range(1, 4)
"""The panel's servers: few, so that services come into each other's way."""

_nth = st.integers(1, 6)
_wrong = st.sampled_from(["lost", "cut", "late", "502 before", "504 after"])
FAULTS = st.lists(
    st.one_of(
        st.builds(CallFault, _wrong, st.sampled_from(WRITES), _nth),
        st.builds(
            CallFault, st.sampled_from(["lost", "502 before", "500"]), st.sampled_from(READS), st.integers(1, 20)
        ),
        st.builds(Hostile, st.sampled_from(get_args(Hostility)), st.sampled_from([*WRITES, *READS]), _nth),
        st.builds(Drips, st.sampled_from([*WRITES, *READS, *ACTIONS]), _nth),
        st.builds(Asleep, st.sampled_from(["panel", "WHMCS"]), st.sampled_from([1, 3, 300])),
        st.just(WhmcsLost()),
        st.builds(WhmcsHostile, st.sampled_from(get_args(Hostility)), st.sampled_from(ACTIONS), st.integers(1, 4)),
        st.builds(
            Ends, st.sampled_from(["dies", "dies", "is cancelled"]), st.sampled_from(["before commit", "after commit"]),
            st.integers(1, 16),
        ),
        st.builds(DiesBefore, st.sampled_from(WRITES), st.integers(1, 2)),
        st.builds(DiesBefore, st.just("*"), st.integers(1, 55)),
        st.builds(Ends, st.just("dies"), st.just("after write"), st.integers(1, 8)),
        st.builds(Spoilt, st.sampled_from(["os_install", "diagnostics"]), st.sampled_from(["fails", "hangs"])),
        st.builds(ActsMeanwhile, st.sampled_from(sorted(ACTS)), st.sampled_from(SERVERS), st.integers(1, 20)),
        st.builds(WhmcsMeanwhile, st.sampled_from(["pay", "move", "give_out_again"]), st.integers(1, 4)),
        st.builds(StatusMeanwhile, st.sampled_from(["Cancelled", "Fraud", "Suspended"]), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=2,
)  # fmt: skip


def arm(
    fault: Fault, harness: Harness, guard: Guard, manual: ManualActions, staff: WhmcsStaff, service_id: int
) -> None:
    """Make the fault occur in the next run, which is of that service."""
    faults = harness.faults
    match fault:
        case CallFault("lost", endpoint, nth):
            faults.lose_answer(endpoint, nth)
        case CallFault("cut", endpoint, nth):
            faults.refuse_before(endpoint, nth)
        case CallFault("late", endpoint, nth):
            faults.answer_late(45, endpoint, nth)
        case CallFault("502 before", endpoint, nth):
            faults.server_error(502, endpoint, nth)
        case CallFault("504 after", endpoint, nth):
            faults.server_error(504, endpoint, nth, after_effect=True)
        case CallFault("500", endpoint, nth):
            faults.server_error(500, endpoint, nth)
        case Hostile(how, endpoint, nth):
            # A list that has an end after all is none without.
            faults.answer_hostile(how, endpoint, nth, times=MOST_PAGES if how == "endless list" else 1)
        case Drips(call, nth):
            (harness.whmcs if call in ACTIONS else faults).drip(call, nth)
        case Asleep("panel", calls):
            faults.unavailable(calls)
        case Asleep("WHMCS", calls):
            harness.whmcs.unavailable(calls)
        case WhmcsHostile(how, action, nth):
            harness.whmcs.answer_hostile(how, action, nth)
        case WhmcsLost():
            harness.whmcs.lose_answer("UpdateClientProduct")
        case Ends(how, where, nth):
            _end(RunDied if how == "dies" else asyncio.CancelledError, where, nth, harness, guard)
        case DiesBefore(endpoint, nth):
            faults.admin_acts_before(endpoint, nth, _die)
        case Spoilt(type, "fails"):
            harness.panel.fail_next(type)
        case Spoilt(type, "hangs"):
            harness.panel.hang_next(type)
        case ActsMeanwhile(act, server_id, nth):
            faults.admin_acts_before("server_list", nth, lambda: manual.do(act, server_id))
        case StatusMeanwhile(status, nth):
            _after_whmcs_was_asked(nth, harness, lambda: staff.set_status(service_id, status))
        case WhmcsMeanwhile("pay", nth):
            _before_whmcs_answers(nth, harness, lambda: staff.pay(service_id, active=True))
        case WhmcsMeanwhile(how, nth):
            _before_whmcs_answers(nth, harness, lambda: getattr(staff, how)(service_id))


def _after_whmcs_was_asked(nth: int, harness: Harness, action: Callable[[], None]) -> None:
    since = len(harness.whmcs.requests)
    done: list[bool] = []

    def look() -> None:
        asked = [call for call in harness.whmcs.requests[since:] if call.action == "GetClientsProducts"]
        if len(asked) >= nth and not done:
            done.append(True)
            action()

    for call in range(1, MOST_CALLS):
        harness.faults.admin_acts_before("*", call, look)


def _before_whmcs_answers(nth: int, harness: Harness, action: Callable[[], None]) -> None:
    handle, calls = harness.whmcs.handle, count(1)

    def answer(form: Parameters) -> Answer:
        if form.get("action") == "GetClientsProducts" and next(calls) == nth:
            action()
        return handle(form)

    harness.whmcs.handle = answer  # type: ignore[method-assign]


def _die() -> None:
    raise RunDied


def disarm(harness: Harness, guard: Guard) -> None:
    """Remove all faults that have not occurred yet."""
    harness.faults.clear()
    harness.whmcs.unavailable(0)
    harness.whmcs.be_friendly()
    vars(harness.whmcs).pop("handle", None)
    harness.ledger.before_commit.clear()
    harness.ledger.after_commit.clear()
    guard.on_write = lambda: None


def _end(error: type[BaseException], where: str, nth: int, harness: Harness, guard: Guard) -> None:
    calls = count(1)

    def end_at_last() -> None:
        if next(calls) == nth:
            raise error

    if where == "before commit":
        harness.ledger.before_commit.append(end_at_last)
    elif where == "after commit":
        harness.ledger.after_commit.append(end_at_last)
    else:
        guard.on_write = end_at_last
