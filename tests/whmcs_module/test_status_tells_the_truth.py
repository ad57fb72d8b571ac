"""A service is Active, and its client has the welcome mail, when the server is ready: whatever comes in which order."""

import asyncio
from itertools import permutations
from pathlib import Path

import pytest

from tests.whmcs_module.fake_prefect import FakeRun
from tests.whmcs_module.stories import BEFORE, FLOW, SERVICE_PASSWORD, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDERS = [",".join(order) for order in permutations(["status", "hook", "mail"])]
REASON = "Flow run encountered an exception: Refusal: The OS installation took too long."


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def started(scene, by="payment"):
    """A service whose activation runs."""
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount", by) == "success"
    run = scene.prefect.only(service)
    run.becomes("RUNNING", step="installing", server=7, state="INSTALLING")
    return service, run


@pytest.mark.parametrize("order", ORDERS)
async def test_pending_and_no_mail_until_the_server_is_ready_then_active_and_one_mail(scene, order):
    await scene.whmcs.switch("order", order)
    service, run = await started(scene)
    assert (await scene.status(service), await scene.mails(service)) == ("Pending", 0)
    await scene.whmcs.custom(service, "sync")
    assert (await scene.status(service), await scene.mails(service)) == ("Pending", 0)
    await scene.write_back(service)
    await scene.whmcs.custom(service, "sync")
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 0)
    run.becomes("COMPLETED", step="ready", state="ACTIVE")
    for _ in range(2):
        assert await scene.whmcs.custom(service, "sync") == "success"
    await scene.later()
    await scene.whmcs.cron()
    (mail,) = (await scene.whmcs.state()).client_mails(service)
    assert "192.0.2.10" in mail.message and SERVICE_PASSWORD in mail.message
    assert await scene.status(service) == "Active"


@pytest.mark.parametrize("order", ORDERS)
async def test_an_activation_that_ends_while_whmcs_waits_gives_active_and_one_mail(scene, order):
    await scene.whmcs.switch("order", order)
    scene.prefect.ends["activate"] = ("COMPLETED", "", {"step": "ready"})
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount", "payment") == "success"
    await scene.whmcs.custom(service, "sync")
    await scene.later()
    await scene.whmcs.cron()
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


async def test_an_activation_that_hands_over_is_followed_to_its_watcher(scene):
    service, run = await started(scene)
    watcher = FakeRun(
        "00000000-0000-4000-8000-00000000000a", "watch-os-install", {"parameters": {}, "idempotency_key": ""}
    )
    scene.prefect.runs.append(watcher)
    watcher.becomes("RUNNING")
    run.becomes("COMPLETED", step="installing", next_run=watcher.id)
    await scene.whmcs.custom(service, "sync")
    assert (await scene.status(service), await scene.mails(service)) == ("Pending", 0)
    await scene.finish(service, watcher)
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


async def test_an_order_that_does_not_wait_for_its_os_is_answered_as_soon_as_its_own_run_has_ended(scene):
    watcher = FakeRun(
        "00000000-0000-4000-8000-00000000000b", "watch-os-install", {"parameters": {}, "idempotency_key": ""}
    )
    scene.prefect.runs.append(watcher)
    watcher.becomes("RUNNING")
    scene.prefect.ends["activate"] = ("COMPLETED", "", {"step": "installing", "next_run": watcher.id})
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount", "payment") == "success"
    looks = [path for _, path in scene.prefect.requests if watcher.id in path]
    assert len(looks) == 1  # and not for as long as a module call may wait
    assert (await scene.status(service), await scene.mails(service)) == ("Pending", 0)
    await scene.finish(service, watcher)
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


async def test_a_callback_that_comes_before_the_answer_with_its_runs_id_closes_the_request(scene):
    scene.prefect.then(*["lost"] * 40)
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount", "payment") != "success"
    run = scene.prefect.only(service)
    scene.prefect.faults.clear()
    await scene.finish(service, run)
    assert scene.prefect.of(service) == [run]
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


async def test_callbacks_of_a_run_that_a_retry_has_replaced_change_nothing(scene):
    service, run = await started(scene)
    run.becomes("FAILED", REASON)
    await scene.whmcs.custom(service, "sync")
    (row,) = await scene.waiting(service)
    assert await scene.whmcs.retry(row.id) == "success"
    first, second = scene.prefect.of(service)
    second.becomes("RUNNING", step="installing")
    first.becomes("COMPLETED", step="ready")  # staff pressed Retry in Prefect, too
    for _ in range(2):
        await scene.whmcs.custom(service, "sync")
    assert (await scene.status(service), await scene.mails(service)) == ("Pending", 0)
    await scene.finish(service, second)
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


async def test_without_any_callback_the_cron_finds_the_end(scene):
    service, run = await started(scene)
    await scene.write_back(service)
    run.becomes("COMPLETED", step="ready")
    await scene.later()
    await scene.whmcs.cron()
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


async def test_callbacks_and_crons_at_once_send_one_mail(scene):
    service, run = await started(scene)
    await scene.write_back(service)
    run.becomes("COMPLETED", step="ready")
    await scene.later()
    await asyncio.gather(*(scene.whmcs.custom(service, "sync") for _ in range(3)), scene.whmcs.cron())
    await scene.whmcs.cron()
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


async def test_a_mail_that_could_not_be_sent_is_sent_by_the_cron(scene):
    service, run = await started(scene)
    await scene.write_back(service)
    run.becomes("COMPLETED", step="ready")
    await scene.whmcs.switch("mail_server_down", "1")
    await scene.whmcs.custom(service, "sync")
    assert await scene.mails(service) == 0
    await scene.whmcs.switch("mail_server_down", "")
    await scene.whmcs.cron()
    await scene.whmcs.cron()
    assert await scene.mails(service) == 1


async def test_staff_may_send_the_mail_again(scene):
    service = await scene.activated()
    (name,) = await scene.whmcs.sql("SELECT name FROM tblemailtemplates")
    values = {"messagename": name["name"], "id": service}
    await scene.whmcs.control("localApi", action="SendEmail", values=values)
    assert await scene.mails(service) == 2


@pytest.mark.parametrize("command", list(FLOW))
async def test_a_late_failure_waits_in_the_queue_once_is_told_once_and_retry_works(scene, command):
    service = await scene.ready_for(command)
    assert await scene.whmcs.command(service, command, "automation") == "success"
    run = scene.prefect.only(service)
    run.becomes("FAILED", REASON)
    await asyncio.gather(*(scene.whmcs.custom(service, "sync") for _ in range(3)))
    await scene.later()
    await scene.whmcs.cron()
    state = await scene.whmcs.state()
    (row,) = state.waiting(service)
    assert (row.module_action, row.num_retries) == (command, 0)
    assert row.last_attempt_error.startswith("The OS installation took too long.") and run.id in row.last_attempt_error
    (told,) = state.notifications
    assert ("URGENT" in told.title) == (command == "UnsuspendAccount")
    assert sum("took too long" in line.description for line in state.activities) == 1
    assert state.client_mails(service) == []
    if command == "CreateAccount":
        assert state.service(service).domainstatus == "Pending"
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    assert await scene.whmcs.retry(row.id) == "success"
    first, second = scene.prefect.of(service)
    assert first.body["idempotency_key"] != second.body["idempotency_key"]
    assert await scene.waiting(service) == []
    assert await scene.mails(service) == (command == "CreateAccount")


@pytest.mark.parametrize("status", ["Terminated", "Cancelled", "Fraud"])
@pytest.mark.parametrize("end", ["COMPLETED", "FAILED"])
async def test_a_service_that_ended_meanwhile_is_not_written_to(scene, status, end):
    service, run = await started(scene)
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    run.becomes(end, REASON, step="ready")
    await scene.whmcs.custom(service, "sync")
    await scene.later()
    await scene.whmcs.cron()
    assert (await scene.status(service), await scene.mails(service)) == (status, 0)
    assert await scene.waiting(service) == []
    assert len(scene.prefect.of(service)) == 1


async def test_a_callback_that_comes_after_a_suspension_changes_nothing(scene):
    service = await scene.activated()
    scene.prefect.ends["suspend"] = ("COMPLETED", "", {})
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") == "success"
    for _ in range(2):
        assert await scene.whmcs.custom(service, "sync") == "success"
    assert (await scene.status(service), await scene.mails(service)) == ("Suspended", 1)


async def test_a_callback_for_a_service_that_is_not_ours_to_move_changes_nothing(scene):
    service = await scene.buy()
    assert await scene.whmcs.custom(service, "sync") == "success"
    assert (await scene.status(service), scene.prefect.runs) == ("Pending", [])


async def test_a_crashed_run_may_be_driven_again_until_ten_minutes_are_over(scene):
    service, run = await started(scene)
    run.becomes("CRASHED", "The worker is gone.", since=60)
    await scene.whmcs.custom(service, "sync")
    assert (await scene.waiting(service), (await scene.whmcs.state()).notifications) == ([], [])
    run.becomes("CRASHED", "The worker is gone.", since=601)
    await scene.whmcs.custom(service, "sync")
    assert len(await scene.waiting(service)) == 1


async def test_a_run_that_was_deleted_in_prefect_is_a_failure(scene):
    service, run = await started(scene)
    scene.prefect.runs.remove(run)
    await scene.whmcs.custom(service, "sync")
    (row,) = await scene.waiting(service)
    assert "deleted" in row.last_attempt_error


async def test_a_run_that_the_door_does_not_show_keeps_its_request_open_and_stops_no_other(scene):
    service, run = await started(scene)
    other, its_run = await started(scene)
    scene.prefect.then(*["403"] * 30, on=f"flow_runs/{run.id}")
    assert f"The door does not show run {run.id}" in await scene.whmcs.custom(service, "sync")
    await scene.later()
    await scene.whmcs.custom(other, "sync")  # the cron comes to it after the first one
    its_run.becomes("FAILED", "Refusal: no.")
    await scene.later()
    await scene.whmcs.cron()
    assert [row.service_id for row in await scene.waiting(other)] == [other]
    assert await scene.waiting(service) == []
    scene.prefect.faults.clear()
    run.becomes("COMPLETED", step="ready", server=7, state="ACTIVE")
    await scene.whmcs.custom(service, "sync")
    assert await scene.status(service) == "Active"


@pytest.mark.parametrize("fault", ["500", "401", "html", "lost"])
async def test_a_prefect_that_cannot_be_read_changes_nothing(scene, fault):
    service, run = await started(scene)
    scene.prefect.then(*[fault] * 30, on="flow_runs/")
    await scene.whmcs.custom(service, "sync")
    await scene.later()
    await scene.whmcs.cron()
    assert (await scene.status(service), await scene.waiting(service)) == ("Pending", [])
    scene.prefect.faults.clear()
    await scene.finish(service, run)
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)


@pytest.mark.parametrize("order", ORDERS)
async def test_strict_mode_says_done_when_it_is_done(scene, order):
    await scene.whmcs.switch("order", order)
    await scene.whmcs.configure("dcimanager6flows", strict="on")
    service = await scene.buy()
    said = await scene.whmcs.command(service, "CreateAccount", "payment")
    run = scene.prefect.only(service)
    assert "has started" in said and run.id in said
    assert (await scene.status(service), await scene.mails(service)) == ("Pending", 0)
    await scene.finish(service, run)
    await scene.later()
    await scene.whmcs.cron()
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)
    assert await scene.waiting(service) == []
    assert len(scene.prefect.of(service)) == 1


async def test_strict_mode_suspends_in_whmcs_when_the_ports_are_off(scene):
    service = await scene.activated()
    await scene.whmcs.configure("dcimanager6flows", strict="on")
    assert "has started" in await scene.whmcs.command(service, "SuspendAccount", "automation")
    assert await scene.status(service) == "Active"
    scene.prefect.of(service)[-1].becomes("COMPLETED")
    await scene.whmcs.custom(service, "sync")
    assert (await scene.status(service), await scene.waiting(service)) == ("Suspended", [])


@pytest.mark.parametrize("command", list(FLOW))
async def test_one_cron_process_runs_many_commands(scene, command):
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    services = [await scene.ready_for(command) for _ in range(3)]
    assert await scene.whmcs.cron(*((service, command) for service in services)) == ["success"] * 3
    assert [scene.prefect.only(service).parameters["requested_by"] for service in services] == ["cron"] * 3
    assert BEFORE[command] not in [await scene.status(service) for service in services]
