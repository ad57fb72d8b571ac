"""How a product's suspensions are set, and what WHMCS does while one of them waits for its grace."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.whmcs_module.fake_prefect import FakeRun
from tests.whmcs_module.stories import SETTINGS, ModuleHarness, hurried, order_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY = 86400.0


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


def settings(mode: str, grace: str) -> list[str]:
    """A product's settings by their place; "Suspension mode" is the eleventh, "Suspension grace (hours)" the next."""
    return [*SETTINGS, *[""] * (10 - len(SETTINGS)), mode, grace]


@pytest.mark.parametrize(
    ("mode", "grace", "ordered"),
    [
        ("", "", ("ports", 0)),
        ("ports", "0", ("ports", 0)),
        ("ports-and-power", "48", ("ports-and-power", 48)),
    ],
)
async def test_the_products_settings_reach_the_order(
    scene: ModuleHarness, mode: str, grace: str, ordered: tuple[str, int]
) -> None:
    product = await scene.whmcs.add_product("Xeon", settings(mode, grace))
    order = await order_of(scene, await scene.buy(product=product))
    assert (order["suspension_mode"], order["suspension_grace_hours"]) == ordered


async def test_a_grace_that_is_no_number_is_told_before_anything_starts(scene: ModuleHarness) -> None:
    product = await scene.whmcs.add_product("Xeon", settings("ports", "a day"))
    service = await scene.buy(product=product)
    said = await scene.whmcs.command(service, "CreateAccount")
    assert 'Suspension grace (hours) is "a day": write a whole number there.' in said
    assert scene.prefect.of(service) == []


async def put_off(scene: ModuleHarness) -> tuple[int, FakeRun]:
    """WHMCS's cron suspends a service whose product has a grace; the run that comes when it is over."""
    service = await scene.ready_for("SuspendAccount")
    scene.prefect.graces["suspend"] = DAY
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") == "success"
    first, later = scene.prefect.of(service)
    assert (first.state["type"], later.state["type"]) == ("COMPLETED", "SCHEDULED")
    del scene.prefect.graces["suspend"]
    return service, later


async def requests(scene: ModuleHarness) -> list[tuple[str, str]]:
    rows = await scene.whmcs.sql("SELECT action, state FROM mod_dcimanager6_request ORDER BY id")
    return [(row["action"], row["state"]) for row in rows]


async def test_whmcs_is_answered_at_once_and_follows_the_run_that_comes_later(scene: ModuleHarness) -> None:
    service, later = await put_off(scene)
    looks = [path for _, path in scene.prefect.requests if path.startswith("/flow_runs/")]
    assert len(looks) == 2, "there is nothing to wait for"
    assert await scene.status(service) == "Suspended"
    [row] = await scene.whmcs.sql("SELECT state, flow_run_id FROM mod_dcimanager6_request")
    assert row == {"state": "running", "flow_run_id": later.id}
    later.becomes("COMPLETED")
    await scene.whmcs.custom(service, "sync")
    assert await requests(scene) == [("suspend", "done")]


async def test_a_failure_after_the_grace_is_queued_as_any_other(scene: ModuleHarness) -> None:
    service, later = await put_off(scene)
    later.becomes("FAILED", "The server has no switch ports.")
    await scene.whmcs.custom(service, "sync")
    [queued] = await scene.waiting(service)
    assert "no switch ports" in queued.last_attempt_error


async def test_the_cron_looks_at_it_again_when_the_grace_is_over(scene: ModuleHarness) -> None:
    _, later = await put_off(scene)
    due = datetime.fromisoformat(later.state["state_details"]["scheduled_time"]).timestamp()
    await scene.later()
    await scene.whmcs.cron()
    [row] = await scene.whmcs.sql("SELECT updated_at FROM mod_dcimanager6_request")
    assert abs(datetime.fromisoformat(row["updated_at"]).replace(tzinfo=UTC).timestamp() - due) < 5
    asked = len(scene.prefect.requests)
    await scene.whmcs.cron()
    assert [path for _, path in scene.prefect.requests[asked:] if path.startswith("/flow_runs/")] == []


async def test_staff_who_press_suspend_meanwhile_suspend_at_once(scene: ModuleHarness) -> None:
    service, _ = await put_off(scene)
    scene.prefect.ends["suspend"] = ("COMPLETED", "", {})
    assert await scene.whmcs.command(service, "SuspendAccount", "admin") == "success"
    assert scene.prefect.of(service)[-1].parameters["requested_by"] == "admin"
    assert await requests(scene) == [("suspend", "cancelled"), ("suspend", "done")]


async def test_whmcs_that_suspends_once_more_waits_for_the_same_run_and_is_answered_at_once(
    scene: ModuleHarness,
) -> None:
    service, _ = await put_off(scene)
    asked = len(scene.prefect.requests)
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") == "success"
    looks = [path for _, path in scene.prefect.requests[asked:] if path.startswith("/flow_runs/")]
    assert len(looks) == 1, "there is nothing to wait for"
    assert len(scene.prefect.of(service)) == 2


async def test_strict_mode_says_that_it_has_started_and_suspends_in_whmcs_at_its_end(scene: ModuleHarness) -> None:
    await scene.whmcs.configure("dcimanager6flows", strict="on")
    service = await scene.ready_for("SuspendAccount")
    scene.prefect.graces["suspend"] = DAY
    said = await scene.whmcs.command(service, "SuspendAccount", "automation")
    _, later = scene.prefect.of(service)
    assert "Suspend has started" in said
    assert later.id in said
    assert await scene.status(service) == "Active"
    later.becomes("COMPLETED")
    await scene.whmcs.custom(service, "sync")
    assert await scene.status(service) == "Suspended"


@pytest.mark.parametrize(
    ("command", "by", "flow"),
    [("TerminateAccount", "admin", "terminate"), ("UnsuspendAccount", "payment", "unsuspend")],
)
async def test_a_deletion_and_a_payment_go_over_a_suspension_that_waits(
    scene: ModuleHarness, command: str, by: str, flow: str
) -> None:
    service, _ = await put_off(scene)
    scene.prefect.ends[flow] = ("COMPLETED", "", {})
    assert await scene.whmcs.command(service, command, by) == "success"
    assert await requests(scene) == [("suspend", "cancelled"), (flow, "done")]
    assert await scene.waiting(service) == []


async def test_a_deletion_waits_for_a_suspension_that_is_under_way(scene: ModuleHarness) -> None:
    service, later = await put_off(scene)
    later.becomes("RUNNING")
    assert "busy with suspend" in await scene.whmcs.command(service, "TerminateAccount", "admin")
    assert await requests(scene) == [("suspend", "running")]


async def test_a_suspension_that_waits_for_a_worker_is_not_one_that_waits_for_its_grace(scene: ModuleHarness) -> None:
    service = await scene.ready_for("SuspendAccount")
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") == "success"
    (run,) = scene.prefect.of(service)
    run.state["state_details"] = {"scheduled_time": run.state["timestamp"]}
    assert "busy with suspend" in await scene.whmcs.command(service, "TerminateAccount", "admin")


@pytest.mark.parametrize("said", [None, "", "soon", 7, {"at": 1}])
async def test_a_time_that_cannot_be_read_puts_nothing_off(scene: ModuleHarness, said: object) -> None:
    service = await scene.ready_for("SuspendAccount")
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") == "success"
    (run,) = scene.prefect.of(service)
    run.state["state_details"] = {"scheduled_time": said}
    assert "busy with suspend" in await scene.whmcs.command(service, "TerminateAccount", "admin")
