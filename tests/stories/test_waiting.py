import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import event

from dcimanager.errors import PanelUnreachable
from dcimanager.operations import Operation
from flows.activate import activate
from flows.terminate import terminate
from ledger.errors import Superseded
from ledger.states import State
from runtime.errors import InstallationFailed
from simulator.panel.models import SimServer
from simulator.panel.profile import XEON, Batch
from tasks.os_install import ProgressBar
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness
from tests.stories.scenario import activated, is_held, one_line, sent, take_panel_down, taken_over

INSTALL = 900
WIPE = 1200
SLOW = QUICK.model_copy(update={"os_install_seconds": float(INSTALL), "diagnostics_seconds": float(WIPE)})
AWAY = 600
HANGS = 600
"""From then on nothing more is heard of an installation that hangs."""


@pytest_asyncio.fixture(loop_scope="session")
async def slow(make_harness: HarnessMaker) -> Harness:
    """A panel on which installations and wipes take as long as they do."""
    return make_harness(SLOW)


def later(harness: Harness, endpoint: str, seconds: float, change: Callable[[], object]) -> None:
    """Something happens so long after the panel took that job on."""
    harness.faults.admin_acts_after(endpoint, 1, lambda: harness.panel.world.later(seconds, change))


def goes_away(harness: Harness, endpoint: str, after: float = 300) -> None:
    """The panel is away for ten minutes while it does that job."""
    later(harness, endpoint, after, lambda: take_panel_down(harness))
    later(harness, endpoint, after + AWAY, harness.faults.clear)


def away(harness: Harness) -> int:
    """How many calls the panel did not take."""
    return sum(call.status is None for call in harness.panel.requests)


async def test_a_panel_that_is_away_in_the_middle_of_an_installation_does_not_end_it(slow: Harness) -> None:
    goes_away(slow, "os_install")
    service_id = slow.buy()
    await slow.run(activate, service_id, order=slow.order())
    assert away(slow) > 20
    assert (await slow.service(service_id)).state is State.ACTIVE
    assert len(sent(slow, "os_install")) == 1
    assert slow.panel.incidents == []


async def test_a_panel_that_is_away_in_the_middle_of_a_wipe_does_not_end_it(slow: Harness) -> None:
    service_id, server = await activated(slow)
    goes_away(slow, "diagnostics")
    await slow.run(terminate, service_id)
    assert away(slow) > 20
    assert (await slow.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear


async def test_a_panel_that_goes_away_right_after_it_showed_a_change_is_waited_for(slow: Harness) -> None:
    service_id = slow.buy()

    def at_the_next_look() -> None:
        # The shared list shows the change; the fresh look that follows is cut short.
        slow.faults.admin_acts_after("server_list", 1, lambda: take_panel_down(slow))
        slow.panel.world.later(AWAY, slow.faults.clear)

    later(slow, "os_install", INSTALL / 2, at_the_next_look)
    await slow.run(activate, service_id, order=slow.order())
    assert away(slow) > 20
    assert (await slow.service(service_id)).state is State.ACTIVE


async def test_a_panel_that_is_away_when_the_time_is_over_ends_the_run_and_nothing_else(slow: Harness) -> None:
    slow.panel.hang_next("os_install")
    goes_away(slow, "os_install", after=500)
    service_id = slow.buy()
    with pytest.raises(PanelUnreachable):
        await slow.run(activate, service_id, order=slow.order(os_install_timeout_minutes=10))
    assert (await slow.service(service_id)).state is State.INSTALLING
    assert sent(slow, "operation_end") == []

    await slow.clock.sleep(AWAY)
    line = await one_line(slow.run(activate, service_id, order=slow.order(os_install_timeout_minutes=10)))
    assert "did not finish within 10 minutes and was ended" in line
    assert len(sent(slow, "operation_end")) == 1


def _give_away(harness: Harness, server: SimServer) -> None:
    harness.panel.admin.set_owner(server.id, "other@example.com")


def _swap(harness: Harness, server: SimServer) -> None:
    harness.panel.admin.swap_hardware(server.id)


def _remove(harness: Harness, server: SimServer) -> None:
    harness.panel.admin.remove_server(server.id)


BY_HAND = pytest.mark.parametrize(
    ("spoil", "reason"),
    [(_give_away, "owner-changed"), (_swap, "hardware-changed"), (_remove, "server-vanished")],
)


@BY_HAND
async def test_a_server_that_a_hand_changes_while_its_os_is_installed_is_held(
    slow: Harness, spoil: Callable[[Harness, SimServer], None], reason: str
) -> None:
    server = slow.panel.server(1)
    for other in slow.panel.servers.values():
        if other is not server:
            slow.panel.admin.protect(other.id)
    later(slow, "os_install", 400, lambda: spoil(slow, server))
    service_id = slow.buy()
    began = slow.clock.now()
    assert f"HELD ({reason})" in await one_line(slow.run(activate, service_id, order=slow.order()))
    await is_held(slow, service_id, reason)
    assert slow.clock.now() - began < timedelta(seconds=500)
    assert slow.billed(service_id).status == "Pending"


@BY_HAND
async def test_a_server_that_a_hand_changes_while_it_is_wiped_is_held(
    slow: Harness, spoil: Callable[[Harness, SimServer], None], reason: str
) -> None:
    service_id, server = await activated(slow)
    later(slow, "diagnostics", 400, lambda: spoil(slow, server))
    began = slow.clock.now()
    assert f"HELD ({reason})" in await one_line(slow.run(terminate, service_id))
    await is_held(slow, service_id, reason)
    assert slow.clock.now() - began < timedelta(seconds=500)


async def test_an_installation_that_is_done_in_its_last_second_counts(slow: Harness) -> None:
    service_id = slow.buy()
    await slow.run(activate, service_id, order=slow.order(os_install_timeout_minutes=INSTALL // 60))
    assert sent(slow, "operation_end") == []
    assert (await slow.service(service_id)).state is State.ACTIVE


async def test_an_installation_is_ended_in_the_moment_in_which_its_time_is_over(slow: Harness) -> None:
    slow.panel.hang_next("os_install")
    await one_line(slow.run(activate, slow.buy(), order=slow.order(os_install_timeout_minutes=11)))
    [began], [ended] = sent(slow, "os_install"), sent(slow, "operation_end")
    assert ended.at - began.at == pytest.approx(660, abs=1)


async def test_while_nothing_happens_the_ledger_is_not_read_and_the_panel_asked_for_its_list_only(
    slow: Harness,
) -> None:
    engine = slow.ledger._engine.sync_engine
    statements: list[float] = []

    def note(*_: object) -> None:
        statements.append(slow.clock.simulated.now())

    slow.panel.hang_next("os_install")
    event.listen(engine, "before_cursor_execute", note)
    try:
        await one_line(slow.run(activate, slow.buy(), order=slow.order(os_install_timeout_minutes=50)))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert [at for at in statements if at < HANGS]
    assert [at for at in statements if HANGS < at < 3000] == []
    assert {call.endpoint for call in slow.panel.requests if HANGS < call.at < 3000} == {"server_list"}


@pytest.mark.parametrize("count", [1, 10])
async def test_many_installations_that_run_at_once_share_the_looks_of_one(
    make_harness: HarnessMaker, count: int
) -> None:
    fleet = (Batch(configuration=XEON, location="Riga", servers=count),)
    harness = make_harness(SLOW.model_copy(update={"fleet": fleet}))
    for _ in range(count):
        harness.panel.hang_next("os_install")
    ordered = harness.order(os_install_timeout_minutes=50)
    runs = (harness.run(activate, harness.buy(), order=ordered) for _ in range(count))
    ends = await asyncio.gather(*runs, return_exceptions=True)
    assert [type(end) for end in ends] == [InstallationFailed] * count
    looks = [call for call in sent(harness, "server_list") if HANGS < call.at < HANGS + 2100]
    # Those that began last still look more often; each for itself, it would be as often again for each.
    assert len(looks) == pytest.approx(2100 / 30, abs=12)


async def test_a_run_that_is_cancelled_while_it_waits_leaves_nothing_behind(slow: Harness) -> None:
    slow.panel.hang_next("os_install")
    before = asyncio.all_tasks()
    waiting = asyncio.Event()
    later(slow, "os_install", 2000, waiting.set)
    service_id = slow.buy()
    run = asyncio.ensure_future(slow.run(activate, service_id, order=slow.order(os_install_timeout_minutes=1_000_000)))
    await waiting.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    for _ in range(50):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
    asked = len(slow.panel.requests)
    await slow.clock.sleep(600)
    assert len(slow.panel.requests) == asked


async def test_a_run_that_lost_its_service_while_it_waited_ends_nothing(slow: Harness) -> None:
    slow.panel.hang_next("os_install")
    waiting = asyncio.Event()
    later(slow, "os_install", 2000, waiting.set)
    service_id = slow.buy()
    run = asyncio.ensure_future(slow.run(activate, service_id, order=slow.order(os_install_timeout_minutes=60)))
    await waiting.wait()
    await taken_over(slow, service_id, "activate")
    with pytest.raises(Superseded):
        await run
    assert sent(slow, "operation_end") == []


async def test_a_wipe_that_its_server_no_longer_shows_is_asked_for_by_its_number(slow: Harness) -> None:
    service_id, server = await activated(slow)

    def show_another() -> None:
        server.operations.append(replace(server.operations[-1], id=999_999, status="finished", address=None))

    later(slow, "diagnostics", 500, show_another)
    began = slow.clock.now()
    await slow.run(terminate, service_id)
    assert (await slow.service(service_id)).state is State.RELEASED
    assert slow.clock.now() - began < timedelta(seconds=WIPE + 60)
    assert len(sent(slow, "operation_get")) == pytest.approx((WIPE - 500) / 15, abs=2)


async def test_without_steps_the_progress_moves_every_minute_and_asks_the_panel_nothing(
    slow: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[float] = []

    async def show(self: ProgressBar, operation: Operation) -> None:
        shown.append(slow.clock.simulated.now())

    tell = slow.panel.serializers.operation
    monkeypatch.setattr(slow.panel.serializers, "operation", lambda one: {**tell(one), "progress_info": []})
    monkeypatch.setattr(ProgressBar, "show", show)
    slow.panel.hang_next("os_install")
    await one_line(slow.run(activate, slow.buy(), order=slow.order(os_install_timeout_minutes=30)))
    assert 30 <= len(shown) <= 33
