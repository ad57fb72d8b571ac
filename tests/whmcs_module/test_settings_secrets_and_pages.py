"""What the module takes from WHMCS and shows in it: settings, panels, options, pages, and never a secret."""

import base64
import html
import json
import re
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from simulator.whmcs_control import StageError
from tests.whmcs_module.stories import (
    ADDON,
    AUTH,
    CANARY,
    FLOW,
    PANEL_PASSWORD,
    SERVICE_PASSWORD,
    SETTINGS,
    hurried,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOKEN = "stage-csrf-token"
HELD_AT = "2026-11-24T09:30:00.123456+00:00"
SCRIPT = '"><script>alert(1)</script>'
TABLES = ("request", "service", "panel", "setting")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def order_of(scene, service):
    await scene.whmcs.command(service, "CreateAccount")
    return scene.prefect.only(service).parameters["order"]


async def test_the_product_and_the_client_make_the_order(scene):
    service = await scene.buy("web1.example.com")
    assert await order_of(scene, service) == {
        "client_id": scene.client,
        "configuration": "Xeon E-2388G",
        "os_template": "Debian-12-x86_64",
        "ip_pool": "public-v4",
        "ipv4_count": 1,
        "location_id": None,
        "wait_for_os": True,
        "os_install_timeout_minutes": 60,
        "hostname": "web1.example.com",
        "wipe_delay_hours": 0,
    }


async def test_every_setting_of_the_product_reaches_the_order(scene):
    product = await scene.whmcs.add_product("EPYC", ["EPYC 7302", "Alma 9", "on", "pool", "90", "3", "", "", "72"])
    order = await order_of(scene, await scene.buy(product=product))
    assert (order["configuration"], order["os_template"], order["ip_pool"]) == ("EPYC 7302", "Alma 9", "pool")
    assert (order["wait_for_os"], order["os_install_timeout_minutes"], order["location_id"]) == (False, 90, 3)
    assert order["wipe_delay_hours"] == 72


@pytest.mark.parametrize("name", ["OS", "os", "ostemplate"])
async def test_the_clients_operating_system_goes_over_the_products(scene, name):
    service = await scene.buy()
    await scene.whmcs.choose(service, f"{name}|Operating system", "Alma-9|AlmaLinux 9")
    assert (await order_of(scene, service))["os_template"] == "Alma-9"


@pytest.mark.parametrize("name", ["ip", "IP", "ipv4", "IPv4"])
@pytest.mark.parametrize(("chosen", "count"), [("3", 3), ("0", 1)])
async def test_the_clients_addresses_are_counted_from_one(scene, name, chosen, count):
    service = await scene.buy()
    await scene.whmcs.choose(service, name, chosen, kind="quantity")
    assert (await order_of(scene, service))["ipv4_count"] == count


@pytest.mark.parametrize("name", ["Os", "Operating system", "OSTemplate", "Ip", "IPs", "IPV4"])
async def test_another_spelling_does_nothing_and_is_named_to_staff(scene, name):
    service = await scene.buy()
    await scene.whmcs.choose(service, name, "7", kind="quantity")
    order = await order_of(scene, service)
    assert (order["os_template"], order["ipv4_count"]) == ("Debian-12-x86_64", 1)
    assert name in " ".join((await scene.whmcs.admin_page(service)).fields.values())


async def test_two_server_records_are_two_panels_with_their_own_credentials(scene):
    one, two = await scene.buy(panel=0), await scene.buy(panel=1)
    for service in (one, two):
        await scene.whmcs.command(service, "CreateAccount")
    assert [scene.prefect.only(service).parameters["panel"] for service in (one, two)] == ["main", "second"]
    assert {name: block["url"] for name, block in scene.prefect.blocks.items()} == {
        "main": "https://main.example.com",
        "second": "https://second.example.com",
    }
    assert {block["password"] for block in scene.prefect.blocks.values()} == {PANEL_PASSWORD}


async def test_a_server_record_without_a_host_name_is_reached_by_its_ip_address(scene):
    await scene.whmcs.add_server("third", "", "admin", PANEL_PASSWORD, ipaddress="192.0.2.77")
    assert scene.prefect.blocks["third"]["url"] == "https://192.0.2.77"


async def test_panels_of_one_name_keep_apart_and_a_rename_changes_nothing(scene):
    twin = await scene.whmcs.add_server("Main!", "twin.example.com", "admin", PANEL_PASSWORD)
    assert scene.prefect.blocks[f"main-{twin}"]["url"] == "https://twin.example.com"
    await scene.whmcs.edit("tblservers", twin, name="renamed")
    service = await scene.buy()
    await scene.whmcs.edit("tblhosting", service, server=twin)
    await scene.whmcs.command(service, "CreateAccount")
    assert scene.prefect.only(service).parameters["panel"] == f"main-{twin}"


async def test_a_changed_password_reaches_prefect_before_the_next_run(scene):
    await scene.whmcs.edit("tblservers", scene.panels[0], password="canary-new")
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    assert scene.prefect.blocks["main"]["password"] == "canary-new"


async def test_test_connection_says_what_the_panels_check_said(scene):
    scene.prefect.ends["check-panel"] = ("COMPLETED", "", {})
    assert (await scene.whmcs.test_connection(scene.panels[0])).success
    said = "Flow run encountered an exception: Refusal: The panel refused the password."
    scene.prefect.ends["check-panel"] = ("FAILED", said, {})
    form = {"hostname": "new.example.com", "username": "admin", "password": "canary-unsaved", "secure": "on"}
    failed = await scene.whmcs.test_connection(form=form)
    assert not failed.success and failed.error.startswith("The panel refused the password.")
    assert scene.prefect.runs[-1].parameters == {"panel": "whmcs-unsaved"}
    assert scene.prefect.blocks["whmcs-unsaved"]["url"] == "https://new.example.com"


async def test_a_test_of_another_port_does_not_turn_the_panel_that_sells_to_it(scene):
    scene.prefect.ends["check-panel"] = ("COMPLETED", "", {})
    await scene.whmcs.test_connection(scene.panels[0])
    before = dict(scene.prefect.blocks["main"])
    form = {"hostname": "main.example.com", "username": "admin@example.com", "password": PANEL_PASSWORD, "port": "1500"}
    await scene.whmcs.test_connection(scene.panels[0], form=form)
    assert scene.prefect.blocks["main"] == before
    assert scene.prefect.blocks["whmcs-unsaved"]["url"].endswith(":1500")


async def test_the_product_form_has_the_manuals_settings_in_its_order(scene):
    names = [field.name for field in await scene.whmcs.product_form(scene.product)]
    assert names[:7] == [
        "Server configuration type",
        "Operation system",
        "Don't wait the OS install",
        "IP address group",
        "OS Installation timeout (minute)",
        "Location ID",
        "User email verifying option check",
    ]


async def test_the_product_form_offers_the_catalogue_and_keeps_what_was_saved(scene):
    part = {
        "at": "t1",
        "configurations": [{"name": "EPYC 7302", "fit": {"1": 2}, "total": 2}],
        "os_templates": ["Debian 12"],
        "ip_pools": ["public-v4"],
        "locations": [{"id": 1, "name": "Riga"}],
    }
    scene.prefect.variables = {
        "dcimanager_catalogue_main": {"at": "t1", "parts": 1},
        "dcimanager_catalogue_main_1": part,
    }
    fields = await scene.whmcs.product_form(scene.product)
    assert set(fields[0].options) == {"EPYC 7302", SETTINGS[0]}
    assert set(fields[5].options) >= {"1"}
    assert [field.error for field in fields] == [""] * len(fields)


async def test_a_catalogue_that_cannot_be_read_is_said_and_never_an_empty_list(scene):
    head = {"at": "t2", "parts": 1}
    torn = {"dcimanager_catalogue_main": head, "dcimanager_catalogue_main_1": {"at": "t1", "os_templates": ["x"]}}
    for variables in ({}, torn):
        scene.prefect.variables = variables
        fields = await scene.whmcs.product_form(scene.product)
        for number in (0, 1, 3, 5):
            assert fields[number].type == "text" and fields[number].error != ""
    scene.prefect.requests.clear()
    scene.prefect.then(*["403"] * 8, on="variables")
    fields = await scene.whmcs.product_form(scene.product)
    assert [fields[number].error != "" for number in (0, 1, 3, 5)] == [True] * 4
    assert len([path for _, path in scene.prefect.requests if "variables" in path]) <= 1  # one answer does for all
    assert len(scene.prefect.faults) == 7
    scene.prefect.faults.clear()


async def test_an_unverified_client_cannot_manage_and_the_activation_waits_for_him(scene):
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


async def test_the_page_of_a_client_who_verifies_his_address_does_not_wait_for_others_orders(scene):
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
    assert (await order_of(scene, service))["hostname"] == SCRIPT
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


async def test_no_secret_is_left_anywhere(scene):
    said = []
    for command in FLOW:
        for fault in ("401", "500", "html"):
            scene.prefect.then(fault)
            scene.prefect.then(fault, on="block_")
            service = await scene.ready_for(command)
            await scene.whmcs.edit("tblservers", scene.panels[0], password=f"{PANEL_PASSWORD}{len(said)}")
            said.append(await scene.whmcs.command(service, command, "automation"))
            said.append(await scene.whmcs.command(service, command, "automation"))
            scene.prefect.of(service)[-1].becomes("FAILED", "Refusal: no.")
            said.append(await scene.whmcs.custom(service, "sync"))
            page = await scene.whmcs.admin_page(service)
            said += [*page.fields.values(), (await scene.whmcs.client_page(service, scene.client)).html]
    scene.prefect.ends["check-panel"] = ("FAILED", "Refusal: no.", {})
    said.append((await scene.whmcs.test_connection(scene.panels[0])).error)
    said.append(await scene.whmcs.addon_page(ADDON, post={"task": "test", "token": TOKEN}))
    state = await scene.whmcs.state()
    assert len(state.module_log) > 10
    said += [row.model_dump_json() for row in (*state.module_log, *state.activities, *state.queue)]
    said += [row.model_dump_json() for row in (*state.notifications, *state.api_requests)]
    said += [mail.message for mail in state.mails if not mail.userid]
    for table in TABLES:
        said.append(json.dumps(await scene.whmcs.sql(f"SELECT * FROM mod_dcimanager6_{table}")))  # noqa: S608
    said += [scene.prefect.everything_sent, (scene.whmcs.home / "php.log").read_text()]
    for secret in (CANARY, base64.b64encode(AUTH.encode()).decode()):
        assert not [text for text in said if secret in text]


def quote_all(text: str) -> str:
    return quote(text, safe="")


def as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


async def logged_of_a_run_that_said(scene, text):
    scene.prefect.ends["suspend"] = ("FAILED", f"Refusal: the panel said {text}", {})
    await scene.whmcs.command(await scene.ready_for("SuspendAccount"), "SuspendAccount")
    (entry,) = [row for row in (await scene.whmcs.state()).module_log if row.action == "SuspendAccount"]
    assert "the panel said" in entry.response
    return entry.model_dump_json()


@pytest.mark.parametrize("form", [str, quote_all, quote_plus, as_json])
async def test_a_secret_that_somebody_quotes_is_masked_in_the_module_log(scene, form):
    assert CANARY not in await logged_of_a_run_that_said(scene, f"{form(PANEL_PASSWORD)} and {form(AUTH)}")


async def test_a_quoted_secret_with_an_angle_bracket_is_masked_in_the_module_log(scene):
    assert CANARY not in await logged_of_a_run_that_said(scene, SERVICE_PASSWORD)


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


async def test_staff_press_no_button_that_is_not_there(scene):
    with pytest.raises(StageError, match="no button"):
        await scene.whmcs.press(await scene.buy(), "Terminate")
