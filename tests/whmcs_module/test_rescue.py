"""The rescue system from WHMCS: the client's form where the product allows it, staff's buttons, and the mail."""

from pathlib import Path
from typing import Any

import pytest

from simulator.whmcs_php.browser import hidden_fields, press_form
from tests.whmcs_module.stories import SERVICE_PASSWORD, SETTINGS, ModuleHarness, hurried, settings_with

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS_MAY = settings_with(rescue="on")
"""A product's settings, with the rescue system for its clients."""


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def sold(scene: ModuleHarness, settings: list[str] = CLIENTS_MAY) -> int:
    """A service with its server, of a product with these settings."""
    return await scene.sold(settings)


async def press(scene: ModuleHarness, service: int, command: str = "start", **form: str) -> str:
    """The client's button; what WHMCS then says."""
    form = {"command": command, "sure": "1", **form}
    return (await press_form(scene.whmcs, service, scene.client, "rescue", form)).message


def asked(scene: ModuleHarness, service: int) -> list[Any]:
    return [run for run in scene.prefect.of(service) if run.flow == "rescue"]


async def page_of(scene: ModuleHarness, service: int) -> str:
    return (await scene.whmcs.client_page(service, scene.client)).html


async def test_a_client_boots_it_gets_the_mail_with_the_password_once_and_leaves_it(scene: ModuleHarness) -> None:
    service = await sold(scene)
    mails = await scene.mails(service)
    assert await press(scene, service) == "success"
    (run,) = asked(scene, service)
    assert (run.parameters["command"], run.parameters["requested_by"]) == ("start", "client")
    assert await press(scene, service) == "success", "the same press is the same request"
    assert len(asked(scene, service)) == 1
    run.becomes("COMPLETED", power="on")
    for _ in range(3):
        await scene.whmcs.custom(service, "sync")
    assert await scene.mails(service) == mails + 1
    assert "Boot the rescue system</th>" in await page_of(scene, service)
    assert await press(scene, service, "leave") == "success"
    asked(scene, service)[-1].becomes("COMPLETED", power="on")
    await scene.whmcs.custom(service, "sync")
    assert [one.parameters["command"] for one in asked(scene, service)] == ["start", "leave"]
    assert await scene.mails(service) == mails + 1, "whoever leaves needs no password"
    assert SERVICE_PASSWORD not in scene.prefect.everything_sent


async def test_one_that_fails_sends_no_mail_and_tells_clients_nothing_of_the_panel(scene: ModuleHarness) -> None:
    service = await sold(scene)
    mails = await scene.mails(service)
    await press(scene, service)
    asked(scene, service)[0].becomes("FAILED", "StepRefused: panel.internal.example is busy")
    await scene.whmcs.custom(service, "sync")
    assert await scene.mails(service) == mails
    page = await page_of(scene, service)
    assert "not done: our staff can see why" in page and "panel.internal" not in page


async def test_a_product_that_does_not_offer_it_shows_and_takes_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert "rescue system" not in await page_of(scene, service)
    page = await scene.whmcs.client_page(service, scene.client, "rescue", {"command": "start", "sure": "1"})
    assert "not offered" in page.message
    assert asked(scene, service) == []


@pytest.mark.parametrize("form", [{"command": ""}, {"command": "install"}, {"command": "{{ flow }}"}, {"sure": ""}])
async def test_a_forged_form_or_one_without_the_tick_does_nothing(scene: ModuleHarness, form: dict[str, str]) -> None:
    service = await sold(scene)
    assert await press(scene, service, **form) != "success"
    assert asked(scene, service) == []


async def test_a_page_that_is_sent_again_reboots_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene)
    form = {"command": "start", "sure": "1", **hidden_fields(await page_of(scene, service), "rescue")}
    await scene.whmcs.client_page(service, scene.client, "rescue", form)
    asked(scene, service)[0].becomes("COMPLETED")
    await scene.whmcs.custom(service, "sync")
    again = await scene.whmcs.client_page(service, scene.client, "rescue", form)
    assert "was sent twice" in again.message
    assert len(asked(scene, service)) == 1


async def test_another_clients_service_is_not_theirs(scene: ModuleHarness) -> None:
    service = await sold(scene)
    stranger = await scene.whmcs.add_client("eve@example.com")
    page = await scene.whmcs.client_page(service, stranger, "rescue", {"command": "start", "sure": "1"})
    assert page.message == "Access denied"
    assert asked(scene, service) == []


async def test_a_suspended_service_is_for_staff_only(scene: ModuleHarness) -> None:
    service = await sold(scene)
    form = {"command": "start", "sure": "1", **hidden_fields(await page_of(scene, service), "rescue")}
    await scene.whmcs.sql("UPDATE tblhosting SET domainstatus = 'Suspended' WHERE id = ?", service)
    assert 'value="rescue"' not in await page_of(scene, service)
    page = await scene.whmcs.client_page(service, scene.client, "rescue", form)
    assert page.message != "success" and asked(scene, service) == []
    assert await scene.whmcs.press(service, "Boot the rescue system") == "success"
    (run,) = asked(scene, service)
    assert (run.parameters["requested_by"], run.parameters["command"]) == ("admin", "start")
    run.becomes("COMPLETED")
    await scene.whmcs.custom(service, "sync")
    assert await scene.whmcs.press(service, "Leave rescue") == "success"
