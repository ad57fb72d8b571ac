import pytest
from simulated_visit import Visit, Visiting

from simulator.profile import DEALLOCATION, PUBLIC, Failures, PoolPlan, Profile

OWNER = "u@example.com"


def template(panel: Visit, name: str = "Debian-12-x86_64", location: int = 1) -> int:
    return panel.simulation.panel.template(name, location).id


async def sold(panel: Visit, server: int = 3, email: str = OWNER) -> None:
    """Server 3 has an address from before, so that an OS can be installed on it."""
    user = panel.simulation.panel.users.find(email)
    await panel.post(f"server/{server}/owner", owner=user.id if user else await panel.new_user(email))


async def install(panel: Visit, server: int = 3) -> int:
    answer = await panel.post(
        f"server/{server}/install", os_template=template(panel), password="p", domain="h.example.com"
    )
    operation: int = answer["operation"]
    return operation


async def status(panel: Visit, server: int = 3) -> str:
    found: str = (await panel.get(f"server/{server}"))["operation"]["status"]
    return found


def kinds(panel: Visit) -> list[str]:
    return [incident.kind for incident in panel.simulation.panel.incidents]


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
    assert [step["status"] for step in steps] == ["finished", "finished", "in_progress", "queued"]

    panel.clock.advance(395)
    server = await panel.get("server/3")
    assert server["operation"]["status"] == "finished"
    assert {step["status"] for step in server["operation"]["progress_info"]} == {"finished"}
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
    for wanted in ("failed", "finished"):
        number = await install(panel)
        await panel.post(f"server/3/operation/{number}", status=wanted)
        assert await status(panel) == wanted


async def test_ending_what_is_over_changes_nothing(panel: Visit) -> None:
    await sold(panel)
    number = await install(panel)
    panel.clock.advance(900)
    await panel.post(f"server/3/operation/{number}", status="canceled")
    assert await status(panel) == "finished"


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
    assert await status(panel) == "finished"


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
    panel.simulation.panel.by_hand.protect(3)
    body = {"os_template": template(panel), "password": "p"}
    assert (await panel.refused("POST", "server/3/install", body))[0] == 4002
    assert (await panel.refused("POST", "server/3/diag", {"clear_disks": True}))[0] == 4002


async def test_diagnostics_clear_the_disks_only_when_they_finish(panel: Visit) -> None:
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    await panel.post("server/3/diag", clear_disks=True)
    disk = panel.simulation.panel.servers[3].disk
    panel.clock.advance(1199)
    assert await status(panel) == "in_progress"
    assert not disk.is_clear
    panel.clock.advance(1)
    assert await status(panel) == "finished"
    assert disk.is_clear
    steps = [step["name"] for step in (await panel.get("server/3"))["operation"]["progress_info"]]
    assert steps == ["prepare_template", "upload_template", "run_diagnostics", "complete"]


@pytest.mark.parametrize("body", [{}, {"clear_disks": False}])
async def test_diagnostics_without_the_option_leave_the_disks(panel: Visit, body: dict[str, bool]) -> None:
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    await panel.post("server/3/diag", **body)
    panel.clock.advance(1200)
    assert await status(panel) == "finished"
    assert panel.simulation.panel.servers[3].disk.content == "tenant u@example.com"


async def test_diagnostics_that_fail_leave_the_disks(panel: Visit) -> None:
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    panel.simulation.panel.fail_next("diagnostics", 3)
    await panel.post("server/3/diag", clear_disks=True)
    await panel.much_later(5000)
    assert await status(panel) == "failed"
    assert not panel.simulation.panel.servers[3].disk.is_clear


@pytest.mark.parametrize("killed_as", ["failed", "canceled"])
async def test_diagnostics_are_killed_after_an_hour(visiting: Visiting, killed_as: str) -> None:
    panel = await visiting(diagnostics_killed_as=killed_as)
    panel.simulation.panel.hang_next("diagnostics")
    await panel.post("server/3/diag", clear_disks=True)
    panel.clock.advance(3599)
    assert await status(panel) == "in_progress"
    panel.clock.advance(1)
    assert await status(panel) == killed_as


async def test_diagnostics_longer_than_an_hour_are_killed_too(visiting: Visiting) -> None:
    panel = await visiting(Profile(diagnostics_seconds=4000))
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    await panel.post("server/3/diag", clear_disks=True)
    await panel.much_later(3600)
    assert await status(panel) == "failed"
    panel.clock.advance(1000)
    assert not panel.simulation.panel.server(3).disk.is_clear


async def test_diagnostics_borrow_an_address_from_the_deallocation_pool(panel: Visit) -> None:
    pool = panel.simulation.panel.pool("deallocation")
    await panel.post("server/1/diag", clear_disks=True)
    assert [row["name"] for row in (await panel.get("server/1/ip"))["list"]] == ["10.99.0.2"]
    assert pool.used == 1
    panel.clock.advance(1200)
    assert (await panel.get("server/1/ip"))["list"] == []
    assert pool.used == 0


@pytest.mark.parametrize(
    "pools",
    [
        (PUBLIC,),
        (PUBLIC, DEALLOCATION.model_copy(update={"locations": ("Vilnius",)})),
        (PUBLIC, DEALLOCATION.model_copy(update={"size": 0})),
    ],
)
async def test_diagnostics_need_a_deallocation_pool_for_the_location(
    visiting: Visiting, pools: tuple[PoolPlan, ...]
) -> None:
    panel = await visiting(Profile(pools=pools))
    code, text = await panel.refused("POST", "server/3/diag", {"clear_disks": True})
    assert code == 4006
    assert "deallocation" in text


@pytest.mark.parametrize("body", [{"clear_disks": "yes"}, {"clear_disks": None}])
async def test_a_wish_to_clear_disks_must_be_a_truth_value(panel: Visit, body: dict[str, object]) -> None:
    assert (await panel.refused("POST", "server/3/diag", body))[0] == 3009


async def test_wiping_a_server_that_has_an_owner_is_an_incident(panel: Visit) -> None:
    await sold(panel)
    await panel.post("server/3/diag", clear_disks=True)
    panel.clock.advance(1200)
    assert await status(panel) == "finished"
    assert kinds(panel) == ["wiped_with_owner"]


async def test_an_owner_who_came_during_the_wipe_is_an_incident_too(panel: Visit) -> None:
    await panel.post("server/3/diag", clear_disks=True)
    panel.simulation.panel.by_hand.set_owner(3, OWNER)
    panel.clock.advance(1200)
    assert await status(panel) == "finished"
    assert kinds(panel) == ["wiped_with_owner"]


async def test_installing_without_an_owner_or_over_a_change_of_owner_is_an_incident(panel: Visit) -> None:
    await install(panel)
    panel.simulation.panel.by_hand.set_owner(3, OWNER)
    panel.clock.advance(900)
    assert await status(panel) == "finished"
    assert kinds(panel) == ["installed_without_owner", "installed_over_owner_change"]


async def test_handing_over_a_disk_with_anothers_data_is_an_incident(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.write_tenant_data(3, "photos")
    await panel.post("server/3/owner", owner=None)
    await sold(panel, email="next@example.com")
    assert kinds(panel) == ["handed_over_unwiped"]


async def test_giving_a_server_back_to_the_same_client_is_no_incident(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.write_tenant_data(3, "photos")
    await panel.post("server/3/owner", owner=None)
    await sold(panel)
    assert kinds(panel) == []


async def test_what_tenants_write_adds_up(panel: Visit) -> None:
    await sold(panel)
    panel.simulation.panel.write_tenant_data(3, "photos")
    panel.simulation.panel.write_tenant_data(3, "letters")
    assert panel.simulation.panel.servers[3].disk.content == "photos; letters"


@pytest.mark.parametrize(("share", "expected"), [(0.0, "finished"), (1.0, "failed")])
async def test_a_share_of_the_operations_may_fail(visiting: Visiting, share: float, expected: str) -> None:
    panel = await visiting(Profile(failures=Failures(install_share=share, diagnostics_share=share)))
    await sold(panel)
    await install(panel)
    await panel.post("server/4/diag")
    panel.clock.advance(1200)
    assert (await status(panel), await status(panel, 4)) == (expected, expected)
