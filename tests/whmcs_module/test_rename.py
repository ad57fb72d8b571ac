"""Another host name from WHMCS: the client's form where the product allows it, and staff's."""

from pathlib import Path
from typing import Any

import pytest

from tests.whmcs_module.stories import SETTINGS, ModuleHarness, hurried, settings_with

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS_MAY = settings_with(rename="on")
"""A product's settings, with the host name for its clients."""


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def sold(scene: ModuleHarness, settings: list[str] = CLIENTS_MAY) -> int:
    """A service with its server, of a product with these settings."""
    return await scene.sold(settings)


def renamed(scene: ModuleHarness, service: int) -> list[Any]:
    return [run for run in scene.prefect.of(service) if run.flow == "rename"]


async def rename(scene: ModuleHarness, service: int, hostname: str) -> str:
    return (await scene.whmcs.client_page(service, scene.client, "rename", {"hostname": hostname})).message


async def test_a_client_sets_the_host_name(scene: ModuleHarness) -> None:
    service = await sold(scene)
    assert "New host name" in (await scene.whmcs.client_page(service, scene.client)).html
    assert await rename(scene, service, " http://Web2.example.com/ ") == "success"
    (run,) = renamed(scene, service)
    assert (run.parameters["hostname"], run.parameters["requested_by"]) == ("web2.example.com", "client")
    assert await rename(scene, service, "web2.example.com") == "success", "the same press is the same request"
    assert len(renamed(scene, service)) == 1
    run.becomes("COMPLETED")
    await scene.whmcs.custom(service, "sync")
    assert "Set the host name" in (await scene.whmcs.client_page(service, scene.client)).html


async def test_a_product_that_does_not_offer_it_shows_and_takes_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert "New host name" not in (await scene.whmcs.client_page(service, scene.client)).html
    assert "not offered" in await rename(scene, service, "web2.example.com")
    assert renamed(scene, service) == []


@pytest.mark.parametrize("name", ["", " ", "{{ flow }}", "web_1.example.com", "192.0.2.7", "a" * 300, "a b.example"])
async def test_what_is_no_host_name_starts_nothing(scene: ModuleHarness, name: str) -> None:
    service = await sold(scene)
    assert await rename(scene, service, name) == "Write a host name, such as web1.example.com."
    assert renamed(scene, service) == []


async def test_another_clients_service_is_not_theirs(scene: ModuleHarness) -> None:
    service = await sold(scene)
    stranger = await scene.whmcs.add_client("eve@example.com")
    page = await scene.whmcs.client_page(service, stranger, "rename", {"hostname": "web2.example.com"})
    assert page.message == "Access denied"
    assert renamed(scene, service) == []


async def test_staff_set_it_on_the_page_of_the_service_and_a_client_cannot_forge_that(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    await scene.whmcs.save_service(service, "client", dciflow_hostname="web2.example.com")
    assert renamed(scene, service) == []
    await scene.whmcs.save_service(service, dciflow_hostname="web2.example.com")
    (run,) = renamed(scene, service)
    assert (run.parameters["hostname"], run.parameters["requested_by"]) == ("web2.example.com", "admin")
