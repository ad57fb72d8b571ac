"""A service that was not activated here: staff may look at it, and its page knows it once that run has told."""

from pathlib import Path

import pytest

from tests.whmcs_module.stories import ModuleHarness, hurried
from tests.whmcs_module.test_reinstall import CLIENTS_MAY, HOST, asked, page_of, press, refreshed, staff_form

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def in_use(scene: ModuleHarness, status: str = "Active") -> int:
    """A service of ISPsystem's module: WHMCS has it in use, and this module never asked for anything."""
    scene.product = await scene.whmcs.add_product("Xeon", CLIENTS_MAY)
    service = await scene.buy(HOST)
    await scene.whmcs.edit("tblhosting", service, domainstatus=status, dedicatedip="192.0.2.10")
    return service


async def look(scene: ModuleHarness, service: int) -> str:
    return str(await scene.whmcs.press(service, "Look at the power"))


async def test_once_staff_have_looked_at_it_staff_and_its_client_may_reinstall_it(scene: ModuleHarness) -> None:
    service = await in_use(scene)
    assert "press Look at the power" in (await scene.whmcs.admin_page(service)).fields["State"]
    assert "has no server that is ready" in await press(scene, service)
    assert "Install anew</button>" not in await page_of(scene, service)
    assert await look(scene, service) == "success"
    (run,) = scene.prefect.of(service)
    run.becomes("COMPLETED", step="ready", server=5, power="on")
    assert "Install anew</button>" in await refreshed(scene, service)
    await scene.whmcs.save_service(service, **await staff_form(scene, service))
    (run,) = asked(scene, service)
    assert (run.parameters["requested_by"], run.parameters["hostname_typed"]) == ("admin", HOST)
    run.becomes("COMPLETED", step="ready", server=5, os=run.parameters["os_template"], state="ACTIVE")
    await refreshed(scene, service)
    assert await press(scene, service, "Ubuntu-24.04") == "success"


async def test_a_look_that_finds_none_leaves_the_page_without_a_server(scene: ModuleHarness) -> None:
    service = await in_use(scene)
    await look(scene, service)
    scene.prefect.of(service)[0].becomes("FAILED", "StepRefused: The ledger does not know service 7.")
    assert "Install anew</button>" not in await refreshed(scene, service)
    assert "has no server that is ready" in await press(scene, service)


@pytest.mark.parametrize("status", ["Pending", "Terminated", "Cancelled", "Fraud"])
async def test_one_that_is_not_in_use_is_refused_to_staff_too(scene: ModuleHarness, status: str) -> None:
    service = await in_use(scene, status)
    assert f"The service is {status}" in await look(scene, service)
    assert scene.prefect.of(service) == []


async def test_while_it_is_being_activated_here_staff_are_refused_as_before(scene: ModuleHarness) -> None:
    service = await in_use(scene, "Pending")
    await scene.whmcs.command(service, "CreateAccount")
    await scene.whmcs.edit("tblhosting", service, domainstatus="Active")
    assert "has no server that is ready" in await look(scene, service)
