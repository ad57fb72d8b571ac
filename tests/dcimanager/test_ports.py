import pytest

from dcimanager.errors import PanelRefused
from dcimanager.ports import Connection

PORT = {
    "id": 77,
    "switch": 18,
    "switch_name": "sw-18",
    "connection_id": 401,
    "description": "GigabitEthernet1/0/7",
    "admin_status": "up",
    "oper_status": "up",
    "is_ipmi_connection": False,
}


def port(**changes) -> Connection:
    return Connection.model_validate({**PORT, **changes})


def test_a_documented_connection_is_read_whole():
    read = port(mac="02:00:00:00:00:0A")
    assert (read.id, read.switch_id, read.switch_name, read.description) == (77, 18, "sw-18", "GigabitEthernet1/0/7")
    assert (read.admin_up, read.is_bmc, read.mac) == (True, False, "02:00:00:00:00:0A")
    assert read.title == "sw-18, GigabitEthernet1/0/7"
    assert Connection.model_validate(read.model_dump()) == read


def test_a_nameless_connection_has_a_title_too():
    assert port(switch_name=None, description="").title == "switch 18, port 77"


def test_a_switch_may_come_as_an_object():
    read = port(switch={"id": 19, "name": "sw-19"}, switch_name="sw-19")
    assert (read.switch_id, read.switch_name) == (19, "sw-19")


@pytest.mark.parametrize(
    ("status", "up"),
    [("up", True), ("ON", True), ("Enabled", True), ("down", False), ("OFF", False), ("testing", None), (None, None)],
)
def test_a_port_is_up_or_down_by_its_word_and_neither_by_one_that_is_not_in_the_table(status, up):
    read = port(admin_status=status)
    assert (read.admin_up, read.admin_status) == (up, status)


@pytest.mark.parametrize(("told", "bmc"), [(True, True), (False, False), ("false", False), (None, True)])
def test_a_connection_that_may_be_the_bmcs_counts_as_such(told, bmc):
    assert port(is_ipmi_connection=told).is_bmc is bmc


async def test_a_port_is_switched_on(wire, panel):
    route = wire.on("POST", "dci/v3/switch/18/port/77/up", {})
    await panel.ports.switch_on(port())
    assert route.calls.last.request.content == b"{}"


async def test_a_port_is_switched_off(wire, panel):
    route = wire.on("POST", "dci/v3/switch/18/port/77/down", {"task": 1})
    await panel.ports.switch_off(port())
    assert route.call_count == 1


async def test_the_bmcs_port_is_never_switched_off(wire, panel):
    with pytest.raises(ValueError, match="sw-18, GigabitEthernet1/0/7 is the port of a BMC"):
        await panel.ports.switch_off(port(is_ipmi_connection=True))
    assert wire.calls == []


async def test_a_port_that_the_panel_does_not_switch_is_a_refusal(wire, panel, refusal):
    wire.on("POST", "dci/v3/switch/18/port/77/down", refusal(400, 5, "Switch is down"))
    with pytest.raises(PanelRefused, match="Switch is down"):
        await panel.ports.switch_off(port())
