"""The server that staff choose on a service's page: for its next activation, or to be linked to it."""

from pathlib import Path

import pytest

from tests.whmcs_module.stories import ModuleHarness, hurried
from tests.whmcs_module.test_who_presses import by_api

pytestmark = pytest.mark.asyncio(loop_scope="module")
LABEL = "Server for the next activation"


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def choose(scene: ModuleHarness, service: int, typed: str, shown: str | None = None) -> None:
    """Staff type this into the field of the page as it is now, or as it was when it showed something else."""
    if shown is None:
        shown = await chosen(scene, service)
    await scene.whmcs.save_service(service, dcimanager6_server=typed, dcimanager6_server_shown=shown)


async def chosen(scene: ModuleHarness, service: int) -> str:
    """What the page shows."""
    html = (await scene.whmcs.admin_page(service)).fields[LABEL]
    return html.split('name="dcimanager6_server" value="')[1].split('"')[0]


def ordered(scene: ModuleHarness, service: int) -> list[object]:
    """The servers that the service's activations asked for, in order."""
    runs = [run for run in scene.prefect.of(service) if run.flow == "activate"]
    return [run.parameters["order"].get("server_id") for run in runs]


async def test_the_next_activation_names_the_chosen_server_until_one_is_done(scene: ModuleHarness) -> None:
    service = await scene.buy()
    await choose(scene, service, " 17 ")
    await scene.whmcs.command(service, "CreateAccount")
    scene.prefect.only(service).becomes("FAILED", "Server 17 cannot be its.")
    await scene.whmcs.press(service, "Sync")
    assert await chosen(scene, service) == "17"
    await scene.whmcs.press(service, "Retry")
    assert ordered(scene, service) == [17, 17]
    scene.prefect.of(service)[-1].becomes("COMPLETED", step="ready", server=17, state="ACTIVE")
    await scene.whmcs.press(service, "Sync")
    assert await chosen(scene, service) == ""


async def test_a_choice_that_was_made_while_another_one_was_activated_is_kept(scene: ModuleHarness) -> None:
    service = await scene.buy()
    await choose(scene, service, "17")
    await scene.whmcs.command(service, "CreateAccount")
    await choose(scene, service, "18")
    scene.prefect.only(service).becomes("COMPLETED", step="ready", server=17, state="ACTIVE")
    await scene.whmcs.press(service, "Sync")
    assert await chosen(scene, service) == "18"


async def test_without_a_choice_the_order_is_as_it_was(scene: ModuleHarness) -> None:
    service = await scene.buy()
    await choose(scene, service, "17")
    await choose(scene, service, "")
    await scene.whmcs.command(service, "CreateAccount")
    assert "server_id" not in scene.prefect.only(service).parameters["order"]


@pytest.mark.parametrize("typed", ["0", "-1", "017x", "1e3", "1234567890", "<b>7</b>", "7; 8", "\u0667"])
async def test_what_is_no_number_is_not_chosen_and_said_in_the_activity_log(scene: ModuleHarness, typed: str) -> None:
    service = await scene.buy()
    await choose(scene, service, "17")
    await choose(scene, service, typed)
    assert await chosen(scene, service) == "17"
    said = [one.description for one in (await scene.whmcs.state()).activities]
    assert any(f"is no server id: nothing was chosen for service {service}." in line for line in said)
    assert not any("<" in line for line in said)


@pytest.mark.parametrize("by", ["client", "staff as client", "api", "automation"])
async def test_nobody_but_staff_in_the_admin_area_chooses(scene: ModuleHarness, by: str) -> None:
    service = await scene.buy()
    await scene.whmcs.switch("api_has_admin", "1")
    form = {"dcimanager6_server": "17", "dcimanager6_server_shown": ""}
    await scene.whmcs.save_service(service, by, **form)  # type: ignore[arg-type]
    assert await chosen(scene, service) == ""


async def test_a_page_of_before_does_not_undo_a_choice(scene: ModuleHarness) -> None:
    service = await scene.buy()
    await choose(scene, service, "17")
    await choose(scene, service, "", shown="")
    await scene.whmcs.save_service(service)  # a form without the field
    assert await chosen(scene, service) == "17"


async def test_a_choice_is_not_the_next_services_of_that_number(scene: ModuleHarness) -> None:
    service = await scene.buy()
    await choose(scene, service, "17")
    other = await scene.whmcs.add_client("boris@example.com", "Boris", "B")
    await scene.whmcs.edit("tblhosting", service, userid=other)
    assert await chosen(scene, service) == ""
    await scene.whmcs.command(service, "CreateAccount")
    assert ordered(scene, service) == [None]


async def linkable(scene: ModuleHarness, status: str = "Active") -> int:
    service = await scene.buy()
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    await choose(scene, service, "17")
    return service


@pytest.mark.parametrize(("status", "suspended"), [("Active", False), ("Suspended", True), ("Completed", False)])
async def test_the_first_press_looks_and_the_second_one_links(
    scene: ModuleHarness, status: str, suspended: bool
) -> None:
    service = await linkable(scene, status)
    said = await scene.whmcs.press(service, "Link server")
    assert "Nothing is recorded yet" in said and "/runs/flow-run/" in said
    assert await scene.whmcs.press(service, "Link server") == "success"
    looked, linked = (run.parameters for run in scene.prefect.runs if run.flow == "adopt")
    one = {"service_id": service, "client_id": scene.client, "server_id": 17, "suspended": suspended}
    assert looked == {"panel": "main", "services": [one], "apply": False, "who": "admin"}
    assert linked == {**looked, "apply": True}
    assert await chosen(scene, service) == ""
    assert "Write the server's id" in await scene.whmcs.press(service, "Link server")


async def applied(scene: ModuleHarness) -> list[bool]:
    return [run.parameters["apply"] for run in scene.prefect.runs if run.flow == "adopt"]


async def test_another_server_status_or_a_late_second_press_is_looked_at_first(scene: ModuleHarness) -> None:
    service = await linkable(scene)
    await scene.whmcs.press(service, "Link server")
    await choose(scene, service, "18")
    await scene.whmcs.press(service, "Link server")
    await scene.whmcs.edit("tblhosting", service, domainstatus="Suspended")
    await scene.whmcs.press(service, "Link server")
    await scene.whmcs.sql(
        "UPDATE mod_dcimanager6_setting SET value = ? WHERE name = ?",
        f"2020-01-01 00:00:00|18 main {scene.client} Suspended",
        f"link {service}",
    )
    await scene.whmcs.press(service, "Link server")
    assert await applied(scene) == [False] * 4


@pytest.mark.parametrize("status", ["Pending", "Terminated", "Cancelled", "Fraud"])
async def test_a_service_that_is_not_in_use_is_not_linked(scene: ModuleHarness, status: str) -> None:
    service = await linkable(scene, status)
    assert "only one in use has a server" in await scene.whmcs.press(service, "Link server")
    assert await applied(scene) == []


async def test_a_service_whose_request_is_open_is_not_linked(scene: ModuleHarness) -> None:
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    await scene.whmcs.edit("tblhosting", service, domainstatus="Active")
    await choose(scene, service, "17")
    assert "is open: wait for its end" in await scene.whmcs.press(service, "Link server")
    assert await applied(scene) == []


async def test_the_api_links_nothing(scene: ModuleHarness) -> None:
    service = await linkable(scene)
    await scene.whmcs.switch("api_has_admin", "1")
    for _ in range(2):
        assert "Only staff may do this" in await by_api(scene, service, "link")
    assert await applied(scene) == []
