"""Reverse names from WHMCS: the client's form where the product allows it, and staff's."""

from pathlib import Path
from typing import Any

import pytest

from tests.whmcs_module.stories import SETTINGS, ModuleHarness, hurried, settings_with

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS_MAY = settings_with(ptr="on")
"""A product's settings, with reverse names for its clients."""
FORM = {"address": "192.0.2.10", "name": "Web1.example.com"}


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def sold(scene: ModuleHarness, settings: list[str] = CLIENTS_MAY) -> int:
    """A service with its server, of a product with these settings."""
    scene.product = await scene.whmcs.add_product("Xeon", settings)
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount")
    run = scene.prefect.of(service)[-1]
    await scene.write_back(service)
    run.becomes("COMPLETED", step="ready", server=7, state="ACTIVE", addresses="192.0.2.10 192.0.2.11")
    await scene.whmcs.custom(service, "sync")
    return service


def names(scene: ModuleHarness, service: int) -> list[Any]:
    return [run for run in scene.prefect.of(service) if run.flow == "set-ptr"]


async def set_name(scene: ModuleHarness, service: int, **form: str) -> str:
    page = await scene.whmcs.client_page(service, scene.client, "setPtr", {**FORM, **form})
    return page.message


async def test_a_client_sets_the_name_of_an_address(scene: ModuleHarness) -> None:
    service = await sold(scene)
    page = (await scene.whmcs.client_page(service, scene.client)).html
    assert "<option>192.0.2.11</option>" in page
    assert await set_name(scene, service) == "success"
    (run,) = names(scene, service)
    parameters = run.parameters
    assert (parameters["address"], parameters["name"], parameters["requested_by"]) == (
        "192.0.2.10", "web1.example.com", "client",
    )  # fmt: skip
    assert await set_name(scene, service) == "success", "the same press is the same request"
    assert len(names(scene, service)) == 1


async def test_a_product_that_does_not_offer_it_shows_and_takes_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert "Reverse name" not in (await scene.whmcs.client_page(service, scene.client)).html
    assert "not offered" in await set_name(scene, service)
    assert names(scene, service) == []


@pytest.mark.parametrize(
    "form",
    [
        {"address": ""}, {"address": "all"}, {"address": "::1"}, {"address": "192.0.2.10/24"},
        {"name": "{{ flow }}"}, {"name": "web_1.example.com"}, {"name": "192.0.2.7"}, {"name": "a" * 300},
    ],
)  # fmt: skip
async def test_a_forged_form_does_nothing(scene: ModuleHarness, form: dict[str, str]) -> None:
    service = await sold(scene)
    assert await set_name(scene, service, **form) != "success"
    assert names(scene, service) == []


async def test_another_clients_service_is_not_theirs(scene: ModuleHarness) -> None:
    service = await sold(scene)
    stranger = await scene.whmcs.add_client("eve@example.com")
    assert (await scene.whmcs.client_page(service, stranger, "setPtr", FORM)).message == "Access denied"
    assert names(scene, service) == []


async def test_staff_set_it_on_the_page_of_the_service_and_a_client_cannot_forge_that(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    await scene.whmcs.save_service(
        service, "client", dciflow_ptr_address="192.0.2.11", dciflow_ptr_name="web2.example.com"
    )
    assert names(scene, service) == []
    await scene.whmcs.save_service(service, dciflow_ptr_address="192.0.2.11", dciflow_ptr_name="web2.example.com")
    (run,) = names(scene, service)
    assert (run.parameters["name"], run.parameters["requested_by"]) == ("web2.example.com", "admin")
