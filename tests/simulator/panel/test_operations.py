"""Installations on the simulated panel: their life, how they fail, and what is refused."""

import pytest

from simulator.panel.profile import Failures, Profile
from tests.simulator.panel.operations import OWNER, install, kinds, sold, status, template
from tests.simulator.visit import Visit, Visiting


async def test_an_installation_goes_through_its_life(panel: Visit) -> None:
    await sold(panel)
    number = await install(panel)
    disk = panel.simulation.panel.servers[3].disk
    operation = await panel.get(f"server/3/operation/{number}")
    assert (operation["id"], operation["type"], operation["status"]) == (number, "os_install", "queued")
    assert disk.is_clear

    panel.clock.advance(5)
    assert await status(panel) == "in_progress"
    assert disk.content == "half-installed Debian-12-x86_64"

    panel.clock.advance(500)
    steps = (await panel.get("server/3"))["operation"]["progress_info"]
    assert [step["status"] for step in steps] == ["ok", "ok", "in_progress", "queued"]

    panel.clock.advance(395)
    server = await panel.get("server/3")
    assert server["operation"]["status"] == "ok"
    assert {step["status"] for step in server["operation"]["progress_info"]} == {"ok"}
    assert server["os_template"]["name"] == "Debian-12-x86_64"
    assert (server["domain"], server["power_status"]) == ("h.example.com", "on")
    assert disk.content == f"os Debian-12-x86_64 for {OWNER}"
    assert kinds(panel) == []


async def test_a_busy_server_refuses_a_second_operation(panel: Visit) -> None:
    await sold(panel)
    await install(panel)
    body = {"os_template": template(panel), "password": "p"}
    assert (await panel.refused("POST", "server/3/install", body))[0] == 4001
    assert (await panel.refused("POST", "server/3/diag", {"clear_disks": True}))[0] == 4001


async def test_an_ended_installation_stops_where_it_is_and_can_be_repeated(panel: Visit) -> None:
    await sold(panel)
    number = await install(panel)
    panel.clock.advance(400)
    await panel.post(f"server/3/operation/{number}", status="canceled")
    await panel.much_later(10_000)
    server = await panel.get("server/3")
    assert (server["operation"]["status"], server["os_template"]) == ("canceled", None)
    assert panel.simulation.panel.servers[3].disk.content.startswith("half-installed")
    assert await install(panel) != number


async def test_an_operation_can_be_declared_failed_or_finished(panel: Visit) -> None:
    await sold(panel)
    for wanted in ("failed", "ok"):
        number = await install(panel)
        await panel.post(f"server/3/operation/{number}", status=wanted)
        assert await status(panel) == wanted


async def test_ending_what_is_over_changes_nothing(panel: Visit) -> None:
    await sold(panel)
    number = await install(panel)
    panel.clock.advance(900)
    await panel.post(f"server/3/operation/{number}", status="canceled")
    assert await status(panel) == "ok"


async def test_an_unknown_status_of_an_operation_is_refused(panel: Visit) -> None:
    await sold(panel)
    number = await install(panel)
    assert (await panel.refused("POST", f"server/3/operation/{number}", {"status": "blue"}))[0] == 3009
    assert (await panel.refused("POST", f"server/3/operation/{number}", {}))[0] == 3009


@pytest.mark.parametrize("path", ["server/3/operation/1", "server/4/operation/903", "server/3/operation/x"])
async def test_an_operation_that_is_not_this_servers_is_3080(panel: Visit, path: str) -> None:
    assert (await panel.refused("GET", path, None, 404))[0] == 3080


@pytest.mark.parametrize(("after", "early", "late"), [(None, 440, 10), (60.0, 59, 1)])
async def test_a_scripted_installation_fails_when_told(
    panel: Visit, after: float | None, early: float, late: float
) -> None:
    await sold(panel)
    panel.simulation.panel.fail_next("os_install", after=after)
    await install(panel)
    panel.clock.advance(early)
    assert await status(panel) == "in_progress"
    panel.clock.advance(late)
    assert await status(panel) == "failed"
    assert (await panel.get("server/3"))["operation"]["status_info"]["message"]
    await panel.much_later(10_000)
    assert panel.simulation.panel.servers[3].disk.content.startswith("half-installed")


async def test_a_script_is_for_one_operation_of_its_kind_and_server(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.fail_next("diagnostics")
    panel.simulation.panel.fail_next("os_install", server_id=4)
    await install(panel)
    panel.clock.advance(900)
    assert await status(panel) == "ok"


async def test_a_hanging_installation_never_ends_by_itself(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.hang_next("os_install")
    await install(panel)
    await panel.much_later(100_000)
    assert await status(panel) == "in_progress"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"os_template": 999}, 404, 3080),
        ({"os_template": "12"}, 400, 3009),
        ({"password": ""}, 400, 3009),
        ({"password": None}, 400, 3009),
        ({"password": 5}, 400, 3009),
        ({"recipe": 1}, 400, 3008),
    ],
)
async def test_a_bad_installation_is_refused(panel: Visit, change: dict[str, object], status: int, code: int) -> None:
    await sold(panel)
    body = {"os_template": template(panel), "password": "p", **change}
    assert (await panel.refused("POST", "server/3/install", body, status))[0] == code
    assert panel.simulation.panel.servers[3].running_operation is None


async def test_an_installation_needs_a_password(panel: Visit) -> None:
    await sold(panel)
    assert (await panel.refused("POST", "server/3/install", {"os_template": template(panel)}))[0] == 3009


async def test_a_template_of_another_location_is_refused(panel: Visit) -> None:
    await sold(panel)
    body = {"os_template": template(panel, location=2), "password": "p"}
    assert (await panel.refused("POST", "server/3/install", body))[0] == 4007


async def test_a_template_without_efi_does_not_fit_an_efi_server(panel: Visit) -> None:
    await sold(panel, 9)
    body = {"os_template": template(panel, "CentOS-7-x86_64"), "password": "p"}
    assert (await panel.refused("POST", "server/9/install", body))[0] == 4007


async def test_the_diagnostics_template_is_not_an_operating_system(panel: Visit) -> None:
    await sold(panel)
    body = {"os_template": template(panel, "Diag6"), "password": "p"}
    assert (await panel.refused("POST", "server/3/install", body))[0] == 4007


async def test_an_administrator_may_install_a_template_for_administrators(panel: Visit) -> None:
    await sold(panel)
    await panel.post("server/3/install", os_template=template(panel, "Windows-Server-2022"), password="p")


async def test_a_server_without_an_address_is_not_installed(panel: Visit) -> None:
    await sold(panel, 1)
    body = {"os_template": template(panel), "password": "p"}
    assert (await panel.refused("POST", "server/1/install", body))[0] == 4008


async def test_some_panels_install_without_an_address(visiting: Visiting) -> None:
    panel = await visiting(install_needs_address=False)
    await sold(panel, 1)
    await install(panel, 1)


async def test_a_server_that_cannot_be_powered_on_is_refused(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.servers[3].bmc = None
    body = {"os_template": template(panel), "password": "p"}
    assert (await panel.refused("POST", "server/3/install", body))[0] == 4003


async def test_a_protected_server_is_neither_installed_nor_diagnosed(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.admin.protect(3)
    body = {"os_template": template(panel), "password": "p"}
    assert (await panel.refused("POST", "server/3/install", body))[0] == 4002
    assert (await panel.refused("POST", "server/3/diag", {"clear_disks": True}))[0] == 4002


@pytest.mark.parametrize(("share", "expected"), [(0.0, "ok"), (1.0, "failed")])
async def test_a_share_of_the_operations_may_fail(visiting: Visiting, share: float, expected: str) -> None:
    panel = await visiting(Profile(failures=Failures(install_share=share, diagnostics_share=share)))
    await sold(panel)
    await install(panel)
    await panel.post("server/4/diag")
    panel.clock.advance(1200)
    assert (await status(panel), await status(panel, 4)) == (expected, expected)
