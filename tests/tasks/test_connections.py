from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio

from dcimanager.turns import caller
from ledger.database import Ledger
from ledger.lifecycle import State
from ledger.snapshots import Driver, Service
from simulator.clock import ManualClock
from tasks import connections
from tasks.clock import WallClock, seconds, set_clock
from tasks.connections import Connections, panel_named
from tasks.identity import drive
from tasks.settings import Settings
from tests.stage import SteppingClock


@pytest_asyncio.fixture
async def no_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connections]:
    """A process that has nothing open yet; Prefect's blocks hold a panel's access."""

    async def block(*_: object) -> SimpleNamespace:
        return SimpleNamespace(url="https://panel.example", username="admin", password="secret", verify_tls=True)

    monkeypatch.setattr(connections, "_block", block)
    monkeypatch.setattr(connections, "settings", lambda: Settings(panel_calls=3))
    here = Connections(ledger=Ledger(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"))
    connections.use(here)
    yield here
    await here.aclose()


async def test_a_panel_waits_in_the_time_of_the_steps_and_calls_as_often_at_once_as_is_set(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    panel = connections.Panel
    monkeypatch.setattr(connections, "Panel", lambda *args, **options: made.append(options) or panel(*args, **options))
    await panel_named("main")
    [options] = made
    assert options["calls_at_once"] == 3
    simulated = ManualClock()
    set_clock(SteppingClock(simulated))
    before = options["now"]()
    await options["sleep"](300)
    assert simulated.now() == 300
    assert options["now"]() - before == pytest.approx(300)


def test_the_seconds_of_a_clock_that_runs_faster_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WallClock(speed=60)
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    set_clock(clock)
    before = seconds()
    later = moment.replace(year=moment.year + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert seconds() - before == pytest.approx(60 * (later - moment).total_seconds())


def _service(service_id: int) -> Service:
    now = datetime.now(UTC)
    return Service(
        service_id=service_id, panel="main", client_id=7, state=State.ACTIVE, generation=1, epoch=1, order=None,
        held_reason=None, held_evidence=None, held_from=None, created_at=now, updated_at=now,
    )  # fmt: skip


async def test_a_run_calls_the_panel_in_its_services_name() -> None:
    names = []
    for service_id in (7, 8):
        drive(Driver(service_id=service_id, epoch=1, request_id="1"), _service(service_id))
        names.append(caller.get())
    assert names[0] != names[1]
    assert "" not in names


async def test_a_run_that_a_step_starts_has_its_name_before_it_begins(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    async def deploy(name: str, **more: object) -> SimpleNamespace:
        asked.update(more, deployment=name)
        return SimpleNamespace(id="run-1")

    monkeypatch.setattr(connections, "arun_deployment", deploy)
    assert await no_blocks.start_run("suspend/whmcs", {"service_id": 7, "panel": "main"}, "a-key") == "run-1"
    assert (asked["deployment"], asked["flow_run_name"]) == ("suspend/whmcs", "suspend-service-7")
    assert asked["idempotency_key"] == "a-key"
