"""A burst of deletions is HELD before anything is taken from a client, and a person decides on all of it (rule 7)."""

from collections.abc import Iterator

import pytest

from flows.decide_held import decide_held
from flows.terminate import terminate
from ledger import decisions
from ledger.states import State
from runtime import alerts
from runtime.errors import PrefectUnreachable
from runtime.settings import settings
from simulator.panel.models import SimServer
from tasks.held.burst import decide_burst
from tests.harness import Harness
from tests.stories.scenario import activated, is_held, one_line, sent

Bought = list[tuple[int, SimServer]]


@pytest.fixture(autouse=True)
def two_a_day_are_no_burst(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DCIFLOW_BURST_AT_LEAST", "2")
    monkeypatch.setenv("DCIFLOW_CAP_SMALL_FLEET", "10")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


async def a_burst(harness: Harness) -> Bought:
    """Five services that are deleted in one night after quiet weeks; the last three are HELD."""
    bought = [await activated(harness) for _ in range(5)]
    harness.clock.simulated.advance(15 * 7 * 24 * 3600)
    for service_id, _ in bought[:2]:
        await harness.run(terminate, service_id)
    for service_id, _ in bought[2:]:
        await one_line(harness.run(terminate, service_id))
        await is_held(harness, service_id, "burst")
    return bought


async def test_what_is_held_keeps_owner_addresses_and_disks_and_the_line_says_how_to_go_on(harness: Harness) -> None:
    bought = [await activated(harness) for _ in range(3)]
    harness.clock.simulated.advance(15 * 7 * 24 * 3600)
    for service_id, _ in bought[:2]:
        await harness.run(terminate, service_id)
    service_id, server = bought[2]
    before, addresses = len(harness.panel.writes()), list(server.addresses)
    line = await one_line(harness.run(terminate, service_id))
    assert "2 terminations in 24 hours before a person looks (the busiest day of the last 14 weeks had 0)" in line
    assert "dciflow held burst retry" in line and f"dciflow held retry {service_id} --past-cap" in line
    assert len(harness.panel.writes()) == before
    assert server.owner_id is not None and list(server.addresses) == addresses and not server.disk.is_clear
    held = await is_held(harness, service_id, "burst")
    assert (held.held_from, held.releasing_since) == (State.ACTIVE, None)


async def test_a_burst_is_one_message_however_many_it_holds(harness: Harness) -> None:
    await a_burst(harness)
    assert [event for event, _, _ in harness.events] == [alerts.CAP_REACHED] * 3
    # The automation sends one about one resource in an hour (dciflow/notifications.py).
    assert {resource["prefect.resource.id"] for _, resource, _ in harness.events} == {"dciflow.cap.burst"}


async def test_let_past_by_a_person_all_of_it_is_wiped(harness: Harness) -> None:
    bought = await a_burst(harness)
    lines = [line async for line in decide_burst("retry", who="anna", why="they left")]
    assert len(lines) == 3 and all("terminate is started" in line for line in lines)
    for service_id, _ in bought[2:]:
        await harness.run(terminate, service_id)
        [kept] = await decisions.of_service(harness.ledger, service_id)
        assert (kept.who, kept.held_reason) == ("anna", "burst")
    assert all(server.disk.is_clear for _, server in bought)
    assert harness.panel.incidents == []


async def test_released_by_a_person_all_of_it_goes_on_and_is_held_again_when_it_is_deleted_again(
    harness: Harness,
) -> None:
    bought = await a_burst(harness)
    assert len([line async for line in decide_burst("release", who="anna", why="a mistake")]) == 3
    for service_id, server in bought[2:]:
        assert (await harness.service(service_id)).state is State.ACTIVE
        assert server.owner_id is not None
        await one_line(harness.run(terminate, service_id))
        await is_held(harness, service_id, "burst")
    assert len(sent(harness, "diagnostics")) == 2


async def test_through_whmcs_a_burst_is_released_and_not_let_past(harness: Harness) -> None:
    bought = await a_burst(harness)
    service_id = bought[2][0]
    for past_cap in (False, True):
        line = await one_line(
            decide_held.fn(service_id, decision="retry", why="x", past_cap=past_cap, asked_through="a1b2")
        )
        assert "is not decided through WHMCS" in line
    await decide_held.fn(service_id, decision="release", why="x", asked_through="a1b2")
    await one_line(harness.run(terminate, service_id))
    await is_held(harness, service_id, "burst")


async def test_one_that_was_decided_meanwhile_keeps_nobody_else_waiting(harness: Harness) -> None:
    bought = await a_burst(harness)
    said = decide_burst("release", who="anna", why="-")
    assert "is ACTIVE again" in await anext(said)
    await decide_held.fn(bought[3][0], decision="release", who="boris", why="quicker")
    assert [line async for line in said] == [
        f"Service {bought[3][0]}: Service {bought[3][0]} is ACTIVE, not HELD: there is nothing to decide.",
        f"Service {bought[4][0]} is ACTIVE again. Nothing was started.",
    ]


async def test_while_prefect_is_away_no_second_one_is_let_past_for_nothing(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = await a_burst(harness)

    async def away(*_: object) -> str:
        raise PrefectUnreachable("Prefect is away.")

    harness.connect().start_run = away
    with pytest.raises(PrefectUnreachable, match=f"Service {bought[2][0]} was let past and its deletion is not"):
        [line async for line in decide_burst("retry", who="anna", why="-")]
    await is_held(harness, bought[3][0], "burst")
