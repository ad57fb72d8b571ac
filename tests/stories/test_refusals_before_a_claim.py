from typing import Any

import pytest
from pydantic import SecretStr

from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from runtime import connections
from runtime.blocks import DcimanagerPanel
from simulator.panel.profile import XEON
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, one_line, only_fit, promised, take_panel_down


async def claims_nothing(harness: Harness, **order: Any) -> str:
    """The line that an activation ends with which must not change anything on the panel."""
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order(**order)))
    assert (await harness.service(service_id)).state is State.NEW
    assert await promised(harness) == {}
    assert harness.panel.writes() == []
    return line


async def test_near_misses_are_counted_by_reason(harness: Harness) -> None:
    by_hand = harness.panel.admin
    by_hand.set_owner(1, "somebody@example.com")
    by_hand.start_operation(2)
    by_hand.start_operation(3)
    by_hand.end_operation(3, "failed")
    by_hand.protect(4)
    harness.panel.server(5).in_maintenance = True
    harness.panel.server(6).is_new = True
    line = await claims_nothing(harness)
    assert line.startswith(f"No free server of configuration {XEON} on panel main. Of 6 servers: ")
    for miss in (
        "1 with an owner",
        "1 with an operation that runs",
        "1 whose last operation failed",
        "1 protected",
        "1 in maintenance",
        "1 not yet accepted (new)",
    ):
        assert miss in line
    assert line.endswith("Free one, or add stock, and press Retry.")


async def test_servers_elsewhere_and_promised_ones_are_near_misses_too(harness: Harness) -> None:
    riga = harness.panel.server(1).location_id
    for _ in range(3):
        await activated(harness, location_id=riga)
    for server_id in (1, 2, 3):
        harness.panel.admin.set_owner(server_id, None)
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order(location_id=riga)))
    assert f"in location {riga}" in line
    assert "3 in another location" in line
    assert "3 promised to another service" in line


async def test_a_server_that_could_never_be_identified_for_its_wipe_is_not_given_to_anybody(harness: Harness) -> None:
    server = only_fit(harness, 1)
    server.serial, server.macs, server.barcode = "", [], ""
    for port in server.ports:
        port.mac = ""
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "1 without serial number, MAC address or barcode" in line
    assert await promised(harness) == {}


@pytest.mark.parametrize("status", ["Cancelled", "Terminated", "Fraud"])
async def test_a_service_that_nobody_wants_gets_no_server(harness: Harness, status: str) -> None:
    service_id = harness.buy()
    harness.billed(service_id).status = status
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert f"is {status} in WHMCS: nothing was done for it" in line
    assert harness.panel.writes() == []
    assert await promised(harness) == {}


async def test_a_server_whose_last_operation_was_canceled_is_fit(harness: Harness) -> None:
    server = only_fit(harness, 1)
    harness.panel.admin.start_operation(server.id)
    harness.panel.admin.end_operation(server.id, "canceled")
    assert (await activated(harness))[1] is server


async def test_once_a_server_is_free_the_re_run_takes_it_with_the_order_of_the_first(harness: Harness) -> None:
    only_fit(harness, 1)
    harness.panel.admin.protect(1)
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order(ipv4_count=2)))
    harness.panel.admin.protect(1, on=False)
    await harness.run(activate, service_id)
    assert len((await harness.server(service_id)).addresses) == 2


async def test_an_unknown_configuration_is_told_with_the_nearest_names(harness: Harness) -> None:
    line = await claims_nothing(harness, configuration="E-2146G-64Gb-2x480SSD")
    assert "the panel has no server of it at all" in line
    assert f"Nearest names: {XEON}" in line
    assert "Server configuration type" in line


async def test_a_configuration_that_is_like_no_other_has_no_nearest_name(harness: Harness) -> None:
    line = await claims_nothing(harness, configuration="zzz")
    assert "Nearest" not in line


async def test_a_configuration_with_a_quote_never_gets_into_a_filter(harness: Harness) -> None:
    line = await claims_nothing(harness, configuration="x' OR id GT 0 OR name EQ 'x")
    assert "Correct the product's settings" in line


async def test_an_unknown_os_template_is_told_with_the_nearest_names(harness: Harness) -> None:
    line = await claims_nothing(harness, os_template="Debian-12")
    assert "no OS template 'Debian-12'" in line
    assert "Nearest: Debian-12-x86_64" in line
    assert "Operation system" in line


async def test_an_unknown_ip_pool_is_told_with_the_nearest_names(harness: Harness) -> None:
    line = await claims_nothing(harness, ip_pool="public")
    assert "no IP pool 'public'" in line
    assert "Nearest: public-v4" in line
    assert "IP address group" in line


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"configuration": ""}, "Server configuration type"),
        ({"configuration": "  "}, "Server configuration type"),
        ({"os_template": ""}, "Operation system"),
        ({"ip_pool": ""}, "IP address group"),
        ({"os_install_timeout_minutes": 0}, "timeout is 0 minutes"),
        ({"os_install_timeout_minutes": -5}, "timeout is -5 minutes"),
        ({"ipv4_count": 0}, "asks for 0 IP addresses"),
        ({"ipv4_count": -1}, "asks for -1 IP addresses"),
        ({"hostname": "web 1; reboot"}, "not a valid host name"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_before_the_panel_is_asked(
    harness: Harness, order: dict[str, Any], said: str
) -> None:
    line = await claims_nothing(harness, **order)
    assert said in line
    assert harness.panel.requests == []


async def test_every_fault_of_an_order_is_named_at_once(harness: Harness) -> None:
    line = await claims_nothing(harness, configuration="", ipv4_count=0, os_install_timeout_minutes=0)
    for said in ("Server configuration type", "IP addresses", "timeout"):
        assert said in line


async def test_a_mended_order_goes_through(harness: Harness) -> None:
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order(ipv4_count=0)))
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_wrong_panel_credentials_are_told_and_mended_ones_are_used_by_the_next_run(harness: Harness) -> None:
    here = harness.connect()
    panel = here.panels[PANEL]
    wrong = PanelAccess(
        name=PANEL, url="https://panel.example", username="admin@panel.example", password=SecretStr("mistyped-canary")
    )
    here.panels[PANEL] = Panel(wrong, http=harness.simulation.transport(), sleep=harness.clock.sleep)
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "does not let us in" in line
    assert "correct its user name and password" in line
    assert "mistyped-canary" not in line
    # A worker lives long: the credentials of the block are read afresh by whoever comes next.
    assert PANEL not in connections.connections().panels
    here.panels[PANEL] = panel
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_panel_that_cannot_be_reached_is_told_and_the_re_run_goes_through(harness: Harness) -> None:
    take_panel_down(harness)
    line = await claims_nothing(harness)
    assert "did not answer" in line
    harness.faults.clear()
    await activated(harness)


async def test_a_panel_that_sleeps_for_longer_than_a_minute_is_told(harness: Harness) -> None:
    harness.faults.unavailable(1000)
    line = await claims_nothing(harness)
    assert "asleep" in line


async def test_a_panel_that_nobody_has_added_is_told(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    async def absent(name: str) -> None:
        raise ValueError(f"Unable to find block document named {name}")

    monkeypatch.setattr(DcimanagerPanel, "aload", absent)
    service_id = harness.buy()
    line = await one_line(activate.fn(service_id=service_id, panel="mian", order=harness.order()))
    assert "no block dcimanager-panel/mian" in line
    assert "dciflow panel add mian" in line
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).panel == PANEL


async def test_a_service_on_another_panel_is_not_touched(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    before = len(harness.panel.requests)
    for flow in (suspend, terminate):
        line = await one_line(flow.fn(service_id=service_id, panel="other"))
        said = f"Service {service_id} has its server on panel main, not on other. Nothing was touched."
        assert line.startswith(said)
        assert line.endswith("dciflow panel rename main other")
    line = await one_line(activate.fn(service_id=service_id, panel="other", order=harness.order()))
    assert "on panel main, not on other" in line
    assert len(harness.panel.requests) == before


async def test_parameters_of_a_wrong_type_end_in_one_line_and_are_not_repeated_in_it(harness: Harness) -> None:
    wrong: Any = {"service_id": "seven", "panel": PANEL, "order": {"client_id": 7, "password": "hunter2"}}
    line = await one_line(activate.fn(**wrong))
    assert line.startswith("The parameters are wrong (service_id: ")
    assert "order.ip_pool: Field required" in line
    assert "hunter2" not in line
    assert harness.panel.requests == []


@pytest.mark.parametrize("flow", [suspend, unsuspend, terminate, activate], ids=lambda flow: flow.name)
async def test_a_service_that_the_ledger_does_not_know_is_not_touched(harness: Harness, flow: Any) -> None:
    line = await one_line(harness.run(flow, harness.buy()))
    assert "The ledger does not know service" in line
    assert "nothing was touched" in line
    assert harness.panel.requests == []


async def test_a_service_that_never_got_a_server_is_neither_suspended_nor_reactivated(harness: Harness) -> None:
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order(ipv4_count=0)))
    for flow in (suspend, unsuspend):
        line = await one_line(harness.run(flow, service_id))
        assert f"Service {service_id} is NEW: {flow.name} is for services that are" in line
        assert "Nothing was touched" in line
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.NEW
    assert harness.panel.requests == []


async def test_a_service_whose_os_is_still_installing_is_not_suspended(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    before = len(harness.panel.requests)
    line = await one_line(harness.run(suspend, service_id))
    assert f"Service {service_id} is INSTALLING: suspend is for services that are ACTIVE" in line
    assert len(harness.panel.requests) == before


async def test_a_suspended_service_is_not_activated_anew(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    line = await one_line(harness.run(activate, service_id))
    assert f"Service {service_id} is SUSPENDED" in line
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_deleted_service_is_not_suspended(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await harness.run(terminate, service_id)
    line = await one_line(harness.run(suspend, service_id))
    assert f"Service {service_id} is RELEASED" in line
