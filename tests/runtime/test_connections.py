from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from pydantic import JsonValue

from door import runs
from ledger.database import Ledger
from runtime import connections, flow_run
from runtime.clock import set_clock
from runtime.connections import Connections, panel_named
from runtime.errors import PrefectUnreachable, StepRefused
from runtime.settings import Settings
from runtime.slots import slot_lent
from simulator.panel.clock import ManualClock
from tests.harness import SteppingClock


@pytest_asyncio.fixture
async def no_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connections]:
    """A process that has nothing open yet; Prefect's blocks hold a panel's access."""

    async def block(*_: object) -> SimpleNamespace:
        return SimpleNamespace(url="https://panel.example", username="admin", password="secret", verify_tls=True)

    monkeypatch.setattr(connections, "_block", block)
    monkeypatch.setattr(connections, "settings", lambda: Settings(panel_calls=3))
    here = Connections(ledger=Ledger(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}"))
    await here.ledger.upgrade()
    connections.use_connections(here)
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


async def test_a_run_that_a_step_starts_has_its_name_before_it_begins(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    async def deploy(name: str, **more: object) -> SimpleNamespace:
        asked.update(more, deployment=name)
        return SimpleNamespace(id="run-1", name=more["flow_run_name"], parameters=more["parameters"])

    monkeypatch.setattr(connections, "arun_deployment", deploy)
    assert await no_blocks.start_run("suspend/whmcs", {"service_id": 7, "panel": "main"}, "a-key") == "run-1"
    assert (asked["deployment"], asked["flow_run_name"]) == ("suspend/whmcs", "suspend-service-7")
    assert asked["idempotency_key"] == "a-key"
    assert asked["tags"] == []


async def test_a_run_that_begins_later_is_found_by_its_tags_until_then(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    async def deploy(name: str, **more: object) -> SimpleNamespace:
        asked.update(more)
        return SimpleNamespace(id="run-1", name=more["flow_run_name"], parameters=more["parameters"])

    monkeypatch.setattr(connections, "arun_deployment", deploy)
    at = datetime(2027, 1, 2, tzinfo=UTC)
    whose: dict[str, JsonValue] = {"client_id": 7}
    for more, tags in (
        ({}, ["service:7", "panel:main"]),
        ({"identity": whose}, ["service:7", "panel:main", "client:7"]),
    ):
        parameters: dict[str, JsonValue] = {"service_id": 7, "panel": "main", **more}
        await no_blocks.start_run("suspend/whmcs", parameters, "a-key", at=at)
        assert (asked["scheduled_time"], asked["tags"]) == (at, tags)


async def test_a_run_that_goes_on_from_one_of_the_doors_can_be_read_by_the_same_whmcs(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags: list[object] = []

    async def deploy(name: str, **more: Any) -> SimpleNamespace:
        tags.append(more["tags"])
        return SimpleNamespace(id="run-1", name=more["flow_run_name"], parameters=more["parameters"])

    monkeypatch.setattr(connections, "arun_deployment", deploy)
    run = SimpleNamespace(tags=["service:7", f"{runs.TAG}shop", "panel:main"])
    monkeypatch.setattr(flow_run.FlowRunContext, "get", lambda: SimpleNamespace(flow_run=run))
    await no_blocks.start_run("watch-os-install/whmcs", {"service_id": 7}, "a-key")
    assert tags == [["installation:shop"]]


async def test_another_run_that_the_key_finds_is_not_taken(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []

    async def deploy(name: str, **more: Any) -> SimpleNamespace:
        keys.append(more["idempotency_key"])
        found = {"service_id": 8} if more["idempotency_key"] == "a-key" else more["parameters"]
        return SimpleNamespace(id=f"run-{len(keys)}", name=more["flow_run_name"], parameters=found)

    monkeypatch.setattr(connections, "arun_deployment", deploy)
    assert await no_blocks.start_run("suspend/whmcs", {"service_id": 7, "panel": "main"}, "a-key") == "run-2"
    assert len(set(keys)) == 2


async def test_a_prefect_that_always_answers_with_another_run_is_refused(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deploy(name: str, **more: Any) -> SimpleNamespace:
        return SimpleNamespace(id="run-1", name="terminate-service-7", parameters=more["parameters"])

    monkeypatch.setattr(connections, "arun_deployment", deploy)
    with pytest.raises(StepRefused, match="another run than was asked for"):
        await no_blocks.start_run("suspend/whmcs", {"service_id": 7, "panel": "main"}, "a-key")


def mended(monkeypatch: pytest.MonkeyPatch, reads: list[str], **changes: object) -> None:
    """The blocks as staff have corrected them."""

    async def block(kind: type, name: str, remedy: str) -> SimpleNamespace:
        reads.append(name)
        block = dict(url="https://panel.example", username="admin", password="secret", verify_tls=True)
        return SimpleNamespace(**(block | {"identifier": "i", "secret": "s"} | changes))

    monkeypatch.setattr(connections, "_block", block)
    monkeypatch.setattr(connections, "READ_AGAIN_SECONDS", 0.0)


@pytest.mark.parametrize(
    "changes",
    [{"password": "rotated"}, {"url": "https://moved.example"}],
    ids=["password rotated", "address corrected"],
)
async def test_a_panel_that_refuses_or_is_silent_makes_the_next_look_read_its_block_again(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    reads: list[str] = []
    old = await panel_named("main")
    mended(monkeypatch, reads, **changes)
    assert await panel_named("main") is old
    assert old.transport.on_doubt is not None
    old.transport.on_doubt()
    new = await panel_named("main")
    assert new is not old
    assert reads == ["main"]
    assert await panel_named("main") is new
    assert reads == ["main"]
    await old.aclose()


async def test_a_panel_that_is_only_away_keeps_its_session(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await panel_named("main")
    mended(monkeypatch, [])
    assert old.transport.on_doubt is not None
    old.transport.on_doubt()
    assert await panel_named("main") is old


async def test_a_hundred_runs_that_fail_together_read_the_block_once(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    old = await panel_named("main")
    mended(monkeypatch, reads)
    monkeypatch.setattr(connections, "READ_AGAIN_SECONDS", 5.0)
    no_blocks.read_at.clear()
    assert old.transport.on_doubt is not None
    for _ in range(100):
        old.transport.on_doubt()
        await panel_named("main")
    assert reads == ["main"]


async def test_a_whmcs_whose_secret_was_rotated_is_asked_with_the_new_one(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended(monkeypatch, [])
    old = await connections.whmcs_api()
    mended(monkeypatch, [], secret="rotated")
    assert await connections.whmcs_api() is old
    assert old.transport.on_doubt is not None
    old.transport.on_doubt()
    new = await connections.whmcs_api()
    assert new.transport.access.secret.get_secret_value() == "rotated"
    await old.aclose()


async def test_without_prefect_a_doubt_changes_nothing(no_blocks: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await panel_named("main")

    async def away(*_: object) -> SimpleNamespace:
        raise PrefectUnreachable("Prefect does not answer.")

    monkeypatch.setattr(connections, "_block", away)
    monkeypatch.setattr(connections, "READ_AGAIN_SECONDS", 0.0)
    assert old.transport.on_doubt is not None
    old.transport.on_doubt()
    assert await panel_named("main") is old


async def test_who_waits_for_a_panel_or_for_whmcs_lends_its_slot(
    no_blocks: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await panel_named("main")).transport.while_waiting is slot_lent

    async def block(*_: object) -> SimpleNamespace:
        return SimpleNamespace(url="https://billing.example", identifier="i", secret="secret", verify_tls=True)

    monkeypatch.setattr(connections, "_block", block)
    assert (await connections.whmcs_api()).transport.while_waiting is slot_lent
