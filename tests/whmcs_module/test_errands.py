"""What clients and staff ask for on a server after its sale: each press is one run, and the page follows it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from simulator.whmcs_php.browser import hidden_fields, press_form
from simulator.whmcs_php.sign_on import single_sign_on
from tests.whmcs_module.stories import ADDON, AUTH, SETTINGS, ModuleHarness, hurried, settings_with

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS_MAY = settings_with(power="on")
"""A product's settings, with power for its clients."""
NOT_NOW = "It cannot be done just now: try again in a minute."
STILL_OPEN = "It was asked for and may still begin within a quarter of an hour: look at this page again."


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def sold(scene: ModuleHarness, settings: list[str] = CLIENTS_MAY) -> int:
    """A service with its server, of a product with these settings."""
    return await scene.sold(settings)


async def press(scene: ModuleHarness, service: int, command: str = "reboot", **form: str) -> str:
    """The client's button; what WHMCS then says."""
    page = await press_form(scene.whmcs, service, scene.client, "power", {"command": command, **form})
    return page.message


def errands(scene: ModuleHarness, service: int) -> list[Any]:
    return [run for run in scene.prefect.of(service) if run.flow == "power"]


async def rows(scene: ModuleHarness, service: int) -> list[Any]:
    """The service's errands as the module's table has them."""
    found: list[Any] = await scene.whmcs.sql(
        "SELECT * FROM mod_dcimanager6_errand WHERE service_id = ? ORDER BY id", service
    )
    return found


async def lost_press(scene: ModuleHarness, service: int) -> Any:
    """The client's button, where Prefect makes the run and each of its answers is lost: that run."""
    scene.prefect.then(*["lost"] * 20)
    assert await press(scene, service) == STILL_OPEN
    scene.prefect.faults.clear()
    (run,) = errands(scene, service)
    return run


async def page_of(scene: ModuleHarness, service: int) -> str:
    return (await scene.whmcs.client_page(service, scene.client)).html


async def test_a_client_reboots_and_the_page_follows_the_run(scene: ModuleHarness) -> None:
    service = await sold(scene)
    assert ">Reboot</button>" in await page_of(scene, service)
    assert await press(scene, service) == "success"
    (run,) = errands(scene, service)
    assert (run.parameters["command"], run.parameters["requested_by"]) == ("reboot", "client")
    assert run.parameters["identity"]["client_id"] == scene.client
    assert "under way" in await page_of(scene, service)
    run.becomes("COMPLETED", power="on")
    await scene.whmcs.client_page(service, scene.client, "refresh")
    page = await page_of(scene, service)
    assert "done" in page and "Power: on, seen" in page
    assert await scene.status(service) == "Active"


async def test_a_press_that_is_repeated_is_the_same_request(scene: ModuleHarness) -> None:
    service = await sold(scene)
    assert [await press(scene, service) for _ in range(3)] == ["success"] * 3
    assert len(errands(scene, service)) == 1
    assert "Something else is under way" in await press(scene, service, "on")
    errands(scene, service)[0].becomes("COMPLETED", power="on")
    await scene.whmcs.custom(service, "sync")
    assert await press(scene, service) == "success"
    assert len(errands(scene, service)) == 2


@pytest.mark.parametrize(("command", "times"), [("reboot", 1), ("off", 1), ("on", 2), ("look", 2)])
async def test_a_form_that_the_browser_sends_again_takes_no_power_away_twice(
    scene: ModuleHarness, command: str, times: int
) -> None:
    service = await sold(scene)
    form = {"command": command, "sure": "1", **hidden_fields(await page_of(scene, service), "power")}
    said = []
    for _ in range(2):
        said.append((await scene.whmcs.client_page(service, scene.client, "power", form)).message)
        errands(scene, service)[-1].becomes("COMPLETED", power="on")
        await scene.whmcs.custom(service, "sync")
    assert len(errands(scene, service)) == times
    assert said[0] == "success" and ("Nothing was started" in said[1]) == (times == 1)
    assert await press(scene, service, command, sure="1") == "success"


async def test_a_sign_in_meanwhile_makes_no_form_old(scene: ModuleHarness) -> None:
    service = await sold(scene, settings_with(power="on", sign_in="on"))
    form = {"command": "reboot", **hidden_fields(await page_of(scene, service), "power")}
    await single_sign_on(scene.whmcs, service, scene.client)
    scene.prefect.of(service)[-1].becomes("FAILED", "StepRefused: no")
    await scene.whmcs.custom(service, "sync")
    assert (await scene.whmcs.client_page(service, scene.client, "power", form)).message == "success"


async def test_a_lost_answer_is_asked_for_again_by_the_same_key(scene: ModuleHarness) -> None:
    service = await sold(scene)
    run = await lost_press(scene, service)
    asked = run.asked
    await scene.whmcs.custom(service, "sync")
    assert errands(scene, service) == [run]
    assert run.asked == asked + 1
    assert [(row["state"], row["flow_run_id"]) for row in await rows(scene, service)] == [("running", run.id)]


async def test_an_answer_that_takes_too_long_on_a_kept_connection_leaves_the_errand_open(scene: ModuleHarness) -> None:
    service = await sold(scene)
    scene.prefect.then("slow")
    assert await press(scene, service) == STILL_OPEN
    assert ("GET", "/deployments/name/power/whmcs") in scene.prefect.requests, "its connection is kept for the press"
    assert [row["state"] for row in await rows(scene, service)] == ["requested"]


async def test_a_send_that_is_refused_does_not_end_what_prefect_may_have(scene: ModuleHarness) -> None:
    service = await sold(scene)
    run = await lost_press(scene, service)
    scene.prefect.then("401")
    assert "Prefect refuses us" in await scene.whmcs.custom(service, "sync")
    scene.prefect.then("401")
    assert await press(scene, service) == STILL_OPEN
    assert [row["state"] for row in await rows(scene, service)] == ["requested"]
    run.becomes("COMPLETED", power="on")
    assert await scene.whmcs.custom(service, "sync") == "success"
    assert [row["state"] for row in await rows(scene, service)] == ["done"]


async def test_of_two_presses_at_once_the_refused_one_does_not_end_the_other(scene: ModuleHarness) -> None:
    service = await sold(scene)
    scene.prefect.then("slow", "401")
    said = await asyncio.gather(press(scene, service), press(scene, service))
    assert set(said) <= {"success", STILL_OPEN}
    assert [row["state"] for row in await rows(scene, service)] in (["requested"], ["running"])
    assert await scene.whmcs.custom(service, "sync") == "success"
    assert [row["state"] for row in await rows(scene, service)] == ["running"]
    assert len(errands(scene, service)) == 1


async def test_a_send_does_not_end_an_errand_that_runs_by_then(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await lost_press(scene, service)
    await scene.whmcs.sql(
        "UPDATE mod_dcimanager6_errand SET state = 'running', maybe_sent = 0 WHERE service_id = ?", service
    )
    scene.prefect.then("401")
    await scene.whmcs.custom(service, "sync")
    assert [row["state"] for row in await rows(scene, service)] == ["running"]


@pytest.mark.parametrize("is_run", [True, False], ids=["Prefect has it", "Prefect never got it"])
async def test_what_may_have_arrived_is_sent_once_more_before_it_is_too_old(scene: ModuleHarness, is_run: bool) -> None:
    service = await sold(scene)
    run = await lost_press(scene, service)
    if not is_run:
        scene.prefect.runs.remove(run)
    scene.prefect.ends["power"] = ("COMPLETED", "", {"power": "on"})
    await scene.whmcs.sql("UPDATE mod_dcimanager6_errand SET created_at = '2020-01-31 00:00:00'")
    await scene.whmcs.custom(service, "sync")
    (sent,) = errands(scene, service)
    assert sent.body == run.body, "the flow refuses what is late by the time that stands in it"
    assert [(row["state"], row["flow_run_id"]) for row in await rows(scene, service)] == [("done", sent.id)]


async def test_what_cannot_have_arrived_is_not_sent_when_it_is_too_old(scene: ModuleHarness) -> None:
    service = await sold(scene)
    scene.prefect.runs.remove(await lost_press(scene, service))
    await scene.whmcs.sql("UPDATE mod_dcimanager6_errand SET created_at = '2020-01-31 00:00:00', maybe_sent = 0")
    await scene.whmcs.custom(service, "sync")
    (row,) = await rows(scene, service)
    assert (row["state"], row["open_for"], "nothing was done" in row["message"]) == ("failed", None, True)
    assert errands(scene, service) == []


async def test_an_older_modules_open_errand_counts_as_sent(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await lost_press(scene, service)
    await scene.whmcs.sql("ALTER TABLE mod_dcimanager6_errand DROP COLUMN maybe_sent")
    await scene.whmcs.sql("UPDATE mod_dcimanager6_setting SET value = '6' WHERE name = 'schema'")
    scene.prefect.then("401")
    await scene.whmcs.custom(service, "sync")
    assert [row["state"] for row in await rows(scene, service)] == ["requested"]


async def test_off_wants_a_second_word_of_the_client_and_of_staff(scene: ModuleHarness) -> None:
    service = await sold(scene)
    assert "Tick the box" in await press(scene, service, "off")
    assert errands(scene, service) == []
    assert await press(scene, service, "off", sure="1") == "success"
    errands(scene, service)[0].becomes("COMPLETED", power="off")
    await scene.whmcs.custom(service, "sync")
    assert "again within 2 minutes" in await scene.whmcs.press(service, "Power off")
    assert await scene.whmcs.press(service, "Power off") == "success"
    assert [run.parameters["requested_by"] for run in errands(scene, service)] == ["client", "admin"]


async def test_a_product_that_does_not_offer_it_shows_and_takes_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert "Reboot</button>" not in await page_of(scene, service)
    assert "not offered" in await press(scene, service)
    assert errands(scene, service) == []
    assert await scene.whmcs.press(service, "Reboot") == "success"  # staff always may


async def test_another_clients_service_is_not_theirs_to_press(scene: ModuleHarness) -> None:
    service = await sold(scene)
    stranger = await scene.whmcs.add_client("eve@example.com")
    page = await scene.whmcs.client_page(service, stranger, "power", {"command": "off", "sure": "1"})
    assert page.message == "Access denied"
    assert errands(scene, service) == []


async def test_a_forged_form_does_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene)
    for forged in ({"command": "wipe"}, {"command": ""}, {}, {"command": "off", "sure": "yes"}):
        page = await scene.whmcs.client_page(service, scene.client, "power", forged)
        assert page.message != "success"
    answer = await scene.whmcs.control(
        "clientArea", service=service, client=scene.client, function="power",
        form={"command": "reboot", "token": "forged"},
    )  # fmt: skip
    assert answer == {"html": "Invalid CSRF Protection Token"}
    assert errands(scene, service) == []


async def test_an_unverified_client_is_refused(scene: ModuleHarness) -> None:
    settings = [*CLIENTS_MAY]
    settings[6] = "on"
    await scene.whmcs.edit("tblclients", scene.client, email_verified=1)
    service = await sold(scene, settings)
    await scene.whmcs.edit("tblclients", scene.client, email_verified=0)
    assert "not verified" in await press(scene, service)
    assert errands(scene, service) == []


@pytest.mark.parametrize("status", ["Pending", "Suspended", "Terminated", "Cancelled", "Fraud"])
async def test_a_service_that_is_not_in_use_is_refused_to_its_client(scene: ModuleHarness, status: str) -> None:
    service = await sold(scene)
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    assert "cannot be done for it now" in await press(scene, service)
    assert errands(scene, service) == []


async def test_a_client_reads_no_word_of_the_hosts_systems(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service)
    errands(scene, service)[0].becomes("FAILED", "StepRefused: panel.internal.example is neither proved nor trusted.")
    await scene.whmcs.client_page(service, scene.client, "refresh")
    page = await page_of(scene, service)
    assert "not done: our staff can see why" in page and "panel.internal" not in page
    assert "panel.internal" in (await scene.whmcs.admin_page(service)).fields["Last errand"]


async def test_a_client_reads_that_it_was_too_often(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service)
    errands(scene, service)[0].becomes(
        "FAILED", "Flow run encountered an exception: StepRefused: Too often: it was asked for a moment ago. Try again."
    )
    await scene.whmcs.client_page(service, scene.client, "refresh")
    assert "not done: it was asked for a moment ago" in await page_of(scene, service)


async def test_prefect_that_is_away_is_one_line_and_nothing_is_done_later(scene: ModuleHarness) -> None:
    service = await sold(scene)
    scene.prefect.then("401")
    assert await press(scene, service) == NOT_NOW
    await scene.whmcs.custom(service, "sync")
    assert errands(scene, service) == []
    assert [(row["state"], row["open_for"]) for row in await rows(scene, service)] == [("failed", None)]


async def test_an_address_that_is_missing_opens_no_errand_and_only_staff_read_of_it(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await scene.whmcs.configure(ADDON, api_url="", auth=AUTH, ui_url="")
    assert await press(scene, service) == NOT_NOW
    assert "API address is not set" in await scene.whmcs.press(service, "Reboot")
    assert await rows(scene, service) == []
    assert any("API address is not set" in line.description for line in await scene.activities())


@pytest.mark.parametrize(
    ("broken", "staff_read"),
    [
        ("UPDATE mod_dcimanager6_panel SET name = 'Rack 7 of Acme' WHERE name = 'main'", "has no good name"),
        ("DROP TABLE mod_dcimanager6_panel", "Something unforeseen went wrong"),
    ],
)
async def test_a_client_reads_nothing_of_what_is_broken_here(
    scene: ModuleHarness, broken: str, staff_read: str
) -> None:
    service = await sold(scene)
    await scene.whmcs.sql(broken)
    assert await press(scene, service) == NOT_NOW
    assert staff_read in await scene.whmcs.press(service, "Reboot")
    assert any(staff_read in line.description for line in await scene.activities())
    assert errands(scene, service) == []


async def test_unlink_gives_up_an_errand_whose_run_is_stuck(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service)
    assert "Its power is given up" in await scene.whmcs.press(service, "Unlink")
    assert [row["state"] for row in await rows(scene, service)] == ["running"]
    assert await scene.whmcs.press(service, "Unlink") == "success"
    (row,) = await rows(scene, service)
    assert (row["state"], row["open_for"], row["message"]) == ("failed", None, "Given up by staff.")


async def test_the_api_credential_presses_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene)
    for function in ("power", "powerOn", "powerOff", "reboot", "lookAtPower"):
        assert await scene.whmcs.custom(service, function) != "success"
    assert errands(scene, service) == []
