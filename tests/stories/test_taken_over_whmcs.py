"""What WHMCS may decide, and a WHMCS that was taken over: nothing beyond the caps is wiped (safety rule 23)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest

from flows.decide_held import decide_held
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import decisions
from ledger.snapshots import Choice
from ledger.states import State
from runtime.run_log import EXPECTED
from runtime.settings import settings
from simulator.panel.models import SimServer
from tests.harness import Harness
from tests.stories.scenario import activated, is_held, one_line

Cap = Callable[[str, int], None]
THROUGH = {"asked_through": "a1b2", "why": "a client called"}


@pytest.fixture
def cap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cap]:
    """Sets one of the worker's numbers for this test."""

    def to(name: str, limit: int) -> None:
        monkeypatch.setenv(f"DCIFLOW_{name}", str(limit))
        settings.cache_clear()

    yield to
    monkeypatch.undo()
    settings.cache_clear()


async def ask(harness: Harness, flow: Any, service_id: int, **more: Any) -> bool:
    """Whether a run that WHMCS asks for ends well."""
    try:
        await harness.run(flow, service_id, **more)
    except EXPECTED:
        return False
    return True


async def decide(service_id: int, choice: Choice, **more: Any) -> bool:
    """Whether a decision that comes through the door is carried out."""
    try:
        await decide_held.fn(
            service_id, decision=choice, who="the boss", why="we are closing", asked_through="a1b2", **more
        )
    except EXPECTED:
        return False
    return True


def wiped(servers: list[SimServer]) -> int:
    return sum(server.disk.is_clear for server in servers)


async def test_with_caps_of_one_nothing_it_asks_for_wipes_a_second_server(harness: Harness, cap: Cap) -> None:
    bought = [await activated(harness) for _ in range(5)]
    servers = [server for _, server in bought]
    cap("CAP_TERMINATIONS_PER_DAY", 1)
    cap("CAP_WIPES_PER_HOUR", 1)
    for service_id, _ in bought:
        await ask(harness, terminate, service_id)
        assert not await decide(service_id, "retry", past_cap=True)
        await ask(harness, terminate, service_id)
    assert wiped(servers) == 1
    assert harness.panel.incidents == []


async def test_no_decision_through_the_door_in_any_order_wipes_more_than_the_cap_of_the_day(
    harness: Harness, cap: Cap
) -> None:
    bought = [await activated(harness) for _ in range(5)]
    servers = [server for _, server in bought]
    cap("CAP_TERMINATIONS_PER_DAY", 1)
    for service_id, _ in bought:
        for choice in get_args(Choice):
            for past_cap in (False, True):
                await ask(harness, terminate, service_id)
                await decide(service_id, choice, past_cap=past_cap)
                await ask(harness, terminate, service_id)
    assert wiped(servers) == 1
    for service_id, server in bought:
        kept = await decisions.of_service(harness.ledger, service_id)
        assert {one.choice for one in kept} <= {"release"}
        assert all(one.who.startswith("WHMCS a1b2") for one in kept)
        if not server.disk.is_clear:
            assert server.owner_id is not None


async def test_the_next_day_it_wipes_one_more_and_not_those_that_a_person_has_to_look_at(
    harness: Harness, cap: Cap
) -> None:
    bought = [await activated(harness) for _ in range(5)]
    cap("CAP_TERMINATIONS_PER_DAY", 1)
    for service_id, _ in bought:
        await ask(harness, terminate, service_id)
    harness.clock.simulated.advance(timedelta(hours=25).total_seconds())
    for service_id, _ in bought:
        await ask(harness, terminate, service_id)  # HELD: a person has to decide first
    states = [(await harness.service(service_id)).state for service_id, _ in bought]
    assert states == [State.RELEASED] + [State.HELD] * 4
    assert wiped([server for _, server in bought]) == 1


async def held_by_another_owner(harness: Harness, flow: Any) -> int:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    await one_line(harness.run(flow, service_id))
    await is_held(harness, service_id, "owner-changed")
    harness.panel.admin.set_owner(server.id, harness.client.email)
    return service_id


async def test_a_suspension_is_retried_through_whmcs_and_its_name_is_kept(harness: Harness) -> None:
    service_id = await held_by_another_owner(harness, suspend)
    await decide_held.fn(service_id, decision="retry", who="anna", **THROUGH)
    assert [started[0] for started in harness.started] == ["suspend/whmcs"]
    [kept] = await decisions.of_service(harness.ledger, service_id)
    assert kept.who == "WHMCS a1b2, by its own word anna"


@pytest.mark.parametrize("choice", ["retry", "terminate"])
async def test_a_deletion_is_not_decided_through_whmcs_and_the_line_says_so(harness: Harness, choice: Choice) -> None:
    service_id = await held_by_another_owner(harness, terminate)
    line = await one_line(decide_held.fn(service_id, decision=choice, who="the boss", **THROUGH))
    assert f'dciflow held {choice} {service_id} --why "..."' in line
    assert f"the form of the run decide-held-service-{service_id}" in line
    await is_held(harness, service_id, "owner-changed")
    assert (harness.started, await decisions.of_service(harness.ledger, service_id)) == ([], [])


async def test_a_deletion_that_stopped_is_released_towards_service_through_whmcs(harness: Harness) -> None:
    service_id = await held_by_another_owner(harness, terminate)
    await decide_held.fn(service_id, decision="release", **THROUGH)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert harness.started == []


async def test_another_server_is_refused_without_a_hold_too(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    line = await one_line(decide_held.fn(service_id, decision="another-server", **THROUGH))
    assert "dciflow held another-server" in line


async def test_whmcs_starts_no_form(harness: Harness) -> None:
    service_id = await held_by_another_owner(harness, suspend)
    assert "named no decision" in await one_line(decide_held.fn(service_id, asked_through="a1b2"))


async def test_a_decision_is_about_the_hold_that_was_weighed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.held import decisions as module

    service_id = await held_by_another_owner(harness, suspend)
    looked = module.requests.last_held

    async def held_anew_meanwhile(ledger: Any, number: int) -> Any:
        found = await looked(ledger, number)
        monkeypatch.setattr(module.requests, "last_held", looked)
        await decisions.leave_hold(ledger, number, to=State.ACTIVE, who="shift", why="-", now=harness.clock.now())
        harness.clock.simulated.advance(1)
        server = await harness.server(number)
        harness.panel.admin.set_owner(server.id, "other@example.com")
        await one_line(harness.run(terminate, number))
        return found

    monkeypatch.setattr(module.requests, "last_held", held_anew_meanwhile)
    assert "HELD anew" in await one_line(decide_held.fn(service_id, decision="retry", **THROUGH))
    await is_held(harness, service_id, "owner-changed")
