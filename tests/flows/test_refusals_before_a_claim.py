from typing import Any

import pytest
from pydantic import SecretStr

from dcimanager.panel import Panel
from dcimanager.transport import Access
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.lifecycle import State
from simulator.profile import XEON
from tasks import connections
from tasks.blocks import DcimanagerPanel
from tests.flows.play import activated, one_line, only_fit, promised, take_panel_down
from tests.stage import PANEL, Stage


async def claims_nothing(stage: Stage, **order: Any) -> str:
    """The line that an activation ends with which must not change anything on the panel."""
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order(**order)))
    assert (await stage.service(service_id)).state is State.NEW
    assert await promised(stage) == {}
    assert stage.panel.writes() == []
    return line


async def test_near_misses_are_counted_by_reason(stage: Stage) -> None:
    by_hand = stage.panel.by_hand
    by_hand.set_owner(1, "somebody@example.com")
    by_hand.start_operation(2)
    by_hand.start_operation(3)
    by_hand.end_operation(3, "failed")
    by_hand.protect(4)
    stage.panel.server(5).in_maintenance = True
    stage.panel.server(6).is_new = True
    line = await claims_nothing(stage)
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


async def test_servers_elsewhere_and_promised_ones_are_near_misses_too(stage: Stage) -> None:
    riga = stage.panel.server(1).location_id
    for _ in range(3):
        await activated(stage, location_id=riga)
    for server_id in (1, 2, 3):
        stage.panel.by_hand.set_owner(server_id, None)
    line = await one_line(stage.run(activate, stage.buy(), order=stage.order(location_id=riga)))
    assert f"in location {riga}" in line
    assert "3 in another location" in line
    assert "3 promised to another service" in line


async def test_a_server_that_could_never_be_identified_for_its_wipe_is_not_given_to_anybody(stage: Stage) -> None:
    server = only_fit(stage, 1)
    server.serial, server.macs, server.barcode = "", [], ""
    for port in server.ports:
        port.mac = ""
    line = await one_line(stage.run(activate, stage.buy(), order=stage.order()))
    assert "1 without serial number, MAC address or barcode" in line
    assert await promised(stage) == {}


@pytest.mark.parametrize("status", ["Cancelled", "Terminated", "Fraud"])
async def test_a_service_that_nobody_wants_gets_no_server(stage: Stage, status: str) -> None:
    service_id = stage.buy()
    stage.billed(service_id).status = status
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert f"is {status} in WHMCS: nothing was done for it" in line
    assert stage.panel.writes() == []
    assert await promised(stage) == {}


async def test_a_server_whose_last_operation_was_canceled_is_fit(stage: Stage) -> None:
    server = only_fit(stage, 1)
    stage.panel.by_hand.start_operation(server.id)
    stage.panel.by_hand.end_operation(server.id, "canceled")
    assert (await activated(stage))[1] is server


async def test_once_a_server_is_free_the_re_run_takes_it_with_the_order_of_the_first(stage: Stage) -> None:
    only_fit(stage, 1)
    stage.panel.by_hand.protect(1)
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order(ipv4_count=2)))
    stage.panel.by_hand.protect(1, on=False)
    await stage.run(activate, service_id)
    assert len((await stage.server(service_id)).addresses) == 2


async def test_an_unknown_configuration_is_told_with_the_nearest_names(stage: Stage) -> None:
    line = await claims_nothing(stage, configuration="E-2146G-64Gb-2x480SSD")
    assert "the panel has no server of it at all" in line
    assert f"Nearest names: {XEON}" in line
    assert "Server configuration type" in line


async def test_a_configuration_that_is_like_no_other_has_no_nearest_name(stage: Stage) -> None:
    line = await claims_nothing(stage, configuration="zzz")
    assert "Nearest" not in line


async def test_a_configuration_with_a_quote_never_gets_into_a_filter(stage: Stage) -> None:
    line = await claims_nothing(stage, configuration="x' OR id GT 0 OR name EQ 'x")
    assert "Correct the product's settings" in line


async def test_an_unknown_os_template_is_told_with_the_nearest_names(stage: Stage) -> None:
    line = await claims_nothing(stage, os_template="Debian-12")
    assert "no OS template 'Debian-12'" in line
    assert "Nearest: Debian-12-x86_64" in line
    assert "Operation system" in line


async def test_an_unknown_ip_pool_is_told_with_the_nearest_names(stage: Stage) -> None:
    line = await claims_nothing(stage, ip_pool="public")
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
    stage: Stage, order: dict[str, Any], said: str
) -> None:
    line = await claims_nothing(stage, **order)
    assert said in line
    assert stage.panel.requests == []


async def test_every_fault_of_an_order_is_named_at_once(stage: Stage) -> None:
    line = await claims_nothing(stage, configuration="", ipv4_count=0, os_install_timeout_minutes=0)
    for said in ("Server configuration type", "IP addresses", "timeout"):
        assert said in line


async def test_a_mended_order_goes_through(stage: Stage) -> None:
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order(ipv4_count=0)))
    await stage.run(activate, service_id, order=stage.order())
    assert (await stage.service(service_id)).state is State.ACTIVE


async def test_wrong_panel_credentials_are_told_and_mended_ones_are_used_by_the_next_run(stage: Stage) -> None:
    here = stage.connect()
    panel = here.panels[PANEL]
    wrong = Access(
        name=PANEL, url="https://panel.example", username="admin@panel.example", password=SecretStr("mistyped-canary")
    )
    here.panels[PANEL] = Panel(wrong, http=stage.simulation.transport(), sleep=stage.clock.sleep)
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert "does not let us in" in line
    assert "correct its user name and password" in line
    assert "mistyped-canary" not in line
    # A worker lives long: the credentials of the block are read afresh by whoever comes next.
    assert PANEL not in connections.connections().panels
    here.panels[PANEL] = panel
    await stage.run(activate, service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE


async def test_a_panel_that_cannot_be_reached_is_told_and_the_re_run_goes_through(stage: Stage) -> None:
    take_panel_down(stage)
    line = await claims_nothing(stage)
    assert "did not answer" in line
    stage.faults.clear()
    await activated(stage)


async def test_a_panel_that_sleeps_for_longer_than_a_minute_is_told(stage: Stage) -> None:
    stage.faults.unavailable(1000)
    line = await claims_nothing(stage)
    assert "asleep" in line


async def test_a_panel_that_nobody_has_added_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def absent(name: str) -> None:
        raise ValueError(f"Unable to find block document named {name}")

    monkeypatch.setattr(DcimanagerPanel, "aload", absent)
    service_id = stage.buy()
    line = await one_line(activate.fn(service_id=service_id, panel="mian", order=stage.order()))
    assert "no block dcimanager-panel/mian" in line
    assert "dciflow panel add mian" in line
    await stage.run(activate, service_id)
    assert (await stage.service(service_id)).panel == PANEL


async def test_a_service_on_another_panel_is_not_touched(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    before = len(stage.panel.requests)
    for flow in (suspend, terminate):
        line = await one_line(flow.fn(service_id=service_id, panel="other"))
        assert f"Service {service_id} has its server on panel main, not on other. Nothing was touched." == line
    line = await one_line(activate.fn(service_id=service_id, panel="other", order=stage.order()))
    assert "on panel main, not on other" in line
    assert len(stage.panel.requests) == before


async def test_parameters_of_a_wrong_type_end_in_one_line_and_are_not_repeated_in_it(stage: Stage) -> None:
    wrong: Any = {"service_id": "seven", "panel": PANEL, "order": {"client_id": 7, "password": "hunter2"}}
    line = await one_line(activate.fn(**wrong))
    assert line.startswith("The parameters are wrong (service_id: ")
    assert "order.ip_pool: Field required" in line
    assert "hunter2" not in line
    assert stage.panel.requests == []


@pytest.mark.parametrize("flow", [suspend, unsuspend, terminate, activate], ids=lambda flow: flow.name)
async def test_a_service_that_the_ledger_does_not_know_is_not_touched(stage: Stage, flow: Any) -> None:
    line = await one_line(stage.run(flow, stage.buy()))
    assert "The ledger does not know service" in line
    assert "nothing was touched" in line
    assert stage.panel.requests == []


async def test_a_service_that_never_got_a_server_is_neither_suspended_nor_reactivated(stage: Stage) -> None:
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order(ipv4_count=0)))
    for flow in (suspend, unsuspend):
        line = await one_line(stage.run(flow, service_id))
        assert f"Service {service_id} is NEW: {flow.name} is for services that are" in line
        assert "Nothing was touched" in line
    await stage.run(terminate, service_id)
    assert (await stage.service(service_id)).state is State.NEW
    assert stage.panel.requests == []


async def test_a_service_whose_os_is_still_installing_is_not_suspended(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    before = len(stage.panel.requests)
    line = await one_line(stage.run(suspend, service_id))
    assert f"Service {service_id} is INSTALLING: suspend is for services that are ACTIVE" in line
    assert len(stage.panel.requests) == before


async def test_a_suspended_service_is_not_activated_anew(stage: Stage) -> None:
    service_id, server = await activated(stage)
    await stage.run(suspend, service_id)
    line = await one_line(stage.run(activate, service_id))
    assert f"Service {service_id} is SUSPENDED" in line
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_deleted_service_is_not_suspended(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    await stage.run(terminate, service_id)
    line = await one_line(stage.run(suspend, service_id))
    assert f"Service {service_id} is RELEASED" in line
