"""Past a cap destruction is HELD for a person, and an installation waits (safety rule 7)."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from flows.activate import activate
from flows.terminate import terminate
from ledger.lifecycle import State
from tasks.decisions import Verdict, carry_out
from tasks.settings import Settings, settings
from tests.flows.play import activated, is_held, one_line, sent
from tests.stage import Stage

Cap = Callable[[str, int], None]


@pytest.fixture
def cap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cap]:
    """Sets one of the caps for this test."""

    def to(name: str, limit: int) -> None:
        monkeypatch.setenv(f"DCIFLOW_CAP_{name}", str(limit))
        settings.cache_clear()

    yield to
    monkeypatch.undo()
    settings.cache_clear()


async def let_past(service_id: int) -> None:
    await carry_out(service_id, Verdict(choice="retry", who="anna", why="they did leave", past_cap=True))


async def test_past_the_days_terminations_a_service_keeps_its_server_until_a_person_lets_it_through(
    stage: Stage, cap: Cap
) -> None:
    (first, _), (second, server) = await activated(stage), await activated(stage)
    cap("TERMINATIONS_PER_DAY", 1)
    await stage.run(terminate, first)
    before = len(stage.panel.writes())
    line = await one_line(stage.run(terminate, second))
    assert f"dciflow held retry {second} --past-cap" in line
    held = await is_held(stage, second, "termination-cap")
    assert held.held_from is State.ACTIVE
    assert len(stage.panel.writes()) == before

    await let_past(second)
    assert stage.started[-1][0] == "terminate/whmcs"
    await stage.run(terminate, second)
    assert (await stage.service(second)).state is State.RELEASED
    assert server.disk.is_clear


async def test_past_the_hours_wipes_a_server_is_not_wiped_until_a_person_lets_it_through(
    stage: Stage, cap: Cap
) -> None:
    (first, _), (second, server) = await activated(stage), await activated(stage)
    cap("WIPES_PER_HOUR", 1)
    await stage.run(terminate, first)
    line = await one_line(stage.run(terminate, second))
    assert "The cap is 1 wipes in an hour, and there are 1" in line
    await is_held(stage, second, "wipe-cap")
    assert len(sent(stage, "diagnostics")) == 1
    assert not server.disk.is_clear

    await let_past(second)
    await stage.run(terminate, second)
    assert (await stage.service(second)).state is State.RELEASED
    assert stage.panel.incidents == []


async def test_past_the_installations_at_once_the_next_one_waits_its_turn(stage: Stage, cap: Cap) -> None:
    cap("INSTALLATIONS", 1)
    bought = [stage.buy(f"web{number}.example.com") for number in range(3)]
    at_once: list[int] = []

    def count() -> None:
        at_once.append(sum(server.running_operation is not None for server in stage.panel.servers.values()))

    for nth in range(1, 4):
        stage.faults.admin_acts_after("os_install", nth, count)
    await asyncio.gather(*(stage.run(activate, service_id, order=stage.order()) for service_id in bought))
    assert [(await stage.service(service_id)).state for service_id in bought] == [State.ACTIVE] * 3
    assert at_once == [1, 1, 1]
    assert len(sent(stage, "os_install")) == 3


@pytest.mark.parametrize(
    "name", ["CAP_TERMINATIONS_PER_DAY", "CAP_TERMINATIONS_SHARE", "CAP_WIPES_PER_HOUR", "CAP_INSTALLATIONS"]
)
@pytest.mark.parametrize("value", ["0", "-1", "10001", "inf", ""])
def test_no_value_switches_a_cap_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"DCIFLOW_{name}", value)
    with pytest.raises(ValueError, match=name.lower()):
        Settings()
