"""The SSH key of a reinstallation's form: what is offered, sent and refused, and that no log has it."""

from pathlib import Path

import pytest

from simulator.whmcs_php.browser import press_form
from tests.whmcs_module.stories import ModuleHarness, hurried, settings_with
from tests.whmcs_module.test_reinstall import CLIENTS_MAY, DEBIAN, HOST, asked, page_of, sold, staff_form

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIABso50sMzgQAwpCcrzfY175qIUmbPNvHr1sMxKZhoj"
WITH_KEYS = settings_with(reinstall="on", reinstall_os=CLIENTS_MAY[13], ssh_key="on")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def press(scene: ModuleHarness, service: int, key: str) -> str:
    form = {"os_template": DEBIAN, "hostname_typed": HOST, "ssh_key": key}
    return (await press_form(scene.whmcs, service, scene.client, "reinstall", form)).message


async def test_a_clients_key_is_sent_without_its_comment(scene: ModuleHarness) -> None:
    service = await sold(scene, WITH_KEYS)
    assert 'name="ssh_key"' in await page_of(scene, service)
    assert await press(scene, service, f"  {KEY} anna's@laptop\r\n") == "success"
    (run,) = asked(scene, service)
    assert run.parameters["ssh_key"] == KEY


async def test_without_a_key_the_parameter_is_left_out(scene: ModuleHarness) -> None:
    service = await sold(scene, WITH_KEYS)
    assert await press(scene, service, " \r\n") == "success"
    (run,) = asked(scene, service)
    assert "ssh_key" not in run.parameters


@pytest.mark.parametrize("key", ["laptop", f"{KEY}\r\n{KEY}", KEY[:-1], "-----BEGIN OPENSSH PRIVATE KEY-----"])
async def test_what_is_no_key_starts_nothing(scene: ModuleHarness, key: str) -> None:
    service = await sold(scene, WITH_KEYS)
    assert "That is no SSH public key" in await press(scene, service, key)
    assert asked(scene, service) == []


async def test_a_product_that_does_not_offer_it_shows_no_field_and_takes_no_key(scene: ModuleHarness) -> None:
    service = await sold(scene)
    assert 'name="ssh_key"' not in await page_of(scene, service)
    assert "SSH key is not offered" in await press(scene, service, KEY)
    assert "dcimanager6_reinstall_ssh_key" not in (await scene.whmcs.admin_page(service)).fields["Install the OS anew"]
    assert asked(scene, service) == []


async def test_staff_give_a_key_on_the_services_page(scene: ModuleHarness) -> None:
    service = await sold(scene, WITH_KEYS)
    assert "dcimanager6_reinstall_ssh_key" in (await scene.whmcs.admin_page(service)).fields["Install the OS anew"]
    form = {**await staff_form(scene, service), "dcimanager6_reinstall_ssh_key": KEY}
    await scene.whmcs.save_service(service, **form)
    (run,) = asked(scene, service)
    assert (run.parameters["requested_by"], run.parameters["ssh_key"]) == ("admin", KEY)


async def test_the_module_log_has_no_key(scene: ModuleHarness) -> None:
    service = await sold(scene, WITH_KEYS)
    assert await press(scene, service, KEY) == "success"
    rows = (await scene.whmcs.state()).module_log
    logged = " ".join(row.model_dump_json() for row in rows if row.action == "reinstall")
    assert "hostname_typed" in logged and "AAAAC3NzaC1lZDI1NTE5" not in logged
