"""What can go wrong while a run is under way, as values that are drawn, printed and made smaller."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Literal

from hypothesis import strategies as st

from simulator.things import OperationType
from tests.machine.guard import Guard
from tests.machine.hands import ACTS, Hands
from tests.stage import Stage


class Died(BaseException):
    """The worker is gone."""


@dataclass(frozen=True)
class Call:
    """The nth call of an endpoint of the panel goes wrong."""

    how: Literal["lost", "cut", "late", "502 before", "504 after", "500"]
    endpoint: str
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
class Meanwhile:
    """A hand acts right before the panel is asked for a server the nth time: what is seen then is what it left."""

    act: str
    server_id: int
    nth: int


@dataclass(frozen=True)
class StatusMeanwhile:
    """The status changes when WHMCS was asked for the service the nth time, before the panel is asked again."""

    status: str
    nth: int


Accident = Call | Asleep | WhmcsLost | Ends | DiesBefore | Spoilt | Meanwhile | StatusMeanwhile

WRITES = (
    "user_create owner_set owner_clear port_on port_off power_on operation_end address_add address_remove os_install"
    " diagnostics"
).split()
READS = "login server_list user_list address_list ip_pool_list os_template_list operation_get *".split()
MOST_CALLS = 150
"""More calls than a run makes in which nothing hangs."""
SERVERS = range(1, 4)
"""The panel's servers: few, so that services come into each other's way."""

_nth = st.integers(1, 6)
_wrong = st.sampled_from(["lost", "cut", "late", "502 before", "504 after"])
ACCIDENTS = st.lists(
    st.one_of(
        st.builds(Call, _wrong, st.sampled_from(WRITES), _nth),
        st.builds(Call, st.sampled_from(["lost", "502 before", "500"]), st.sampled_from(READS), st.integers(1, 20)),
        st.builds(Asleep, st.sampled_from(["panel", "WHMCS"]), st.sampled_from([1, 3, 300])),
        st.just(WhmcsLost()),
        st.builds(
            Ends, st.sampled_from(["dies", "dies", "is cancelled"]), st.sampled_from(["before commit", "after commit"]),
            st.integers(1, 16),
        ),
        st.builds(DiesBefore, st.sampled_from(WRITES), st.integers(1, 2)),
        st.builds(DiesBefore, st.just("*"), st.integers(1, 55)),
        st.builds(Ends, st.just("dies"), st.just("after write"), st.integers(1, 8)),
        st.builds(Spoilt, st.sampled_from(["os_install", "diagnostics"]), st.sampled_from(["fails", "hangs"])),
        st.builds(Meanwhile, st.sampled_from(sorted(ACTS)), st.sampled_from(SERVERS), st.integers(1, 20)),
        st.builds(StatusMeanwhile, st.sampled_from(["Cancelled", "Fraud", "Suspended"]), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=2,
)  # fmt: skip


def arm(accident: Accident, stage: Stage, guard: Guard, hands: Hands, set_status: Callable[[str], None]) -> None:
    """Let it happen in the run that comes next."""
    faults = stage.faults
    match accident:
        case Call("lost", endpoint, nth):
            faults.lose_answer(endpoint, nth)
        case Call("cut", endpoint, nth):
            faults.refuse_before(endpoint, nth)
        case Call("late", endpoint, nth):
            faults.answer_late(45, endpoint, nth)
        case Call("502 before", endpoint, nth):
            faults.server_error(502, endpoint, nth)
        case Call("504 after", endpoint, nth):
            faults.server_error(504, endpoint, nth, after_effect=True)
        case Call("500", endpoint, nth):
            faults.server_error(500, endpoint, nth)
        case Asleep("panel", calls):
            faults.unavailable(calls)
        case Asleep("WHMCS", calls):
            stage.billing.unavailable(calls)
        case WhmcsLost():
            stage.billing.lose_answer("UpdateClientProduct")
        case Ends(how, where, nth):
            _end(Died if how == "dies" else asyncio.CancelledError, where, nth, stage, guard)
        case DiesBefore(endpoint, nth):
            faults.admin_acts_before(endpoint, nth, _die)
        case Spoilt(type, "fails"):
            stage.panel.fail_next(type)
        case Spoilt(type, "hangs"):
            stage.panel.hang_next(type)
        case Meanwhile(act, server_id, nth):
            faults.admin_acts_before("server_list", nth, lambda: hands.do(act, server_id))
        case StatusMeanwhile(status, nth):
            _after_whmcs_was_asked(nth, stage, lambda: set_status(status))


def _after_whmcs_was_asked(nth: int, stage: Stage, action: Callable[[], None]) -> None:
    since = len(stage.billing.requests)
    done: list[bool] = []

    def look() -> None:
        asked = [call for call in stage.billing.requests[since:] if call.action == "GetClientsProducts"]
        if len(asked) >= nth and not done:
            done.append(True)
            action()

    for call in range(1, MOST_CALLS):
        stage.faults.admin_acts_before("*", call, look)


def _die() -> None:
    raise Died


def disarm(stage: Stage, guard: Guard) -> None:
    """Whatever has not happened by now does not happen."""
    stage.faults.clear()
    stage.billing.unavailable(0)
    stage.ledger.before_commit.clear()
    stage.ledger.after_commit.clear()
    guard.on_write = lambda: None


def _end(error: type[BaseException], where: str, nth: int, stage: Stage, guard: Guard) -> None:
    calls = count(1)

    def end_at_last() -> None:
        if next(calls) == nth:
            raise error

    if where == "before commit":
        stage.ledger.before_commit.append(end_at_last)
    elif where == "after commit":
        stage.ledger.after_commit.append(end_at_last)
    else:
        guard.on_write = end_at_last
