"""The form that installs an OS anew: what has to be typed, what is offered, and what its client reads and is sent."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from simulator.whmcs_php.browser import hidden_fields, press_form
from tests.whmcs_module.fake_prefect import FakeRun
from tests.whmcs_module.stories import OVERLAY, SETTINGS, ModuleHarness, hurried, settings_with

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEBIAN = "Debian-12-x86_64"
HOST = "web1.example.com"
FIELD = "dcimanager6_drawn_after"
CLIENTS_MAY = settings_with(reinstall="on", reinstall_os=f"{DEBIAN}, Ubuntu-24.04\r\nAlma <9>")
"""A product's settings, with reinstallation for its clients."""


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def sold(scene: ModuleHarness, settings: list[str] = CLIENTS_MAY) -> int:
    """A service with its server, of a product with these settings."""
    return await scene.sold(settings)


async def press(scene: ModuleHarness, service: int, template: str = DEBIAN, typed: str = HOST) -> str:
    """The client's button; what WHMCS then says."""
    form = {"os_template": template, "hostname_typed": typed}
    return (await press_form(scene.whmcs, service, scene.client, "reinstall", form)).message


def asked(scene: ModuleHarness, service: int) -> list[Any]:
    return [run for run in scene.prefect.of(service) if run.flow == "reinstall"]


async def staff_form(scene: ModuleHarness, service: int, typed: str = HOST) -> dict[str, str]:
    """The admin's page of the service, with this typed in the row of the OS."""
    row = (await scene.whmcs.admin_page(service)).fields["Install the OS anew"]
    drawn = re.findall(f'<input type="hidden" name="({FIELD})" value="([^"]*)">', row)
    return {"dcimanager6_reinstall_os": DEBIAN, "dcimanager6_reinstall_typed": typed, **dict(drawn)}


async def page_of(scene: ModuleHarness, service: int) -> str:
    return (await scene.whmcs.client_page(service, scene.client)).html


async def refreshed(scene: ModuleHarness, service: int) -> str:
    await scene.whmcs.custom(service, "sync")
    return await page_of(scene, service)


async def earlier(scene: ModuleHarness, column: str, minutes: int) -> None:
    """The errands' times are so long ago."""
    await scene.whmcs.sql(
        f"UPDATE mod_dcimanager6_errand SET {column} = "  # noqa: S608 - a name of this file's
        f"DATE_FORMAT(DATE_SUB({column}, INTERVAL ? MINUTE), '%Y-%m-%d %H:%i:%s')",
        minutes,
    )


async def test_a_client_installs_anew_reads_how_far_it_is_and_gets_one_mail(scene: ModuleHarness) -> None:
    service = await sold(scene)
    page = await page_of(scene, service)
    assert "everything on the server is lost" in page and f"Type {HOST} to confirm" in page
    assert await press(scene, service, "Ubuntu-24.04") == "success"
    (run,) = asked(scene, service)
    assert (run.parameters["os_template"], run.parameters["hostname_typed"]) == ("Ubuntu-24.04", HOST)
    assert run.parameters["requested_by"] == "client"
    run.becomes("RUNNING", step="installing", os="Ubuntu-24.04")
    page = await refreshed(scene, service)
    assert "is being installed" in page and "Install anew</button>" not in page
    mails = await scene.mails(service)
    run.becomes("COMPLETED", step="ready", os="Ubuntu-24.04", state="ACTIVE")
    for _ in range(3):
        page = await refreshed(scene, service)
    assert "Ubuntu-24.04" in page and "done" in page and "is being installed" not in page
    assert await scene.mails(service) == mails + 1
    assert await scene.status(service) == "Active"


@pytest.mark.parametrize("typed", ["web2.example.com", "", " ", "web1", "web1.example.com.evil.example", "x" * 5000])
async def test_another_host_name_starts_nothing(scene: ModuleHarness, typed: str) -> None:
    service = await sold(scene)
    assert "is not that of this service" in await press(scene, service, typed=typed)
    assert asked(scene, service) == []


@pytest.mark.parametrize("template", ["Windows-Server-2022", "", "debian-12-x86_64", "Alma", f"{DEBIAN}, Ubuntu-24.04"])
async def test_a_template_that_the_product_does_not_list_starts_nothing(scene: ModuleHarness, template: str) -> None:
    service = await sold(scene)
    assert "Choose one" in await press(scene, service, template)
    assert asked(scene, service) == []


async def test_the_names_of_templates_are_escaped_and_chosen_as_they_are(scene: ModuleHarness) -> None:
    service = await sold(scene)
    assert "Alma &lt;9&gt;" in await page_of(scene, service)
    assert await press(scene, service, "Alma <9>") == "success"


async def test_without_a_list_the_products_template_and_the_ordered_one_are_offered(scene: ModuleHarness) -> None:
    service = await sold(scene, settings_with(reinstall="on"))
    assert "Choose one" in await press(scene, service, "Ubuntu-24.04")
    assert await press(scene, service, DEBIAN) == "success"


async def test_a_product_that_does_not_offer_it_shows_and_takes_nothing_of_clients(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert "Install anew" not in await page_of(scene, service)
    assert "not offered" in await press(scene, service)
    assert asked(scene, service) == []


async def test_a_failed_one_is_told_and_can_be_asked_for_again(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service)
    asked(scene, service)[0].becomes("FAILED", "InstallationFailed: panel.internal.example", step="installing")
    page = await refreshed(scene, service)
    assert "could not be installed. You can try again" in page and "panel.internal" not in page
    assert "Install anew</button>" in page
    assert await press(scene, service) == "success"
    assert len(asked(scene, service)) == 2


async def failed_midway(scene: ModuleHarness) -> tuple[int, Any]:
    """A service whose reinstallation failed after it had begun, as WHMCS knows it, and its run."""
    service = await sold(scene)
    await press(scene, service, "Ubuntu-24.04")
    (run,) = asked(scene, service)
    run.becomes("FAILED", "InstallationFailed: no answer", step="installing", state="INSTALLING")
    assert "could not be installed" in await refreshed(scene, service)
    return service, run


async def test_one_that_failed_and_whose_run_was_retried_is_under_way_and_ends_like_any_other(
    scene: ModuleHarness,
) -> None:
    service, run = await failed_midway(scene)
    mails = await scene.mails(service)
    run.becomes("RUNNING", step="installing")
    page = await refreshed(scene, service)
    assert "is being installed" in page and "Install anew</button>" not in page
    assert "Something else is under way" in await press(scene, service)
    run.becomes("COMPLETED", step="ready", os="Ubuntu-24.04", state="ACTIVE")
    for _ in range(3):
        page = await refreshed(scene, service)
    assert "could not be installed" not in page and "Ubuntu-24.04" in page and "not done" not in page
    assert await scene.mails(service) == mails + 1
    assert asked(scene, service) == [run]


async def test_a_retry_that_nobody_reports_is_seen_by_the_cron(scene: ModuleHarness) -> None:
    service, run = await failed_midway(scene)
    mails = await scene.mails(service)
    run.becomes("COMPLETED", step="ready", os="Ubuntu-24.04", state="ACTIVE")
    await scene.whmcs.cron()
    assert "could not be installed" in await page_of(scene, service)  # it was looked at a moment ago
    await earlier(scene, "updated_at", 5)
    await scene.whmcs.cron()
    assert "could not be installed" not in await page_of(scene, service)
    assert await scene.mails(service) == mails + 1


async def test_a_retry_that_hands_over_is_followed_to_the_run_that_goes_on(scene: ModuleHarness) -> None:
    service, run = await failed_midway(scene)
    mails = await scene.mails(service)
    later = FakeRun(str(uuid4()), run.flow, run.body)
    scene.prefect.runs.append(later)
    run.becomes("COMPLETED", next_run=later.id)
    later.becomes("RUNNING", step="installing")
    assert "is being installed" in await refreshed(scene, service)
    assert await scene.mails(service) == mails
    later.becomes("COMPLETED", step="ready", os="Ubuntu-24.04", state="ACTIVE")
    assert "could not be installed" not in await refreshed(scene, service)
    assert await scene.mails(service) == mails + 1


async def test_a_retry_that_fails_too_leaves_it_failed(scene: ModuleHarness) -> None:
    service, run = await failed_midway(scene)
    run.becomes("RUNNING", step="installing")
    await refreshed(scene, service)
    run.becomes("FAILED", "InstallationFailed: again", step="installing")
    page = await refreshed(scene, service)
    assert "could not be installed. You can try again" in page and "Install anew</button>" in page


async def test_a_retry_of_one_that_had_not_begun_is_taken_up_too(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service, "Ubuntu-24.04")
    (run,) = asked(scene, service)
    run.becomes("FAILED", "StepRefused: the panel does not answer")
    assert "not done" in await refreshed(scene, service)
    mails = await scene.mails(service)
    run.becomes("RUNNING", step="installing")
    assert "is being installed" in await refreshed(scene, service)
    run.becomes("COMPLETED", step="ready", os="Ubuntu-24.04", state="ACTIVE")
    assert "not done" not in await refreshed(scene, service)
    assert await scene.mails(service) == mails + 1


async def test_a_refusal_of_long_ago_is_not_read_again(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service)
    asked(scene, service)[0].becomes("FAILED", "StepRefused: the host name is another one")
    await refreshed(scene, service)
    await earlier(scene, "closed_at", 61)
    scene.prefect.requests.clear()
    await refreshed(scene, service)
    assert scene.prefect.requests == []


async def test_a_new_activation_of_a_service_is_no_reinstallation_of_before(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service)
    asked(scene, service)[0].becomes("COMPLETED", step="ready", os=DEBIAN, state="ACTIVE")
    await refreshed(scene, service)
    await earlier(scene, "created_at", 60)
    await scene.whmcs.command(service, "TerminateAccount")
    scene.prefect.of(service)[-1].becomes("COMPLETED", state="RELEASED")
    await scene.whmcs.custom(service, "sync")
    await scene.whmcs.edit("tblhosting", service, domainstatus="Pending")
    await scene.whmcs.command(service, "CreateAccount")
    scene.prefect.of(service)[-1].becomes("RUNNING", step="installing", server=8)
    page = await refreshed(scene, service)
    assert "operating system of your server" not in page
    await scene.whmcs.edit("tblhosting", service, domainstatus="Active")
    assert "Install anew</button>" not in await page_of(scene, service)
    assert "has no server that is ready" in await press(scene, service)


async def test_one_that_was_refused_before_it_began_leaves_the_page_as_it_was(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await press(scene, service)
    asked(scene, service)[0].becomes("FAILED", "StepRefused: the host name is another one")
    page = await refreshed(scene, service)
    assert "not done" in page and "could not be installed" not in page


async def test_a_press_that_is_repeated_is_the_same_request(scene: ModuleHarness) -> None:
    service = await sold(scene)
    assert [await press(scene, service) for _ in range(3)] == ["success"] * 3
    assert len(asked(scene, service)) == 1
    assert "Something else is under way" in await press(scene, service, "Ubuntu-24.04")


async def test_a_form_that_the_browser_sends_again_installs_nothing_anew(scene: ModuleHarness) -> None:
    service = await sold(scene)
    drawn = hidden_fields(await page_of(scene, service), "reinstall")
    form = {"os_template": DEBIAN, "hostname_typed": HOST, **drawn}
    for _ in range(2):  # while it is open, the same press is the same request
        assert (await scene.whmcs.client_page(service, scene.client, "reinstall", form)).message == "success"
    (run,) = asked(scene, service)
    run.becomes("COMPLETED", step="ready", os=DEBIAN, state="ACTIVE")
    await refreshed(scene, service)
    for sent in (form, {**form, FIELD: ""}, {**form, FIELD: "x"}, {**form, FIELD: "99999"}):
        page = await scene.whmcs.client_page(service, scene.client, "reinstall", sent)
        assert "Nothing was started" in page.message
    assert asked(scene, service) == [run]
    assert await press(scene, service) == "success"
    assert len(asked(scene, service)) == 2


async def test_a_page_of_staff_that_is_saved_again_by_a_reload_installs_nothing_anew(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    form = await staff_form(scene, service)
    await scene.whmcs.save_service(service, **form)
    (run,) = asked(scene, service)
    run.becomes("COMPLETED", step="ready", os=DEBIAN, state="ACTIVE")
    await refreshed(scene, service)
    await scene.whmcs.save_service(service, **form)
    await scene.whmcs.save_service(service, **{name: value for name, value in form.items() if name != FIELD})
    assert asked(scene, service) == [run]
    assert any("is not reinstalled: This page was drawn" in one.description for one in await scene.activities())
    await scene.whmcs.save_service(service, **await staff_form(scene, service))
    assert len(asked(scene, service)) == 2


async def test_another_clients_service_is_not_theirs_to_reinstall(scene: ModuleHarness) -> None:
    service = await sold(scene)
    stranger = await scene.whmcs.add_client("eve@example.com")
    form = {"os_template": DEBIAN, "hostname_typed": HOST}
    page = await scene.whmcs.client_page(service, stranger, "reinstall", form)
    assert page.message == "Access denied"
    answer = await scene.whmcs.control(
        "clientArea", service=service, client=scene.client, function="reinstall", form={**form, "token": "forged"}
    )
    assert answer == {"html": "Invalid CSRF Protection Token"}
    assert await scene.whmcs.custom(service, "reinstall") != "success"
    assert asked(scene, service) == []


@pytest.mark.parametrize("status", ["Pending", "Suspended", "Terminated", "Cancelled", "Fraud"])
async def test_a_service_that_is_not_in_use_is_refused(scene: ModuleHarness, status: str) -> None:
    service = await sold(scene)
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    assert "cannot be done for it now" in await press(scene, service)
    assert asked(scene, service) == []


async def test_staff_type_the_host_name_and_save_the_page(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert f"type its host name ({HOST})" in (await scene.whmcs.admin_page(service)).fields["Install the OS anew"]
    await scene.whmcs.save_service(service, **await staff_form(scene, service, ""))
    await scene.whmcs.save_service(service, **await staff_form(scene, service, "web2"))
    assert asked(scene, service) == []
    assert any("is not reinstalled: The host name" in one.description for one in await scene.activities())
    await scene.whmcs.save_service(service, **await staff_form(scene, service))
    (run,) = asked(scene, service)
    assert run.parameters["requested_by"] == "admin"


async def test_no_client_gets_a_tab_for_a_password_that_can_only_fail() -> None:
    module = (OVERLAY / "modules/servers/dcimanager6/dcimanager6.php").read_text(encoding="utf-8")
    assert "ChangePassword" not in module
