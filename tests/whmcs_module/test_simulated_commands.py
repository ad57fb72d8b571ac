"""The simulated WHMCS itself, with a module of six lines: what WHMCS does around a module's command."""

import asyncio
from itertools import permutations

import httpx
import pytest
import pytest_asyncio

from simulator.whmcs.model import IDENTIFIER, SECRET

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def shop(whmcs):
    await whmcs.activate("sampleaddon")
    whmcs.client = await whmcs.add_client("ann@example.com")
    whmcs.panel = await whmcs.add_server("main", "dci.example.com", "admin", "right", module="sample")
    return whmcs


async def buy(shop, answer="success", hostname="web.example.com", **more):
    product = await shop.add_product("Xeon", [answer], module="sample")
    return await shop.order(shop.client, product, hostname, server=shop.panel, **more)


async def test_success_means_active_with_a_welcome_mail(shop):
    service = await buy(shop, password="pw-of-1")
    assert await shop.command(service, "CreateAccount") == "success"
    state = await shop.state()
    assert state.service(service).domainstatus == "Active"
    (mail,) = state.client_mails(service)
    assert "password pw-of-1" in mail.message
    assert state.php_faults == []


@pytest.mark.parametrize("order", list(permutations(["status", "hook", "mail"])))
async def test_what_the_after_hook_sees_is_as_the_switch_says(shop, order):
    await shop.switch("order", ",".join(order))
    service = await buy(shop)
    await shop.command(service, "CreateAccount")
    status = "Active" if order.index("status") < order.index("hook") else "Pending"
    mails = int(order.index("mail") < order.index("hook"))
    (seen,) = await shop.sql("SELECT status FROM mod_sample_seen")
    assert seen["status"] == f"{status}, {mails} mails"


@pytest.mark.parametrize(("by", "rows"), [("automation", 1), ("payment", 1), ("admin", 0), ("api", 0)])
async def test_only_a_failure_of_automation_waits_in_the_module_queue(shop, by, rows):
    service = await buy(shop, "no server is free")
    assert await shop.command(service, "CreateAccount", by) == "no server is free"
    state = await shop.state()
    assert [row.last_attempt_error for row in state.waiting(service)] == ["no server is free"] * rows
    assert len(state.mails) == rows
    assert state.service(service).domainstatus == "Pending"
    assert "failed hook: no server is free" in [line.description for line in state.activities]


async def test_retry_counts_failures_and_a_success_empties_the_queue(shop):
    service = await buy(shop, "no")
    await shop.command(service, "CreateAccount", "automation")
    (row,) = (await shop.state()).waiting(service)
    assert await shop.retry(row.id) == "no"
    assert [(row.id, row.num_retries) for row in (await shop.state()).waiting(service)] == [(row.id, 1)]
    await shop.sql("UPDATE tblproducts SET configoption1 = 'success'")
    assert await shop.retry(row.id) == "success"
    assert (await shop.state()).waiting(service) == []


async def test_a_pre_hook_may_veto_a_command_or_change_what_it_gets(shop):
    vetoed = await buy(shop, hostname="veto.example.com")
    assert "Abort" in await shop.command(vetoed, "CreateAccount", "automation")
    changed = await buy(shop, hostname="override.example.com")
    assert await shop.command(changed, "CreateAccount") == "overridden"
    state = await shop.state()
    assert [state.service(vetoed).domainstatus, state.waiting(vetoed), state.mails] == ["Pending", [], []]


async def test_a_hook_holds_a_mail_back_and_the_api_says_no_more_than_that_it_failed(shop):
    service = await buy(shop, hostname="quiet.example.com")
    assert await shop.command(service, "CreateAccount") == "success"
    said = await shop.control("localApi", action="SendEmail", values={"messagename": "no such", "id": service})
    assert said == {"result": "error", "message": "Email Template not found"}
    welcome = "Dedicated/VPS Server Welcome Email"
    said = await shop.control("localApi", action="SendEmail", values={"messagename": welcome, "id": service})
    assert said == {"result": "error", "message": "Sending Failed"}
    assert (await shop.state()).mails == []


async def test_warnings_and_exceptions_of_a_module_are_kept(shop):
    await shop.command(await buy(shop, "warn"), "CreateAccount")
    assert await shop.command(await buy(shop, "throw"), "CreateAccount") == "thrown by the module"
    warning, thrown = (await shop.state()).php_faults
    assert "no such key" in warning
    assert "RuntimeException: thrown by the module" in thrown


async def test_each_command_leaves_the_status_that_belongs_to_it(shop):
    service = await buy(shop)
    for command, status in {
        "CreateAccount": "Active",
        "SuspendAccount": "Suspended",
        "UnsuspendAccount": "Active",
        "TerminateAccount": "Terminated",
    }.items():
        await shop.command(service, command)
        assert (await shop.state()).service(service).domainstatus == status


async def test_two_requests_at_once_meet_at_a_unique_row(shop):
    service = await buy(shop, "unique")
    said = await asyncio.gather(*(shop.command(service, "SuspendAccount") for _ in range(4)))
    assert sorted(said) == ["success", "taken", "taken", "taken"]


async def test_the_module_log_masks_literally_and_can_be_off(shop):
    service = await buy(shop, "log", password="canary/1")
    await shop.command(service, "SuspendAccount")
    await shop.switch("module_log", "")
    await shop.command(service, "SuspendAccount")
    (entry,) = (await shop.state()).module_log
    assert "canary" not in entry.request + entry.response
    assert "********" in entry.request


async def test_a_cron_run_is_one_process_that_ends_with_its_hook(shop):
    one, two = await buy(shop), await buy(shop, "no")
    assert await shop.cron((one, "SuspendAccount"), (two, "SuspendAccount")) == ["success", "no"]
    state = await shop.state()
    assert state.activities[-1].description == "cron ran"
    assert len(state.waiting(two)) == 1


async def test_the_api_calls_a_custom_function_of_the_module(shop):
    service = await buy(shop)
    form = {"identifier": IDENTIFIER, "secret": SECRET, "action": "ModuleCustom", "serviceid": service}
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(shop.api_url, data=form | {"func_name": "note"})).text == "result=success;"
        assert "no function nothing" in (await http.post(shop.api_url, data=form | {"func_name": "nothing"})).text
    assert (await shop.state()).service(service).dedicatedip == "192.0.2.9"
