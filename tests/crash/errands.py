"""The errands that a driver dies in: what one is, and what holds of each afterwards.

An errand leaves the service's state as it is. After a death the second run finishes it or ends in one line; what
cannot be seen afterwards, such as a reboot, is sent once for one run, whatever happens.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from prefect import Flow

from flows import _request
from ledger import requests, services
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Service
from ledger.states import State
from runtime.run_log import EXPECTED
from simulator.panel.model import RecordedRequest
from simulator.panel.models import SimServer
from tests.crash.invariants import Observed, always
from tests.crash.scenarios import Recovery, Scenario, _active
from tests.harness import Harness

MAYBE = "may have been rebooted, or not"
"""What the line says of a reboot whose driver died around it."""
LATE = "so it was not done"
UNSEEN = frozenset({"power_reset"})
"""What cannot be seen afterwards, so that no run may send it twice."""
SEEN = frozenset({"ptr_set"})
"""What the panel shows at once, so that whoever looks first sends it once, whatever happens."""
ONCE = UNSEEN | {"rescue_start", "rescue_leave"}
"""What no run may send twice."""
NOT_SURE = ("may have been booted into the rescue system", "may have left the rescue system")
"""What the line says of a rescue system whose driver died around it."""


ACTIVE = frozenset[State | None]({State.ACTIVE})
SAME_RUN = (Recovery.RETRY,)
"""For what another press, a minute and a half later, would make another story of; and for what is refused."""


class Presses(list[RecordedRequest]):
    """The panel's record of calls, with the run that sent each one of an errand; and when the errand was pressed."""

    def __init__(self, pressed_at: datetime) -> None:
        super().__init__()
        self.pressed_at = pressed_at
        self.sent: Counter[tuple[str, str]] = Counter()
        """How often each call was sent by each run."""

    def append(self, call: RecordedRequest) -> None:
        """Remember a call."""
        super().append(call)
        if call.writes and call.endpoint not in (None, "login", "logout"):
            self.sent[call.endpoint or "", _request.run_id()] += 1


@dataclass(frozen=True)
class ErrandScenario(Scenario):
    """An errand: what is pressed, by whom, and what may come of it."""

    own: dict[str, Any] = field(default_factory=dict)
    """The errand's own parameters."""
    by: str = "client"
    sends: str | None = None
    """The one call that changes something; None: it sends none."""
    leaves: Callable[[SimServer], None] = lambda server: None
    """Makes a server of before the errand look as one after it."""
    operates: bool = False
    """What is sent starts an operation on the server, one at most."""
    writes: Callable[[Harness, Service], list[str]] = lambda harness, service: []
    """What is wrong with what it had to write into WHMCS and the ledger, once it is done."""
    refused_with: str | None = None
    """It always ends in a line with these words."""
    interrupted_with: tuple[str, ...] = ()
    """After a death, or after a lost commit, it may end in a line with any of these."""

    def asks(self, harness: Harness, flow: "Flow[..., Any]") -> dict[str, Any]:
        """What WHMCS sends with the press, at whichever time it is executed."""
        calls = harness.panel.requests
        assert isinstance(calls, Presses)
        service_id = next(iter(harness.whmcs.services))
        billed = harness.billed(service_id)
        identity = ServiceIdentity(client_id=billed.client_id, order_id=billed.order_id, registered=billed.registered)
        return {**self.own, "requested_by": self.by, "identity": identity, "asked_at": calls.pressed_at}

    def accepts(self, error: Exception, service: Service | None, *, interrupted: bool) -> bool:
        """Whether its run may end with that: a line that was expected, of one line."""
        if super().accepts(error, service, interrupted=interrupted):
            return True
        lines = [self.refused_with] if self.refused_with else []
        if interrupted:
            lines += self.interrupted_with
        text = str(error)
        return isinstance(error, EXPECTED) and "\n" not in text and any(line in text for line in lines)


async def errand_is_over(observed: Observed, scenario: Scenario) -> list[str]:
    """What is wrong when an errand is through, or was refused, and nobody is at work any more."""
    assert isinstance(scenario, ErrandScenario)
    harness = observed.harness
    wrong = await always(observed)
    if await requests.open_requests(harness.ledger):
        wrong.append("a request is still open")
    service = await services.get(harness.ledger, observed.service_id)
    assert service is not None
    if service.state not in scenario.ends_in or service.held_reason != scenario.held_because:
        wrong.append(f"the service is {service.state}, HELD because of: {service.held_reason}")
    server, calls = await harness.server(observed.service_id), harness.panel.requests
    assert isinstance(calls, Presses)
    for (endpoint, run_id), times in calls.sent.items():
        if endpoint != scenario.sends:
            wrong.append(f"{endpoint} was sent, which {'is no part of it' if scenario.sends else 'was to be refused'}")
        elif times > 1 and endpoint in ONCE:
            wrong.append(f"{run_id} sent {endpoint} {times} times")
    for endpoint in SEEN:
        times = sum(sent for (name, _), sent in calls.sent.items() if name == endpoint)
        if times > 1:
            wrong.append(f"{endpoint} was sent {times} times, though its effect was there")
    [last] = await requests.newest(harness.ledger, observed.service_id, scenario.flows[0].name, limit=1)
    done = last.outcome == "done"
    if done and scenario.sends in UNSEEN and calls.sent[scenario.sends or "", last.flow_run_id] == 0:
        wrong.append("it is done, and nothing was sent")
    if done:
        wrong += scenario.writes(harness, service)
    return wrong + _as_it_was(observed, server, scenario, done=done)


def _as_it_was(observed: Observed, server: SimServer, scenario: ErrandScenario, *, done: bool) -> list[str]:
    """Nothing of the server has changed but what was asked for, and that has where the errand is done."""
    before = observed.before[server.id]
    after = deepcopy(before)
    scenario.leaves(after)
    if scenario.operates:
        if len(server.operations) > len(before.operations) + 1:
            return ["more than one operation was started on the server"]
        before, after = (replace(one, operations=server.operations) for one in (before, after))
    if done and repr(server) != repr(after):
        return [f"it is done, and the server is {server}, not {after}"]
    if repr(server) not in (repr(before), repr(after)):
        return [f"the server is {server}, which was {before}"]
    return []


def pressed(begin: Callable[[Harness], Awaitable[int]]) -> Callable[[Harness], Awaitable[int]]:
    """Where an errand begins: the service is there, and the button is pressed now."""

    async def and_press(harness: Harness) -> int:
        service_id = await begin(harness)
        harness.panel.requests = Presses(harness.clock.now())
        return service_id

    return and_press


async def _sold_by_hand(harness: Harness) -> int:
    """Somebody gives the client's server to another one before the button is pressed."""
    service_id = await _active(harness)
    harness.panel.admin.set_owner((await harness.server(service_id)).id, "other@example.com")
    return service_id
