from typing import Any

import pytest

from simulator.panel.profile import Profile
from tests.simulator.visit import Visit, Visiting

ORDER = {
    "email": "u@example.com",
    "firstname": "U",
    "lastname": "Ser",
    "product": "Xeon",
    "settings": {"configuration": "E-2146G-64Gb-2x960SSD", "os_template": "Debian-12-x86_64", "ip_pool": "public-v4"},
    "hostname": "h.example.com",
}


async def state(panel: Visit) -> Any:
    return (await panel.http.get("/control/state")).json()


async def test_the_page_shows_every_server_in_its_rack(visiting: Visiting) -> None:
    panel = await visiting(login=False)
    page = await panel.http.get("/racks")
    assert page.headers["content-type"].startswith("text/html")
    for number in range(1, 13):
        assert f"srv-{number:03}" in page.text
    for rack in ("RIG-01", "RIG-02", "VIL-01", "VIL-02"):
        assert rack in page.text
    assert "<b>12</b> servers" in page.text


async def test_the_page_loads_nothing_from_elsewhere(panel: Visit) -> None:
    page = (await panel.http.get("/racks")).text
    assert "http://" not in page
    assert "https://" not in page
    assert 'fetch("racks/fragment"' in page
    assert 'name="viewport"' in page


async def test_the_fragment_shows_owner_disk_ports_and_a_running_operation(panel: Visit) -> None:
    panel.simulation.panel.admin.set_owner(3, "u@example.com")
    panel.simulation.panel.admin.start_operation(3, "os_install", template="Debian-12-x86_64")
    panel.clock.advance(400)
    text = (await panel.http.get("/racks/fragment")).text
    assert "<html" not in text
    assert "u@example.com" in text
    assert "os install: upload template" in text
    assert 'value="25"' in text
    assert "tenant data" in text
    assert "ports down" in text
    assert "disk clean" in text


async def test_an_operation_that_failed_is_shown(panel: Visit) -> None:
    panel.simulation.panel.fail_next("diagnostics", 1)
    panel.simulation.panel.admin.start_operation(1)
    panel.clock.advance(1200)
    assert "diagnostics failed" in (await panel.http.get("/racks/fragment")).text


async def test_hostile_names_are_shown_and_not_obeyed(panel: Visit) -> None:
    evil = "<script>alert('1')</script>"
    server = panel.simulation.panel.servers[1]
    server.name = server.configuration = server.rack = evil
    panel.simulation.panel.admin.set_owner(1, "<img/src=x>@example.com")
    panel.simulation.panel.write_tenant_data(1, '" onmouseover="alert(2)')
    for path in ("/racks", "/racks/fragment"):
        text = (await panel.http.get(path)).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert 'onmouseover="alert' not in text
        assert "&lt;script&gt;alert" in text


async def test_incidents_are_on_the_page(panel: Visit) -> None:
    server = panel.simulation.panel.servers[1]
    panel.simulation.panel.ports.switch(server, server.ports[2], up=False)
    assert "1 incident: bmc_port_cut on server 1" in (await panel.http.get("/racks/fragment")).text


async def test_a_large_data_centre_shows_its_first_racks(visiting: Visiting) -> None:
    panel = await visiting(Profile.large(2_000))
    text = (await panel.http.get("/racks/fragment")).text
    assert text.count('<section class="rack">') == 40
    assert "and 12 more racks" in text


async def test_the_state_tells_servers_services_and_no_password(panel: Visit) -> None:
    ordered = (await panel.http.post("/control/order", json=ORDER)).json()
    again = (await panel.http.post("/control/order", json=ORDER)).json()
    assert again == {"client_id": ordered["client_id"], "service_id": ordered["service_id"] + 1}
    panel.simulation.panel.admin.set_owner(3, "u@example.com")
    found = await state(panel)
    assert found["services"][0]["status"] == "Pending"
    row = found["servers"][2]
    assert (row["owner"], row["disk_clear"], row["os"], row["ports_up"]) == ("u@example.com", True, None, True)
    assert panel.simulation.whmcs.services[ordered["service_id"]].password not in str(found)


async def test_the_same_product_is_offered_once(panel: Visit) -> None:
    await panel.http.post("/control/order", json=ORDER)
    await panel.http.post("/control/order", json={**ORDER, "email": "v@example.com"})
    assert (len(panel.simulation.whmcs.products), len(panel.simulation.whmcs.clients)) == (1, 2)


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({"action": "set_owner", "server": 1, "email": "x@example.com"}, "owner", "x@example.com"),
        ({"action": "set_owner", "server": 1, "email": None}, "owner", None),
        ({"action": "switch_port", "server": 1, "to": "down"}, "ports_up", False),
        ({"action": "power", "server": 1, "to": "unknown"}, "power", "unknown"),
        ({"action": "protect", "server": 1}, "protected", True),
        ({"action": "write_tenant_data", "server": 1, "text": "photos"}, "disk", "photos"),
    ],
)
async def test_an_administrator_acts_through_the_control_interface(
    panel: Visit, body: dict[str, object], field: str, value: object
) -> None:
    answer = await panel.http.post("/control/by-hand", json=body)
    assert answer.json() == {"done": body["action"], "server": 1}
    assert (await state(panel))["servers"][0][field] == value


async def test_operations_are_started_and_ended_through_the_control_interface(panel: Visit) -> None:
    await panel.http.post("/control/by-hand", json={"action": "start_operation", "server": 1, "clear_disks": True})
    assert (await state(panel))["servers"][0]["operation"]["running"]
    await panel.http.post("/control/by-hand", json={"action": "end_operation", "server": 1, "status": "failed"})
    assert (await state(panel))["servers"][0]["operation"]["status"] == "failed"


async def test_the_record_of_calls_tells_which_write_and_begins_where_it_is_asked_to(panel: Visit) -> None:
    await panel.get("server")
    user = await panel.new_user()
    calls = (await panel.http.get("/control/calls")).json()
    assert [(call["endpoint"], call["writes"]) for call in calls[-2:]] == [
        ("server_list", False),
        ("user_create", True),
    ]
    assert "their-own-password" not in str(calls)
    await panel.post("server/1/owner", owner=user)
    since = (await panel.http.get("/control/calls", params={"since": calls[-1]["wall"]})).json()
    assert [call["endpoint"] for call in since] == ["user_create", "owner_set"]
    assert (await panel.http.get("/control/calls", params={"since": since[-1]["wall"] + 1})).json() == []


async def test_servers_are_swapped_and_removed_through_the_control_interface(panel: Visit) -> None:
    await panel.http.post("/control/by-hand", json={"action": "swap_hardware", "server": 1})
    assert panel.simulation.panel.servers[1].serial.startswith("SWAPPED")
    await panel.http.post("/control/by-hand", json={"action": "remove_server", "server": 1})
    assert len((await state(panel))["servers"]) == 11


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("by-hand", {"action": "protect", "server": 99}, 404),
        ("by-hand", {"action": "explode", "server": 1}, 422),
        ("by-hand", {"action": "protect", "server": 1, "why": "x"}, 422),
        ("by-hand", {"action": "power", "server": 1, "to": "sideways"}, 422),
        ("fail-next", {"type": "coffee"}, 422),
        ("order", {**ORDER, "hostname": None}, 422),
    ],
)
async def test_senseless_commands_are_refused(panel: Visit, path: str, body: dict[str, object], status: int) -> None:
    assert (await panel.http.post(f"/control/{path}", json=body)).status_code == status


async def test_an_action_that_the_panel_refuses_is_refused(panel: Visit) -> None:
    body = {"action": "start_operation", "server": 1}
    await panel.http.post("/control/by-hand", json=body)
    answer = await panel.http.post("/control/by-hand", json=body)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Another operation is running on the server"})


@pytest.mark.parametrize(("path", "ends"), [("fail-next", "failed"), ("hang-next", "in_progress")])
async def test_the_next_operation_fails_or_hangs_on_demand(panel: Visit, path: str, ends: str) -> None:
    body = {"type": "diagnostics", "server": 1}
    assert (await panel.http.post(f"/control/{path}", json=body)).status_code == 200
    panel.simulation.panel.admin.start_operation(1)
    panel.clock.advance(3000)
    assert (await state(panel))["servers"][0]["operation"]["status"] == ends


async def test_the_simulated_whmcs_answers_in_the_same_application(panel: Visit) -> None:
    await panel.http.post("/control/order", json=ORDER)
    form = {"action": "GetClientsDetails", "identifier": "simulated-identifier", "secret": "simulated-secret"}
    form |= {"clientid": "1", "responsetype": "json"}
    answer = await panel.http.post("/whmcs/includes/api.php", data=form)
    assert answer.json()["email"] == "u@example.com"
