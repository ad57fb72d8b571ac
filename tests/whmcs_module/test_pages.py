"""What the module shows to clients and to staff, and what either can do there."""

import html
import re
from pathlib import Path

import pytest

from door.shapes import MOST_ADOPTEES
from simulator.whmcs_php.control import FakeWhmcsError
from tests.whmcs_module.stories import ADDON, AUTH, SETTINGS, TABLES, TOKEN, hurried, order_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
HELD_AT = "2026-11-24T09:30:00.123456+00:00"
SCRIPT = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def test_an_unverified_client_cannot_manage_and_the_activation_waits_for_them(scene):
    product = await scene.whmcs.add_product("Verified", [*SETTINGS[:6], "on"])
    await scene.whmcs.edit("tblclients", scene.client, email_verified=0)
    service = await scene.buy(product=product)
    said = await scene.whmcs.command(service, "CreateAccount", "payment")
    assert "not verified" in said and scene.prefect.runs == []
    page = await scene.whmcs.client_page(service, scene.client, "refresh")
    assert "not verified" in page.message and "not verified" in page.html
    assert "Resend Verification Email" in page.message and "Resend Verification Email" in page.html
    await scene.whmcs.cron()
    assert scene.prefect.runs == []
    await scene.whmcs.edit("tblclients", scene.client, email_verified=1)
    await scene.whmcs.hook("UserEmailVerificationComplete", userId=1)
    await scene.whmcs.hook("UserEmailVerificationComplete", userId=1)
    run = scene.prefect.only(service)
    await scene.finish(service, run)
    assert (await scene.status(service), await scene.mails(service)) == ("Active", 1)
    assert await scene.waiting(service) == []


async def test_the_page_of_a_client_who_verifies_an_address_does_not_wait_for_others_orders(scene):
    product = await scene.whmcs.add_product("Verified", [*SETTINGS[:6], "on"])
    await scene.whmcs.edit("tblclients", scene.client, email_verified=0)
    services = [await scene.buy(product=product) for _ in range(3)]
    for service in services:
        assert "not verified" in await scene.whmcs.command(service, "CreateAccount", "payment")
    await scene.whmcs.edit("tblclients", scene.client, email_verified=1)
    scene.prefect.then("slow")
    await scene.whmcs.hook("UserEmailVerificationComplete", userId=1)
    asked = [path for _, path in scene.prefect.requests if "create_flow_run" in path]
    assert len(asked) <= 1 and scene.prefect.faults == []
    await scene.whmcs.cron()
    assert {run.parameters["service_id"] for run in scene.prefect.runs} >= set(services[1:])


async def test_staff_may_activate_for_an_unverified_client_and_it_is_noted(scene):
    product = await scene.whmcs.add_product("Verified", [*SETTINGS[:6], "on"])
    await scene.whmcs.edit("tblclients", scene.client, email_verified=0)
    service = await scene.buy(product=product)
    assert await scene.whmcs.command(service, "CreateAccount", "admin") == "success"
    assert len(scene.prefect.of(service)) == 1
    assert any("not verified" in line.description for line in await scene.activities())


@pytest.mark.parametrize("function", ["CreateAccount", "TerminateAccount", "sync", "retry", "unlink", "ConfigOptions"])
async def test_a_client_calls_nothing_but_refresh(scene, function):
    service = await scene.activated()
    page = await scene.whmcs.client_page(service, scene.client, function)
    assert page.message == "Access denied"
    assert len(scene.prefect.runs) == 1


async def test_a_client_refreshes_twice_in_half_a_minute_only_once(scene):
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    assert (await scene.whmcs.client_page(service, scene.client, "refresh")).message == "success"
    assert (await scene.whmcs.client_page(service, scene.client, "refresh")).message != "success"


async def test_the_clients_page_shows_steps_and_addresses_and_asks_nobody(scene):
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    run = scene.prefect.only(service)
    run.becomes("RUNNING", step="installing")
    await scene.whmcs.custom(service, "sync")
    asked = len(scene.prefect.requests)
    page = (await scene.whmcs.client_page(service, scene.client)).html
    assert re.findall(r"<strong>(\w+)</strong>", page) == ["Installing"]
    assert len(scene.prefect.requests) == asked
    run.labels |= {"dciflow.addresses": "192.0.2.10 192.0.2.11", "dciflow.os": "Debian-12-x86_64"}
    await scene.finish(service, run)
    page = (await scene.whmcs.client_page(service, scene.client)).html
    assert "192.0.2.11" in page and "Debian-12-x86_64" in page


async def test_hostile_names_are_text_everywhere(scene):
    await scene.whmcs.edit("tblclients", scene.client, firstname=SCRIPT, companyname="{{7*7}}")
    service = await scene.buy(SCRIPT)
    await scene.whmcs.choose(service, f"IPs {SCRIPT}", "2", kind="quantity")
    await scene.whmcs.choose(service, "Ip", "2", kind="quantity")
    assert (await order_of(scene, service))["hostname"] == SCRIPT.partition("/")[
        0
    ]  # a host name ends where a path begins
    run = scene.prefect.only(service)
    for label in ("held", "serial", "addresses", "os", "username", "state", "step"):
        run.labels[f"dciflow.{label}"] = SCRIPT
    run.becomes("FAILED", f"Flow run encountered an exception: Refusal: {SCRIPT}")
    await scene.whmcs.custom(service, "sync")
    scene.prefect.variables["dciflow_held"] = {
        "at": SCRIPT, "total": 1,
        "services": [{"service_id": service, "panel": "main", "reason": SCRIPT, "since": SCRIPT}],
    }  # fmt: skip
    scene.prefect.variables["dciflow_reconciliation_main"] = {
        "at": SCRIPT, "run_id": SCRIPT, "counts": {SCRIPT: 1}, "repaired": 0, "stopped": SCRIPT,
        "open": [{"class": SCRIPT, "service_id": service, "server_id": 1, "since": SCRIPT, "what": SCRIPT}],
    }  # fmt: skip
    admin = await scene.whmcs.admin_page(service)
    pages = [
        *admin.fields.values(),
        (await scene.whmcs.client_page(service, scene.client)).html,
        await scene.whmcs.addon_page(ADDON),
    ]
    assert not [page for page in pages if "<script" in page]
    assert html.escape(SCRIPT, quote=True) in pages[-1]


async def test_staff_sync_retry_and_unlink(scene):
    service = await scene.buy()
    assert await scene.whmcs.command(service, "CreateAccount") == "success"
    scene.prefect.only(service).becomes("FAILED", "Refusal: no.")
    assert await scene.whmcs.press(service, "Sync") == "success"
    assert len(await scene.waiting(service)) == 1
    assert await scene.whmcs.press(service, "Retry") == "success"
    await scene.finish(service, scene.prefect.of(service)[-1])
    assert (await scene.status(service), await scene.waiting(service)) == ("Active", [])
    assert "again" in await scene.whmcs.press(service, "Unlink")
    assert len(await scene.whmcs.sql("SELECT * FROM mod_dcimanager6_service")) == 1
    assert await scene.whmcs.press(service, "Unlink") == "success"
    assert await scene.whmcs.sql("SELECT * FROM mod_dcimanager6_service") == []


async def test_the_addons_tables_outlive_it_and_a_second_activation_finds_them(scene):
    service = await scene.activated()
    before = {t: await scene.whmcs.sql(f"SELECT * FROM mod_dcimanager6_{t}") for t in TABLES}  # noqa: S608
    (address,) = await scene.whmcs.sql("SELECT value FROM tbladdonmodules WHERE setting = 'api_url'")
    assert (await scene.whmcs.deactivate(ADDON)).status == "success"
    assert (await scene.whmcs.activate(ADDON)).status == "success"
    after = {t: await scene.whmcs.sql(f"SELECT * FROM mod_dcimanager6_{t}") for t in TABLES}  # noqa: S608
    assert after == before and before["request"]
    await scene.whmcs.configure(ADDON, api_url=address["value"], auth=AUTH)
    assert await scene.whmcs.command(service, "CreateAccount") == "success"
    assert len(scene.prefect.of(service)) == 1


async def test_without_its_addon_a_command_says_what_is_missing(scene):
    await scene.whmcs.deactivate(ADDON)
    service = await scene.buy()
    assert "address is not set" in await scene.whmcs.command(service, "CreateAccount")


async def test_a_deleted_service_is_noted_with_its_server(scene):
    service = await scene.activated()
    await scene.whmcs.control("deleteService", service=service)
    assert any(f"service {service} was deleted" in line.description for line in await scene.activities())
    await scene.later()
    await scene.whmcs.cron()


async def test_the_addons_page_tests_lists_and_decides_only_with_its_token(scene):
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    scene.prefect.only(service).becomes("FAILED", "Refusal: no fit server.")
    await scene.whmcs.custom(service, "sync")
    scene.prefect.variables["dciflow_held"] = {
        "at": "t", "total": 1,
        "services": [{"service_id": service, "panel": "main", "reason": "R", "since": "t", "held_at": HELD_AT}],
    }  # fmt: skip
    page = await scene.whmcs.addon_page(ADDON)
    assert "no fit server" in page and scene.prefect.only(service).id in page
    assert "has the deployments" in await scene.whmcs.addon_page(ADDON, post={"task": "test", "token": TOKEN})
    assert f'name="held_at" value="{HELD_AT}"' in page
    decision = {"task": "decide", "service_id": str(service), "decision": "retry", "why": "disk changed"}
    assert "load this page again" in await scene.whmcs.addon_page(ADDON, post={**decision, "token": TOKEN})
    decision["held_at"] = HELD_AT
    assert "Token" in await scene.whmcs.addon_page(ADDON, post=decision)
    assert [run.flow for run in scene.prefect.runs] == ["activate"]
    await scene.whmcs.addon_page(ADDON, post={**decision, "token": TOKEN})
    decided = scene.prefect.runs[-1]
    assert decided.flow == "decide-held"
    given = {"service_id": service, "decision": "retry", "who": "admin", "why": "disk changed", "held_at": HELD_AT}
    assert decided.parameters == given


async def test_what_whmcs_may_not_decide_has_a_command_and_no_button(scene):
    service = await scene.buy()
    held = {"service_id": service, "panel": "main", "since": "t", "held_at": HELD_AT}
    capped = {**held, "reason": "burst", "decisions": ["release"], "ways": ["retry --past-cap", "release"]}
    wiping = {**held, "reason": "wipe-unproven", "decisions": [], "ways": ["retry", "rm -rf", "<b>"]}
    scene.prefect.variables["dciflow_held"] = {"at": "t", "total": 1, "services": [capped]}
    page = await scene.whmcs.addon_page(ADDON)
    assert '<option value="release">' in page and '<option value="retry">' not in page
    assert f"<code>dciflow held retry {service} --past-cap --why &quot;...&quot;</code>" in page
    assert f"dciflow held release {service}" not in page
    scene.prefect.variables["dciflow_held"] = {"at": "t", "total": 1, "services": [wiping]}
    page = await scene.whmcs.addon_page(ADDON)
    assert 'name="decision"' not in page and "rm -rf" not in page
    assert f"<code>dciflow held retry {service} --why &quot;...&quot;</code>" in page


@pytest.mark.parametrize("decision", ["terminate", "hand-over", "forget-server", "accept-hardware", "another-server"])
async def test_a_decision_that_destroys_or_gives_away_is_not_sent_whatever_is_posted(scene, decision):
    service = await scene.buy()
    post = {"task": "decide", "service_id": str(service), "decision": decision, "why": "x", "held_at": HELD_AT}
    assert "Nothing was decided" in await scene.whmcs.addon_page(ADDON, post={**post, "token": TOKEN})
    assert scene.prefect.runs == []


async def test_the_addons_page_says_when_it_does_not_list_all(scene):
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    scene.prefect.only(service).becomes("FAILED", "Refusal: no fit server.")
    await scene.whmcs.custom(service, "sync")
    assert "Older ones are not shown" not in await scene.whmcs.addon_page(ADDON)
    (row,) = await scene.whmcs.sql("SELECT * FROM mod_dcimanager6_request")
    values = {name: value for name, value in row.items() if name != "id"}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    for _ in range(50):
        await scene.whmcs.sql(
            f"INSERT INTO mod_dcimanager6_request ({names}) VALUES ({marks})",  # noqa: S608 - the table's own names
            *values.values(),
        )
    assert "Older ones are not shown: these are the youngest 50." in await scene.whmcs.addon_page(ADDON)


async def test_services_of_ispsystems_module_are_previewed_and_adopted(scene):
    suspended, pending = await scene.buy(panel=1), await scene.buy()
    await scene.whmcs.edit("tblhosting", suspended, domainstatus="Suspended")
    await scene.whmcs.sql("CREATE TABLE mod_ispsystem (serviceid INT, external_id INT)")
    for service, server in ((suspended, 11), (pending, 12)):
        await scene.whmcs.sql("INSERT INTO mod_ispsystem VALUES (?, ?)", service, server)
    for task, apply in (("import-preview", False), ("import", True)):
        page = await scene.whmcs.addon_page(ADDON, post={"task": task, "token": TOKEN})
        run = scene.prefect.runs[-1]
        assert run.id in page and (run.flow, run.parameters["apply"]) == ("adopt", apply)
        row = {"service_id": suspended, "client_id": scene.client, "server_id": 11, "suspended": True}
        assert (run.parameters["panel"], run.parameters["services"]) == ("second", [row])


async def test_an_import_of_many_services_is_cut_to_what_the_door_takes_at_once(scene):
    service = await scene.buy(panel=1)
    await scene.whmcs.edit("tblhosting", service, domainstatus="Active")
    (row,) = await scene.whmcs.sql("SELECT * FROM tblhosting WHERE id = ?", service)
    names = ", ".join(name for name in row if name != "id")
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 501)"
    copies = f"SELECT 50000 + n, {names} FROM tblhosting, numbers WHERE id = ?"  # noqa: S608 - the table's own names
    await scene.whmcs.sql(f"INSERT INTO tblhosting (id, {names}) {numbers} {copies}", service)
    await scene.whmcs.sql("CREATE TABLE mod_ispsystem (serviceid INT, external_id INT)")
    await scene.whmcs.sql("INSERT INTO mod_ispsystem SELECT id, id FROM tblhosting WHERE id > 50000")
    await scene.whmcs.addon_page(ADDON, post={"task": "import", "token": TOKEN})
    sent = [run.parameters["services"] for run in scene.prefect.runs if run.flow == "adopt"]
    assert [len(services) for services in sent] == [MOST_ADOPTEES, 1]
    assert len({one["service_id"] for services in sent for one in services}) == 501


async def test_staff_press_no_button_that_is_not_there(scene):
    with pytest.raises(FakeWhmcsError, match="no button"):
        await scene.whmcs.press(await scene.buy(), "Terminate")
