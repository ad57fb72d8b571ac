"""Past a cap destruction is HELD for a person, and an installation waits (safety rule 7)."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from flows.activate import activate
from flows.terminate import terminate
from ledger.states import State
from runtime.settings import Settings, settings
from tasks.held.decisions import DecisionRequest, carry_out
from tests.harness import Harness
from tests.stories.scenario import activated, is_held, one_line, sent

Cap = Callable[[str, int], None]


@pytest.fixture
def cap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cap]:
    """Sets one of the caps for this test."""

    def to(name: str, limit: int) -> None:
        monkeypatch.setenv(f"DCIFLOW_{'' if name.startswith('CEILING') else 'CAP_'}{name}", str(limit))
        settings.cache_clear()

    yield to
    monkeypatch.undo()
    settings.cache_clear()


async def let_past(service_id: int) -> None:
    await carry_out(service_id, DecisionRequest(choice="retry", who="anna", why="they did leave", past_cap=True))


async def test_past_the_days_terminations_a_service_keeps_its_server_until_a_person_lets_it_through(
    harness: Harness, cap: Cap
) -> None:
    (first, _), (second, server) = await activated(harness), await activated(harness)
    cap("TERMINATIONS_PER_DAY", 1)
    await harness.run(terminate, first)
    before = len(harness.panel.writes())
    line = await one_line(harness.run(terminate, second))
    assert f"dciflow held retry {second} --past-cap" in line
    held = await is_held(harness, second, "termination-cap")
    assert held.held_from is State.ACTIVE
    assert len(harness.panel.writes()) == before

    await let_past(second)
    assert harness.started[-1][0] == "terminate/whmcs"
    await harness.run(terminate, second)
    assert (await harness.service(second)).state is State.RELEASED
    assert server.disk.is_clear


async def test_past_the_hours_wipes_a_server_is_not_wiped_until_a_person_lets_it_through(
    harness: Harness, cap: Cap
) -> None:
    (first, _), (second, server) = await activated(harness), await activated(harness)
    cap("WIPES_PER_HOUR", 1)
    await harness.run(terminate, first)
    line = await one_line(harness.run(terminate, second))
    assert "The cap is 1 wipes in an hour, and there are 1" in line
    await is_held(harness, second, "wipe-cap")
    assert len(sent(harness, "diagnostics")) == 1
    assert not server.disk.is_clear

    await let_past(second)
    await harness.run(terminate, second)
    assert (await harness.service(second)).state is State.RELEASED
    assert harness.panel.incidents == []


async def test_past_the_ceiling_no_decision_wipes_and_the_line_says_what_moves_it(harness: Harness, cap: Cap) -> None:
    (first, _), (second, server) = await activated(harness), await activated(harness)
    cap("CEILING_PER_DAY", 1)
    await harness.run(terminate, first)
    line = await one_line(harness.run(terminate, second))
    assert "The cap is 1 terminations in 24 hours, whoever asks, and there are 1" in line
    assert "set DCIFLOW_CEILING_PER_DAY for every worker and restart them" in line
    await is_held(harness, second, "ceiling")
    assert "which is no cap" in await one_line(let_past(second))

    await carry_out(second, DecisionRequest(choice="terminate", who="anna", why="now"))
    before = len(harness.panel.writes())
    await one_line(harness.run(terminate, second))
    held = await is_held(harness, second, "ceiling")
    assert (held.held_from, len(harness.panel.writes())) == (State.RELEASING, before)
    assert server.owner_id is not None

    cap("CEILING_PER_DAY", 2)
    await carry_out(second, DecisionRequest(choice="retry", who="anna", why="raised"))
    await harness.run(terminate, second)
    assert server.disk.is_clear


async def test_past_the_ceiling_no_permit_is_written_for_what_is_being_taken_back(harness: Harness, cap: Cap) -> None:
    (first, _), (second, server) = await activated(harness), await activated(harness)
    await harness.run(terminate, first)
    harness.faults.admin_acts_after("owner_clear", 1, lambda: cap("CEILING_PER_DAY", 1))
    line = await one_line(harness.run(terminate, second))
    assert "The cap is 1 wipes in 24 hours, whoever asks, and there are 1" in line
    await is_held(harness, second, "ceiling")
    assert not server.disk.is_clear

    harness.clock.simulated.advance(25 * 3600)
    await carry_out(second, DecisionRequest(choice="retry", who="anna", why="a day later"))
    await harness.run(terminate, second)
    assert (await harness.service(second)).state is State.RELEASED


async def test_past_the_installations_at_once_the_next_one_waits_its_turn(harness: Harness, cap: Cap) -> None:
    cap("INSTALLATIONS", 1)
    bought = [harness.buy(f"web{number}.example.com") for number in range(3)]
    at_once: list[int] = []

    def count() -> None:
        at_once.append(sum(server.running_operation is not None for server in harness.panel.servers.values()))

    for nth in range(1, 4):
        harness.faults.admin_acts_after("os_install", nth, count)
    await asyncio.gather(*(harness.run(activate, service_id, order=harness.order()) for service_id in bought))
    assert [(await harness.service(service_id)).state for service_id in bought] == [State.ACTIVE] * 3
    assert at_once == [1, 1, 1]
    assert len(sent(harness, "os_install")) == 3


@pytest.mark.parametrize(
    "name",
    [
        "CAP_TERMINATIONS_PER_DAY",
        "CAP_TERMINATIONS_SHARE",
        "CAP_WIPES_PER_HOUR",
        "CAP_INSTALLATIONS",
        "BURST_TIMES",
        "BURST_AT_LEAST",
        "CEILING_PER_DAY",
    ],
)
@pytest.mark.parametrize("value", ["0", "-1", "10001", "inf", ""])
def test_no_value_switches_a_cap_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DCIFLOW_{name}", value)
    with pytest.raises(ValueError, match=name.lower()):
        Settings()
