"""Which run a request takes for its own, and what is not sent any more because WHMCS wants something else by now."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from runtime.request_number import numbered_request
from tests.contract.contract import CONTRACT
from tests.whmcs_module.fake_prefect import FakeRun
from tests.whmcs_module.stories import FLOW, OVERDUE, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOMORROW = f"{date.today() + timedelta(days=2):%Y-%m-%d}"


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def whmcs_is_restored(scene) -> None:
    """From a dump of before the first request: their numbers come again."""
    await scene.whmcs.sql("DELETE FROM mod_dcimanager6_request")
    await scene.whmcs.sql("ALTER TABLE mod_dcimanager6_request AUTO_INCREMENT = 1")


@pytest.mark.parametrize("command", list(FLOW))
async def test_a_request_number_that_comes_again_after_a_restore_starts_a_run_of_its_own(scene, command):
    scene.prefect.ends[FLOW[command]] = ("COMPLETED", "", {"step": "ready"})
    first = await scene.ready_for(command)
    assert await scene.whmcs.command(first, command) == "success"
    await whmcs_is_restored(scene)
    second = await scene.ready_for(command)
    assert await scene.whmcs.command(second, command) == "success"
    (row,) = await scene.whmcs.sql("SELECT id, flow_run_id FROM mod_dcimanager6_request")
    assert row == {"id": 1, "flow_run_id": scene.prefect.only(second).id}


async def test_each_request_has_the_next_number_and_a_token_of_its_own_and_so_has_its_run(scene):
    before = await _number(scene)
    keys = []
    for _ in range(3):
        service = await scene.ready_for("UnsuspendAccount")
        assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") == "success"
        keys.append(scene.prefect.only(service).body["idempotency_key"])
    found = [numbered_request(f"installation:shop:{key}") for key in keys]
    assert [one and one.number for one in found] == list(range(before + 1, before + 4)), keys
    assert len({one.token for one in found}) == 3
    assert {len(key.partition(":")[2]) for key in keys} == {32}
    assert all(re.fullmatch(CONTRACT["request_key"]["pattern"], key) for key in keys)


async def _number(scene) -> int:
    rows = await scene.whmcs.sql("SELECT value FROM mod_dcimanager6_setting WHERE name = 'requests'")
    return int(rows[0]["value"]) if rows else 0


async def test_a_request_of_an_older_version_keeps_its_key(scene):
    scene.prefect.then("401")
    service = await scene.ready_for("UnsuspendAccount")
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") != "success"
    await scene.whmcs.sql("UPDATE mod_dcimanager6_request SET token = NULL")
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") == "success"
    (row,) = await scene.whmcs.sql("SELECT id FROM mod_dcimanager6_request")
    assert scene.prefect.only(service).body["idempotency_key"].endswith(f":{row['id']}")


async def test_another_clients_run_under_the_same_key_is_never_taken(scene):
    scene.prefect.then("401")
    service = await scene.ready_for("UnsuspendAccount")
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") != "success"
    await scene.whmcs.sql("UPDATE mod_dcimanager6_request SET token = NULL")
    (row,) = await scene.whmcs.sql("SELECT id, parameters FROM mod_dcimanager6_request")
    (installation,) = await scene.whmcs.sql("SELECT value FROM mod_dcimanager6_setting WHERE name = 'installation'")
    others = FakeRun(
        "00000000-0000-4000-8000-00000000000a",
        "unsuspend",
        {
            "parameters": {"service_id": 7, "panel": "main"},
            "name": "unsuspend-service-7",
            "idempotency_key": f"{installation['value']}:{row['id']}",
        },
    )
    others.becomes("COMPLETED")
    scene.prefect.runs.append(others)
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") == "success"
    scene.prefect.wrong.clear()  # the fake says that one key came with two wishes, which is the story
    run = scene.prefect.only(service)
    assert not run.body["idempotency_key"].endswith(f":{row['id']}")
    (row,) = await scene.whmcs.sql("SELECT flow_run_id FROM mod_dcimanager6_request")
    assert row["flow_run_id"] == run.id


async def suspension_that_prefect_did_not_get(scene, who: str = "automation") -> int:
    scene.prefect.then("401")
    service = await scene.ready_for("SuspendAccount")
    assert await scene.whmcs.command(service, "SuspendAccount", who) != "success"
    await scene.later()
    return service


@pytest.mark.parametrize("who", ["automation", "payment", "admin"])
async def test_a_kept_suspension_of_a_client_who_paid_is_not_sent_however_the_cron_was_called(scene, who):
    service = await suspension_that_prefect_did_not_get(scene, who)
    await scene.whmcs.edit("tblhosting", service, nextduedate=TOMORROW)
    await scene.whmcs.cron()
    assert scene.prefect.of(service) == []
    (row,) = await scene.whmcs.sql("SELECT state, message FROM mod_dcimanager6_request")
    assert row["state"] == "cancelled" and row["message"].startswith("Overtaken by")


@pytest.mark.parametrize(
    ("row", "is_sent"),
    [
        ({}, True),
        ({"overideautosuspend": 1}, False),
        ({"overideautosuspend": 1, "overidesuspenduntil": TOMORROW}, False),
        ({"overideautosuspend": 1, "overidesuspenduntil": OVERDUE}, True),
        ({"nextduedate": None}, False),
        ({"domainstatus": "Suspended", "nextduedate": TOMORROW}, True),
    ],
)
async def test_a_kept_suspension_is_sent_only_if_whmcs_would_suspend_now(scene, row, is_sent):
    service = await suspension_that_prefect_did_not_get(scene)
    if row:
        await scene.whmcs.edit("tblhosting", service, **row)
    await scene.whmcs.cron()
    assert len(scene.prefect.of(service)) == int(is_sent)


async def test_whoever_pays_while_a_suspension_is_under_way_is_not_told_to_wait(scene):
    service = await scene.ready_for("SuspendAccount")
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") == "success"
    suspension = scene.prefect.only(service)
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") == "success"
    assert [run.flow for run in scene.prefect.of(service)] == ["suspend", "unsuspend"]
    assert await scene.status(service) == "Active"
    closed, opened = await scene.whmcs.sql("SELECT state, message FROM mod_dcimanager6_request ORDER BY id")
    assert closed == {"state": "cancelled", "message": "Overtaken by unsuspend."}
    assert opened["state"] == "running"
    assert await scene.waiting(service) == []
    said = [one.description for one in await scene.activities() if "overtaken by unsuspend" in one.description]
    assert len(said) == 1 and suspension.id in said[0]


async def test_nothing_goes_over_an_unsuspension(scene):
    service = await scene.ready_for("UnsuspendAccount")
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") == "success"
    said = await scene.whmcs.command(service, "SuspendAccount", "automation")
    assert "busy with unsuspend" in said


async def test_nothing_goes_over_an_unsuspension_that_prefect_did_not_get_yet(scene):
    scene.prefect.then("401")
    service = await scene.ready_for("UnsuspendAccount")
    assert await scene.whmcs.command(service, "UnsuspendAccount", "payment") != "success"
    await scene.later()
    said = await scene.whmcs.command(service, "SuspendAccount", "automation")
    assert "busy with unsuspend" in said
    assert scene.prefect.only(service).flow == "unsuspend"


async def test_a_suspension_that_its_flow_found_overtaken_is_no_failure(scene):
    service = await scene.ready_for("SuspendAccount")
    assert await scene.whmcs.command(service, "SuspendAccount", "automation") == "success"
    said = "Flow run encountered an exception: Overtaken: Overtaken: service 1 is paid in WHMCS until 2027-02-28."
    scene.prefect.only(service).becomes("FAILED", said)
    await scene.whmcs.custom(service, "sync")
    (row,) = await scene.whmcs.sql("SELECT state, message FROM mod_dcimanager6_request")
    assert row["state"] == "cancelled" and "is paid in WHMCS" in row["message"]
    assert await scene.waiting(service) == []
    assert any("is paid in WHMCS" in one.description for one in await scene.activities())


@pytest.mark.parametrize("strict", ["", "on"])
async def test_a_deletion_says_what_whmcs_showed_and_when_it_will_show_more(scene, strict):
    await scene.whmcs.configure("dcimanager6flows", strict=strict)
    service = await scene.ready_for("TerminateAccount")
    await scene.whmcs.edit("tblhosting", service, nextduedate=OVERDUE)
    await scene.whmcs.command(service, "TerminateAccount")
    wish = scene.prefect.only(service).parameters["wish"]
    assert wish == {"status": "Active", "next_due": OVERDUE, "told_at_end": strict == "on"}
