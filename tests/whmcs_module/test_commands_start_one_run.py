"""Every command of the module, twice, at once, and with every fault of Prefect: one run, or one line of why."""

import asyncio
from pathlib import Path

import pytest

from tests.whmcs_module.stories import BEFORE, CANARY, FLOW, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMMANDS = list(FLOW)
AFTER = {**BEFORE, "SuspendAccount": "Suspended", "UnsuspendAccount": "Active", "TerminateAccount": "Terminated"}


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


def is_one_line_without_secrets(text: str) -> bool:
    return "\n" not in text and 0 < len(text) < 800 and CANARY not in text and "<" not in text


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_whose_run_ends_in_time_gives_its_result_and_a_repeat_starts_nothing(scene, command):
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    service = await scene.ready_for(command)
    assert await scene.whmcs.command(service, command) == "success"
    assert await scene.whmcs.command(service, command) == "success"
    run = scene.prefect.only(service)
    assert (run.flow, run.parameters["panel"], run.parameters["requested_by"]) == (FLOW[command], "main", "admin")
    assert run.body["name"] == f"{FLOW[command]}-service-{service}"
    assert set(run.body["tags"]) == {f"service:{service}", "panel:main", f"client:{scene.client}"}


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_run_that_fails_in_time_is_told_in_one_line_with_its_link(scene, command):
    said = "Flow run encountered an exception: Refusal: No fit server: 2 have an owner."
    scene.prefect.ends[FLOW[command]] = ("FAILED", said, {})
    service = await scene.ready_for(command)
    answer = await scene.whmcs.command(service, command, "automation")
    assert answer.startswith("No fit server: 2 have an owner.")
    assert f"https://prefect.example.com/v2/runs/flow-run/{scene.prefect.only(service).id}" in answer
    assert await scene.status(service) == BEFORE[command]
    (row,) = await scene.waiting(service)
    assert (row.module_action, row.last_attempt_error) == (command, answer)
    state = await scene.whmcs.state()
    assert state.notifications == []  # the Module Queue's own mail is the notice
    await scene.later()
    await scene.whmcs.cron()
    assert len(scene.prefect.of(service)) == 1
    assert [row.num_retries for row in await scene.waiting(service)] == [0]


@pytest.mark.parametrize("command", COMMANDS)
async def test_many_at_once_are_one_run(scene, command):
    service = await scene.ready_for(command)
    said = await asyncio.gather(
        *(scene.whmcs.command(service, command, by) for by in ("admin", "payment", "api", "admin"))
    )
    assert said == ["success"] * 4
    assert scene.prefect.only(service).flow == FLOW[command]
    assert await scene.whmcs.command(service, command) == "success"
    assert len(scene.prefect.of(service)) == 1


@pytest.mark.parametrize("fault", ["503", "429", "502", "lost", "cut"])
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_fault_that_passes_is_not_noticed_and_starts_one_run(scene, command, fault):
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    scene.prefect.then(fault)
    service = await scene.ready_for(command)
    assert await scene.whmcs.command(service, command, "automation") == "success"
    assert scene.prefect.only(service).asked == (2 if fault == "lost" else 1)
    assert await scene.waiting(service) == []


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_prefect_that_is_busy_for_seconds_is_asked_until_it_has_time(scene, command):
    scene.prefect.then(*["503"] * 7)
    service = await scene.ready_for(command)
    assert await scene.whmcs.command(service, command, "automation") == "success"
    assert scene.prefect.only(service).asked == 1
    assert await scene.waiting(service) == []


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_call_that_never_gets_through_follows_the_one_of_the_same_wish_that_did(scene, command):
    service = await scene.ready_for(command)
    scene.prefect.then(*["lost"] * 40)

    async def another_call_gets_through():
        for _ in range(200):
            if scene.prefect.of(service):
                break
            await asyncio.sleep(0.05)
        run = scene.prefect.only(service)
        run.becomes("RUNNING")
        await scene.whmcs.sql(
            "UPDATE mod_dcimanager6_request SET state = 'running', flow_run_id = ? WHERE service_id = ?",
            run.id, service,
        )  # fmt: skip

    said, _ = await asyncio.gather(scene.whmcs.command(service, command, "automation"), another_call_gets_through())
    assert said == "success"
    assert await scene.waiting(service) == []
    (row,) = await scene.whmcs.sql("SELECT state, message FROM mod_dcimanager6_request WHERE service_id = ?", service)
    assert row == {"state": "running", "message": ""}


@pytest.mark.parametrize("fault", ["500", "401", "403", "html"])
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_fault_that_stays_is_one_line_and_retry_starts_the_same_request(scene, command, fault):
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    scene.prefect.then(fault)
    service = await scene.ready_for(command)
    said = await scene.whmcs.command(service, command, "automation")
    assert said != "success" and is_one_line_without_secrets(said)
    assert (await scene.status(service), scene.prefect.of(service)) == (BEFORE[command], [])
    (row,) = await scene.waiting(service)
    assert await scene.whmcs.retry(row.id) == "success"
    assert await scene.waiting(service) == []
    (request,) = await scene.whmcs.sql("SELECT token FROM mod_dcimanager6_request WHERE service_id = ?", service)
    assert scene.prefect.only(service).body["idempotency_key"].endswith(f":{request['token']}")


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_prefect_that_is_down_is_said_and_the_request_waits(scene, command):
    (address,) = await scene.whmcs.sql("SELECT value FROM tbladdonmodules WHERE setting = 'api_url'")
    await scene.whmcs.configure("dcimanager6flows", api_url="http://127.0.0.1:9/api")
    service = await scene.ready_for(command)
    said = await scene.whmcs.command(service, command, "automation")
    assert "Prefect" in said and is_one_line_without_secrets(said)
    assert await scene.status(service) == BEFORE[command]
    await scene.whmcs.configure("dcimanager6flows", api_url=address["value"])
    (row,) = await scene.waiting(service)
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    assert await scene.whmcs.retry(row.id) == "success"
    assert scene.prefect.only(service).asked == 1
    assert await scene.waiting(service) == []


async def test_a_request_that_prefect_never_had_goes_to_the_panel_that_the_service_has_by_then(scene):
    scene.prefect.then("401")
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount", "payment") != "success"
    await scene.whmcs.edit("tblhosting", service, server=scene.panels[1])
    (row,) = await scene.waiting(service)
    assert await scene.whmcs.retry(row.id) == "success"
    run = scene.prefect.only(service)
    assert (run.parameters["panel"], "panel:second" in run.body["tags"]) == ("second", True)


async def test_retry_while_the_run_goes_on_is_the_same_run(scene):
    service = await scene.ready_for("SuspendAccount")
    scene.prefect.then(*["lost"] * 40)
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") != "success"
    (row,) = await scene.waiting(service)
    scene.prefect.faults.clear()
    run = scene.prefect.only(service)
    run.becomes("RUNNING")
    assert await scene.whmcs.retry(row.id) == "success"
    assert scene.prefect.of(service) == [run]


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_cron_sends_what_prefect_did_not_get_but_never_a_deletion(scene, command):
    scene.prefect.then(*["503"] * 40)
    service = await scene.ready_for(command)
    said = await scene.whmcs.command(service, command, "automation")
    assert said != "success"
    scene.prefect.faults.clear()
    await scene.later()
    await scene.whmcs.cron()
    if command == "TerminateAccount":
        assert scene.prefect.of(service) == []
        return
    run = scene.prefect.only(service)
    if command == "CreateAccount":
        await scene.write_back(service)
    run.becomes("COMPLETED", step="ready")
    await scene.whmcs.custom(service, "sync")
    assert await scene.status(service) == {**AFTER, "CreateAccount": "Active"}[command]
    assert await scene.waiting(service) == []
    assert len(scene.prefect.of(service)) == 1


async def test_nobody_but_its_own_command_sends_a_deletion(scene):
    scene.prefect.then(*["503"] * 40)
    service = await scene.ready_for("TerminateAccount")
    assert await scene.whmcs.command(service, "TerminateAccount", "automation") != "success"
    scene.prefect.faults.clear()
    await scene.later()
    await scene.whmcs.client_page(service, scene.client, "refresh")
    await scene.whmcs.custom(service, "sync")
    said = await scene.whmcs.command(service, "UnsuspendAccount", "payment")
    assert f"look there for terminate-service-{service}" in said
    assert scene.prefect.of(service) == []
    for _ in range(2):
        await scene.whmcs.press(service, "Unlink")
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") == "success"
    assert scene.prefect.only(service).flow == "unsuspend"


async def test_what_was_overtaken_while_the_cron_was_busy_is_not_sent_any_more(scene):
    first, overtaken = await scene.ready_for("SuspendAccount"), await scene.ready_for("SuspendAccount")
    for service in (first, overtaken):
        scene.prefect.then("401")
        assert await scene.whmcs.command(service, "SuspendAccount", "automation") != "success"
    await scene.later()
    await scene.whmcs.sql(
        "UPDATE mod_dcimanager6_request SET updated_at = '2020-01-01 00:00:00' WHERE service_id = ?", first
    )
    scene.prefect.then(*["503"] * 5)  # the cron is busy with the first one for seconds

    async def pay():
        await asyncio.sleep(0.7)
        return await scene.whmcs.command(overtaken, "UnsuspendAccount", "payment")

    _, said = await asyncio.gather(scene.whmcs.cron(), pay())
    assert said == "success"
    assert [run.flow for run in scene.prefect.of(first)] == ["suspend"]
    assert [run.flow for run in scene.prefect.of(overtaken)] == ["unsuspend"]


async def test_a_service_that_was_set_to_pending_again_is_activated_again(scene):
    service = await scene.activated()
    await scene.later()
    await scene.whmcs.edit("tblhosting", service, domainstatus="Pending")
    assert await scene.whmcs.command(service, "CreateAccount") == "success"
    assert [run.flow for run in scene.prefect.of(service)] == ["activate"] * 2


async def test_an_activation_of_a_suspended_service_does_not_make_it_active(scene):
    service = await scene.activated()
    await scene.later()
    await scene.whmcs.edit("tblhosting", service, domainstatus="Suspended")
    assert "Suspended" in await scene.whmcs.command(service, "CreateAccount")
    assert await scene.status(service) == "Suspended"


async def test_another_action_is_refused_while_a_run_is_open_and_says_which(scene):
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount") == "success"
    await scene.whmcs.edit("tblhosting", service, domainstatus="Active")
    said = await scene.whmcs.command(service, "SuspendAccount", "automation")
    assert "busy with activate" in said and scene.prefect.only(service).id in said
    assert len(await scene.waiting(service)) == 1


@pytest.mark.parametrize("status", ["Terminated", "Cancelled", "Fraud"])
@pytest.mark.parametrize("command", ["CreateAccount", "SuspendAccount", "UnsuspendAccount"])
async def test_a_service_that_is_over_gets_nothing(scene, command, status):
    service = await scene.buy()
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    said = await scene.whmcs.command(service, command)
    assert status in said and is_one_line_without_secrets(said)
    assert (scene.prefect.of(service), await scene.status(service)) == ([], status)


async def test_a_service_on_a_product_addon_is_refused(scene):
    service = await scene.buy()
    addon = await scene.whmcs.control("addonOrder", int, service=service)
    said = await scene.whmcs.command(service, "CreateAccount", addon=addon)
    assert "addon" in said and scene.prefect.runs == []


async def test_a_service_without_a_server_is_refused(scene):
    service = await scene.buy()
    await scene.whmcs.edit("tblhosting", service, server=0)
    assert "no server" in await scene.whmcs.command(service, "CreateAccount")
    assert scene.prefect.runs == []


async def test_undocumented_keys_of_params_are_not_needed(scene):
    await scene.whmcs.switch("undocumented_params", "")
    for command in COMMANDS:
        scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
        assert await scene.whmcs.command(await scene.ready_for(command), command) == "success"


async def test_a_renewal_does_nothing(scene):
    service = await scene.activated()
    assert await scene.whmcs.command(service, "Renew", "automation") == "success"
    assert len(scene.prefect.of(service)) == 1


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_slow_prefect_costs_ten_seconds_at_most_and_one_run_in_the_end(scene, command):
    scene.prefect.then(*["slow"] * 8)
    service = await scene.ready_for(command)
    started = asyncio.get_running_loop().time()
    said = await scene.whmcs.command(service, command)
    assert asyncio.get_running_loop().time() - started < 11
    assert said != "success" and is_one_line_without_secrets(said)
    scene.prefect.faults.clear()
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    assert await scene.whmcs.command(service, command) == "success"
    await asyncio.sleep(4)  # the slow requests arrive now
    assert len(scene.prefect.of(service)) == 1
