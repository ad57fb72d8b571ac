"""Errands and lifecycles of one service at the same time, and errands in each state."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from prefect import Flow

from flows import _request
from flows._request import ERRAND_TRIES
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import requests, services
from ledger.snapshots import Request
from ledger.states import State
from ledger.tables import ServiceRow
from runtime.heartbeat import STALLED_AFTER
from runtime.run_log import EXPECTED
from tests.harness import PANEL, Harness
from tests.ledger.scenario import last_request
from tests.stories.errands import ERRANDS, Errand, press
from tests.stories.scenario import activated, one_line, written

LIFECYCLES: "dict[str, tuple[Flow[..., Any], State, State]]" = {
    "activate": (activate, State.ACTIVE, State.ACTIVE),
    "suspend": (suspend, State.ACTIVE, State.SUSPENDED),
    "unsuspend": (unsuspend, State.SUSPENDED, State.ACTIVE),
    "terminate": (terminate, State.ACTIVE, State.RELEASED),
}
"""Each lifecycle with the state of the service before and after it."""

each_errand = pytest.mark.parametrize("errand", ERRANDS, ids=str)
each_lifecycle = pytest.mark.parametrize("lifecycle", list(LIFECYCLES))


class Waits:
    """What a run does in place of waiting two seconds for another one; counts how often it had to."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self.meanwhile: Callable[[int], Awaitable[object]] | None = None
        patch.setattr(_request, "_let_go_on", self._wait)

    async def _wait(self) -> None:
        self.times += 1
        if self.meanwhile is not None:
            await self.meanwhile(self.times)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """No run waits in real seconds."""
    return Waits(monkeypatch)


@pytest.fixture(autouse=True)
def _labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of Prefect no run can be labelled, and a key that nobody can read ends in a refusal."""

    async def labelled(**labels: Any) -> bool:
        return True

    monkeypatch.setattr("tasks.sign_in.set_run_labels", labelled)


async def in_state(harness: Harness, state: State) -> int:
    """A client's service that stands there."""
    if state is State.NEW:
        service_id = harness.buy()
        await services.remember(harness.ledger, service_id=service_id, panel=PANEL, now=harness.clock.now())
        return service_id
    service_id, server = await activated(harness)
    if state is State.SUSPENDED:
        harness.billed(service_id).status = "Suspended"
        await harness.run(suspend, service_id, requested_by="admin")
    elif state is State.RELEASED:
        harness.billed(service_id).status = "Terminated"
        await harness.run(terminate, service_id)
    elif state is State.HELD:
        harness.panel.admin.set_owner(server.id, "other@example.com")
        await one_line(harness.run(suspend, service_id, requested_by="admin"))
    elif state is not State.ACTIVE:
        async with harness.ledger.transaction() as session:
            row = await session.get(ServiceRow, service_id)
            assert row is not None
            row.state = state
    assert (await harness.service(service_id)).state is state
    return service_id


async def opened(harness: Harness, service_id: int, action: str) -> Request:
    """Another run's request, which is open and alive."""
    await requests.open(
        harness.ledger,
        service_id=service_id,
        panel=PANEL,
        action=action,
        flow_run_id=f"another {action}",
        requested_by="client",
        silent_after=STALLED_AFTER,
        now=harness.clock.now(),
    )
    request = await last_request(harness.ledger, service_id)
    assert request is not None
    return request


async def asked(harness: Harness, lifecycle: str, service_id: int) -> None:
    """WHMCS asks for the lifecycle, and shows what goes with it."""
    flow, _, _ = LIFECYCLES[lifecycle]
    shows = {"suspend": "Suspended", "terminate": "Terminated"}.get(lifecycle, "Active")
    harness.billed(service_id).status = shows
    order = {"order": harness.order()} if lifecycle == "activate" else {}
    await harness.run(flow, service_id, requested_by="admin", **order)


@each_errand
@each_lifecycle
async def test_a_lifecycle_waits_a_minute_for_an_open_errand_and_then_goes_over_it(
    harness: Harness, waits: Waits, errand: Errand, lifecycle: str
) -> None:
    service_id = await in_state(harness, LIFECYCLES[lifecycle][1])
    open_one = await opened(harness, service_id, errand.flow.name)
    await asked(harness, lifecycle, service_id)
    assert waits.times == ERRAND_TRIES
    assert (await harness.service(service_id)).state is LIFECYCLES[lifecycle][2]
    left = await requests.get(harness.ledger, open_one.id)
    assert left is not None
    assert left.outcome == "abandoned"
    assert f"({lifecycle})" in (left.message or "")


@each_errand
@each_lifecycle
async def test_a_lifecycle_goes_on_as_soon_as_the_errand_has_ended(
    harness: Harness, waits: Waits, errand: Errand, lifecycle: str
) -> None:
    service_id = await in_state(harness, LIFECYCLES[lifecycle][1])
    open_one = await opened(harness, service_id, errand.flow.name)

    async def ends(times: int) -> None:
        if times == 3:
            await requests.abandon(
                harness.ledger, open_one, outcome="cancelled", message="cancelled by hand", now=harness.clock.now()
            )

    waits.meanwhile = ends
    await asked(harness, lifecycle, service_id)
    assert waits.times == 3
    left = await requests.get(harness.ledger, open_one.id)
    assert left is not None and left.outcome == "cancelled"


@each_errand
async def test_an_errand_of_a_service_that_a_lifecycle_is_at_is_refused_with_its_link(
    harness: Harness, waits: Waits, errand: Errand
) -> None:
    service_id = await in_state(harness, State.ACTIVE)
    before = len(harness.panel.requests)
    for lifecycle in [*LIFECYCLES, "watch-os-install"]:
        open_one = await opened(harness, service_id, lifecycle)
        for by in ("client", "admin"):
            line = await one_line(press(harness, errand, service_id, by))
            assert f"busy with {lifecycle} since" in line
            assert open_one.flow_run_id in line
        assert await requests.get(harness.ledger, open_one.id) == open_one
        await requests.abandon(
            harness.ledger, open_one, outcome="cancelled", message="it is over", now=harness.clock.now()
        )
    assert waits.times == 0
    assert len(harness.panel.requests) == before


@each_errand
async def test_an_errand_that_a_lifecycle_went_over_does_nothing_more_on_the_panel(
    harness: Harness, waits: Waits, errand: Errand, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = await in_state(harness, State.ACTIVE)
    module = f"{errand.flow.fn.__module__}.confirm_identity"
    confirm = __import__(errand.flow.fn.__module__, fromlist=["confirm_identity"]).confirm_identity
    calls: list[int] = []

    async def then_a_lifecycle_comes(service: Any) -> None:
        await confirm(service)
        await asyncio.create_task(asked(harness, "suspend", service_id))  # a run of its own
        calls.append(len(harness.panel.writes()))

    monkeypatch.setattr(module, then_a_lifecycle_comes)
    line = await one_line(asyncio.create_task(press(harness, errand, service_id)))
    assert "Another run drives service" in line
    assert calls == [len(harness.panel.writes())]
    assert errand.sends not in written(harness)
    assert (await harness.service(service_id)).state is State.SUSPENDED


@each_errand
@each_lifecycle
@pytest.mark.parametrize("first", ["errand", "lifecycle"])
async def test_pressed_at_the_moment_of_a_lifecycle_both_end_and_the_lifecycle_has_its_state(
    harness: Harness, waits: Waits, errand: Errand, lifecycle: str, first: str
) -> None:
    _, begins, ends = LIFECYCLES[lifecycle]
    service_id = await in_state(harness, begins)
    server = await harness.server(service_id)
    waits.meanwhile = lambda times: asyncio.sleep(0.01)
    both = [press(harness, errand, service_id, "admin"), asked(harness, lifecycle, service_id)]
    ended = await asyncio.gather(*(both if first == "errand" else reversed(both)), return_exceptions=True)
    pressed, moved = ended if first == "errand" else reversed(ended)
    assert moved is None
    assert pressed is None or (isinstance(pressed, EXPECTED) and "\n" not in str(pressed))
    assert (await harness.service(service_id)).state is ends
    order = written(harness)
    assert order.count(errand.sends) == (pressed is None)
    if lifecycle == "terminate":
        assert errand.sends not in order[order.index("owner_clear") :]
        assert harness.panel.server(server.id).owner_id is None
    assert await requests.open_requests(harness.ledger) == []


@each_errand
@pytest.mark.parametrize("state", list(State), ids=str)
async def test_in_each_state_an_errand_is_done_or_refused_in_one_line(
    harness: Harness, errand: Errand, state: State
) -> None:
    service_id = await in_state(harness, state)
    stood = await harness.service(service_id)
    for by, may in (("client", errand.for_clients), ("admin", errand.for_staff)):
        before = len(harness.panel.writes())
        if state in may:
            await press(harness, errand, service_id, by)
            assert written(harness, since=before) == [errand.sends]
            if stood.claim is not None:
                harness.panel.admin.power(stood.claim.server_id, "on")
                harness.panel.server(stood.claim.server_id).in_recovery = False
                harness.panel.server(stood.claim.server_id).domain = ""
        else:
            line = await one_line(press(harness, errand, service_id, by))
            assert "Nothing was touched" in line
            assert f"{service_id} is {state}" in line
            assert written(harness, since=before) == []
    stands = await harness.service(service_id)
    assert (stands.state, stands.generation, stands.claim, stands.held_reason) == (
        stood.state, stood.generation, stood.claim, stood.held_reason,
    )  # fmt: skip


@each_errand
async def test_a_silent_errand_is_gone_over_at_once(harness: Harness, waits: Waits, errand: Errand) -> None:
    service_id = await in_state(harness, State.ACTIVE)
    await opened(harness, service_id, errand.flow.name)
    harness.clock.simulated.advance((STALLED_AFTER + timedelta(seconds=1)).total_seconds())
    await asked(harness, "suspend", service_id)
    assert waits.times == 0
