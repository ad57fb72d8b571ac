"""Upgrades of a service: what is offered before payment, what becomes of what was paid, and staff's form."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.whmcs_module.fake_prefect import FakeRun
from tests.whmcs_module.stories import SETTINGS, ModuleHarness, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERS = ["write,command,hook", "write,hook,command", "command,write,hook", "hook,write,command"]
REFUSED = "StepRefused: Service 1 has 2 address(es) and is to have 1, and 0 are named to go back. Name exactly 1."


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_a_hurry(tmp_path_factory.mktemp("overlay"))


def in_a_hurry(folder: Path) -> Path:
    """The module whose commands, ChangePackage too, wait half a second for their runs."""
    copy = hurried(folder)
    file = copy / "modules/addons/dcimanager6flows/lib/Errand/ChangePackage.php"
    text = file.read_text()
    assert text.count("WAIT_SECONDS = 8.0;") == 1
    file.write_text(text.replace("WAIT_SECONDS = 8.0;", "WAIT_SECONDS = 0.5;"))
    return copy


def runs(scene: ModuleHarness, service: int, flow: str = "change-order") -> list[FakeRun]:
    return [run for run in scene.prefect.of(service) if run.flow == flow]


def ends(scene: ModuleHarness, state: str = "COMPLETED", message: str = "", flow: str = "change-order") -> None:
    scene.prefect.ends[flow] = (state, message, {})


async def paid(
    scene: ModuleHarness, service: int, options: dict[str, str] | None = None, product: int | None = None
) -> str:
    """A client's upgrade is paid: other quantities of options, or another product; what the module said."""
    return await scene.whmcs.control("upgrade", str, service=service, options=options or {}, product=product)


def counts(scene: ModuleHarness, service: int) -> list[int]:
    return [run.parameters["order"]["ipv4_count"] for run in runs(scene, service)]


async def led_away(scene: ModuleHarness, service: int, **vars: Any) -> bool:
    said = {"do": "hook", "with": {"name": "ClientAreaPageUpgrade", "vars": {"id": service, **vars}, "by": "client"}}
    answer = await scene.whmcs._client.post(scene.whmcs._address, json=said)
    if answer.status_code == 302:
        assert answer.headers["location"] == f"clientarea.php?action=productdetails&id={service}"
    return answer.status_code == 302


@pytest.mark.parametrize(
    ("page", "is_shown"),
    [
        ({"type": "package"}, False),
        ({}, False),
        ({"type": "configoptions"}, True),
        ({"type": "configoptions", "configoptions": [{"optionname": "ip|IP addresses"}]}, True),
        ({"type": "configoptions", "configoptions": [{"optionname": "ip"}, {"optionname": "RAM"}]}, False),
        ({"type": "configoptions", "configoptions": [{"optionname": "OS"}]}, False),
        ({"type": ["configoptions"]}, False),
    ],
)
async def test_only_the_upgrade_of_addresses_is_offered(
    scene: ModuleHarness, page: dict[str, Any], is_shown: bool
) -> None:
    service = await scene.activated()
    assert await led_away(scene, service, **page) is not is_shown


@pytest.mark.parametrize("status", ["Pending", "Suspended", "Cancelled"])
async def test_no_upgrade_is_offered_of_a_service_that_is_not_in_use(scene: ModuleHarness, status: str) -> None:
    service = await scene.activated()
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    assert await led_away(scene, service, type="configoptions")


async def test_no_upgrade_is_offered_before_there_is_a_server_and_others_are_left_alone(scene: ModuleHarness) -> None:
    service = await scene.buy()
    await scene.whmcs.edit("tblhosting", service, domainstatus="Active")
    assert await led_away(scene, service, type="configoptions")
    other = await scene.buy(product=await scene.whmcs.add_product("Web space", [], module="cpanel"))
    assert not await led_away(scene, other, type="package")


@pytest.mark.parametrize("order", ORDERS)
async def test_a_paid_upgrade_is_delivered_once_in_whichever_order_whmcs_does_it(
    scene: ModuleHarness, order: str
) -> None:
    service = await scene.activated()
    await scene.whmcs.switch("upgrade_order", order)
    ends(scene)
    assert await paid(scene, service, {"ip": "2"}) == "success"
    assert counts(scene, service)[-1] == 2, "what was paid is asked for, however early WHMCS asked"
    assert counts(scene, service).count(2) == 1
    (run, *_) = [run for run in runs(scene, service) if run.parameters["order"]["ipv4_count"] == 2]
    assert run.parameters["identity"]["client_id"] == scene.client
    assert await scene.waiting(service) == []
    assert await scene.status(service) == "Active"


@pytest.mark.parametrize("order", ORDERS[:2])
async def test_an_upgrade_whose_run_goes_on_is_told_to_staff_when_it_fails_late(
    scene: ModuleHarness, order: str
) -> None:
    service = await scene.activated()
    await scene.whmcs.switch("upgrade_order", order)
    assert await paid(scene, service, {"ip": "3"}) == "success"
    (run,) = runs(scene, service)
    run.becomes("FAILED", "StepRefused: Pool public-v4 gave no 2 address(es). Add addresses to the pool.")
    await scene.whmcs.custom(service, "sync")
    (row,) = await scene.waiting(service)
    assert (row.module_action, "Pool public-v4" in row.last_attempt_error) == ("ChangePackage", True)
    ends(scene)
    assert await scene.whmcs.retry(row.id) == "success"
    assert counts(scene, service) == [3, 3]
    assert await scene.waiting(service) == []


async def test_fewer_addresses_wait_for_names_which_staff_give_on_the_page(scene: ModuleHarness) -> None:
    service = await scene.activated()
    ends(scene, "FAILED", REFUSED)
    said = await paid(scene, service, {"ip": "1"})
    assert "Name exactly 1" in said
    (row,) = await scene.waiting(service)
    assert "Name exactly 1" in row.last_attempt_error
    ends(scene, flow="change-addresses")
    await scene.whmcs.save_service(
        service, dciflow_ipv4_count="1", dciflow_ipv6_count="0", dciflow_give_back="192.0.2.11"
    )
    (named,) = runs(scene, service, "change-addresses")
    assert {key: named.parameters[key] for key in ("ipv4_count", "ipv6_count", "give_back", "requested_by")} == {
        "ipv4_count": 1, "ipv6_count": 0, "give_back": "192.0.2.11", "requested_by": "admin",
    }  # fmt: skip
    await scene.whmcs.custom(service, "sync")
    ends(scene)
    assert await scene.whmcs.retry(row.id) == "success"
    assert await scene.waiting(service) == []


async def test_another_product_is_compared_by_the_run_and_its_line_is_told_to_staff(scene: ModuleHarness) -> None:
    service = await scene.activated()
    other = await scene.whmcs.add_product("Bigger", ["2xE5-2620v4", *SETTINGS[1:]])
    ends(scene, "FAILED", "StepRefused: Service 1 was changed to configuration '2xE5-2620v4', which its server is not.")
    said = await paid(scene, service, product=other)
    assert "which its server is not" in said
    assert runs(scene, service)[-1].parameters["order"]["configuration"] == "2xE5-2620v4"
    assert len(await scene.waiting(service)) == 1


async def test_an_upgrade_reported_twice_at_once_is_one_run(scene: ModuleHarness) -> None:
    service = await scene.activated()
    said = await asyncio.gather(*(scene.whmcs.command(service, "ChangePackage", "payment") for _ in range(3)))
    assert set(said) <= {"success"}
    assert len(runs(scene, service)) == 1


async def test_prefect_that_is_away_is_a_line_for_staff_and_retry_sends_it(scene: ModuleHarness) -> None:
    service = await scene.activated()
    scene.prefect.then(*["401"] * 4)
    said = await paid(scene, service, {"ip": "2"})
    assert said != "success" and "\n" not in said
    scene.prefect.faults.clear()
    (row,) = await scene.waiting(service)
    ends(scene)
    assert await scene.whmcs.retry(row.id) == "success"
    assert counts(scene, service)[-1] == 2


async def test_what_a_clients_session_pays_for_is_asked_for_by_no_client(scene: ModuleHarness) -> None:
    service = await scene.activated()
    ends(scene)
    await scene.whmcs.control("upgrade", str, service=service, options={"ip": "2"}, by="client")
    await scene.whmcs.control("upgrade", str, service=service, options={"ip": "3"}, by="admin")
    await scene.whmcs.control("upgrade", str, service=service, options={"ip": "4"})
    asked = {run.parameters["order"]["ipv4_count"]: run.parameters["requested_by"] for run in runs(scene, service)}
    assert [asked[count] for count in (2, 3, 4)] == ["api", "admin", "api"]
    other = await scene.activated()
    await scene.whmcs.cron((other, "ChangePackage"))
    assert [run.parameters["requested_by"] for run in runs(scene, other)] == ["cron"]


async def test_all_that_a_change_asks_of_prefect_shares_ten_seconds(scene: ModuleHarness) -> None:
    service = await scene.activated()
    assert await scene.whmcs.press(service, "Reboot") == "success"
    ends(scene, flow="power")
    scene.prefect.then("slow", on="/flow_runs/")
    scene.prefect.then("slow", "slow", "slow")
    began = time.monotonic()
    await scene.whmcs.command(service, "ChangePackage", "payment")
    assert time.monotonic() - began < 14


@pytest.mark.parametrize("status", ["Pending", "Terminated", "Cancelled", "Fraud"])
async def test_a_service_that_is_not_in_use_is_not_changed(scene: ModuleHarness, status: str) -> None:
    service = await scene.activated()
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    assert "cannot be done for it now" in await scene.whmcs.command(service, "ChangePackage", "payment")
    assert runs(scene, service) == []


async def test_modulecustom_runs_no_change_package(scene: ModuleHarness) -> None:
    service = await scene.activated()
    assert await scene.whmcs.custom(service, "setPtr") != "success"
    assert runs(scene, service) == []


async def test_the_form_is_shown_to_staff_with_nothing_filled_in(scene: ModuleHarness) -> None:
    service = await scene.activated()
    fields = (await scene.whmcs.admin_page(service)).fields
    assert 'name="dciflow_ipv4_count" size="4" value=""' in fields["Change the addresses"]
    await scene.whmcs.save_service(
        service, dciflow_ipv4_count="", dciflow_give_back="", dciflow_ptr_name="x.example.com"
    )
    assert [run.flow for run in scene.prefect.of(service)] == ["activate"]


@pytest.mark.parametrize(
    "form",
    [
        {"dciflow_ipv4_count": "0"},
        {"dciflow_ipv4_count": "-1"},
        {"dciflow_ipv4_count": "2 or 3"},
        {"dciflow_ipv6_count": "1"},
        {"dciflow_ipv4_count": "1", "dciflow_ipv6_count": "-1"},
        {"dciflow_ipv4_count": "", "dciflow_give_back": "192.0.2.11"},
        {"dciflow_ipv4_count": "1", "dciflow_give_back": "all"},
        {"dciflow_ipv4_count": "1", "dciflow_give_back": "192.0.2.0/24"},
    ],
)
async def test_a_form_that_is_wrong_is_a_line_of_the_activity_log(scene: ModuleHarness, form: dict[str, str]) -> None:
    service = await scene.activated()
    await scene.whmcs.save_service(service, **form)
    assert runs(scene, service, "change-addresses") == []
    assert any("was not started" in one.description for one in await scene.activities())


@pytest.mark.parametrize("by", ["client", "api", "automation"])
async def test_the_form_is_for_staff_alone(scene: ModuleHarness, by: Any) -> None:
    service = await scene.activated()
    await scene.whmcs.save_service(service, by, dciflow_ipv4_count="1", dciflow_give_back="192.0.2.11")
    assert runs(scene, service, "change-addresses") == []
