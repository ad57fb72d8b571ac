import pytest
from pydantic import ValidationError

from dcimanager.errors import UnexpectedPanelResponse
from dcimanager.operations import OperationProgress
from dcimanager.servers import Power, Server

ROW = {
    "id": 136,
    "name": "srv-136",
    "domain": "free.example.com",
    "barcode": "A00136",
    "configuration": "E-2146G-64Gb-2x960SSD",
    "location_id": 3,
    "rack": {"id": 12, "name": "R-12"},
    "unit": 21,
    "owner_email": None,
    "is_new": False,
    "state": "active",
    "state_info": "",
    "power_status": "off",
    "operation": {"id": 901, "status": "finished", "status_info": {}, "progress_info": []},
    "os_template": None,
    "settings": {"efi": False},
    "hardware_info": {"motherboard": {"model": "X11SCL-F"}},
    "perform_info": {},
    "ip": [{"id": 55, "name": "192.0.2.55", "family": "ipv4", "gateway": "192.0.2.1", "status": "allocated"}],
    "switch_connection": [
        {"id": 77, "switch": 18, "switch_name": "sw-18", "description": "Gi1/0/7", "admin_status": "up"}
        | {"is_ipmi_connection": False, "mac": "02:00:00:00:00:0B"},
        {"id": 78, "switch": 18, "admin_status": "up", "is_ipmi_connection": True},
    ],
    "pdu_connection": {"port_id": 5, "power_status": "on"},
}


def listing(*rows):
    return {"list": list(rows), "size": len(rows)}


def server(**changes) -> Server:
    return Server.model_validate({**ROW, **changes})


async def test_a_documented_server_is_read_whole(wire, panel):
    wire.on("GET", "dci/v3/server", listing(ROW))
    (found,) = await panel.servers.all()
    assert (found.id, found.name, found.domain, found.barcode, found.rack) == (
        136,
        "srv-136",
        "free.example.com",
        "A00136",
        "R-12",
    )
    assert (found.configuration, found.location_id, found.state) == ("E-2146G-64Gb-2x960SSD", 3, "active")
    assert (found.owner_email, found.os_template, found.power) == (None, None, Power.OFF)
    assert (found.is_new, found.is_protected, found.in_maintenance) == (False, False, False)
    assert found.operation is not None
    assert found.operation.progress is OperationProgress.FINISHED
    assert [address.address for address in found.addresses] == ["192.0.2.55"]
    assert [port.id for port in found.network_ports] == [77]
    assert found.macs == ("02:00:00:00:00:0b",)
    assert found.serial is None


def test_a_server_is_immutable_and_survives_being_read_again():
    first = server(serial="S1")
    assert Server.model_validate(first.model_dump()) == first
    assert Server.model_validate_json(first.model_dump_json()) == first
    with pytest.raises(ValidationError):
        first.name = "other"


def test_a_server_can_be_made_by_the_names_of_its_attributes():
    made = Server(id=1, power=Power.ON, owner_email="a@example.com", connections=server().connections, rack="R-1")
    assert (made.power, made.owner_email, made.rack, len(made.network_ports)) == (Power.ON, "a@example.com", "R-1", 1)


@pytest.mark.parametrize(
    ("told", "owner"),
    [
        ({"owner_email": "a+b@example.com"}, "a+b@example.com"),
        ({"owner_email": ""}, None),
        ({"owner_email": "  "}, None),
        ({"owner_email": None, "owner": {"id": 25, "email": "u@example.com"}}, "u@example.com"),
        ({"owner_email": None, "owner": "u@example.com"}, "u@example.com"),
        ({"owner_email": None, "owner": {"id": 25}}, "user 25"),
        ({"owner_email": None, "owner": 25}, "user 25"),
        ({"owner_email": None, "owner": "25"}, "user 25"),
        ({"owner_email": None, "owner": {"name": "Bob"}}, "Bob"),
        ({"owner_email": None, "owner": {"login": "bob"}}, "somebody"),
        ({"owner_email": None, "owner": {}}, None),
        ({"owner_email": None, "owner": {"id": None, "email": None}}, None),
        ({"owner_email": None, "owner_id": 25}, "user 25"),
        ({"owner_email": "", "owner_id": "25"}, "user 25"),
        ({"owner_email": None, "account": {"id": 25}}, "user 25"),
        ({"owner_email": None, "account": {"id": 25, "email": "u@example.com"}}, "u@example.com"),
        ({"owner_email": None, "client": {"login": {"as": "bob"}}}, "somebody"),
        ({"owner_email": None, "client": ["bob"]}, "somebody"),
        ({"owner_email": None, "owner": {"id": None}, "user": "bob"}, "bob"),
        ({"owner_email": None, "owner_id": None, "account": {"id": 0, "email": ""}, "user_id": "0"}, None),
        ({"owner_email": None, "owner": 0, "client": []}, None),
    ],
)
def test_an_owner_is_found_in_each_of_its_forms_and_never_overlooked(told, owner):
    assert server(**told).owner_email == owner


async def test_a_server_that_does_not_tell_its_owner_does_not_pass_for_free(wire, panel):
    silent = {key: value for key, value in ROW.items() if key != "owner_email"}
    wire.on("GET", "dci/v3/server", listing(silent))
    with pytest.raises(UnexpectedPanelResponse, match="does not tell whose server 136 is"):
        await panel.servers.get(136)
    listed = await panel.servers.all()
    assert (list(listed), [odd.id for odd in listed.odd]) == ([], [136])


@pytest.mark.parametrize(
    ("told", "power"),
    [
        ({"power_status": "ON"}, Power.ON),
        ({"power_status": "Off"}, Power.OFF),
        ({"power_status": "rebooting"}, Power.UNKNOWN),
        ({"power_status": None}, Power.ON),
        ({"power_status": None, "pdu_connection": [{"power_status": "OFF"}]}, Power.OFF),
        ({"power_status": None, "pdu_connection": [{"power_status": "off"}, {"power_status": "on"}]}, Power.ON),
        ({"power_status": None, "pdu_connection": [{"power_status": "off"}, {}]}, Power.UNKNOWN),
        ({"power_status": None, "pdu_connection": []}, Power.UNKNOWN),
        ({"power_status": None, "pdu_connection": None}, Power.UNKNOWN),
        ({"power_status": None, "pdu_connection": {"port_id": 5}}, Power.UNKNOWN),
    ],
)
def test_power_is_read_from_the_server_and_else_from_its_outlets(told, power):
    assert server(**told).power is power


@pytest.mark.parametrize(
    ("state", "in_operation"),
    [("active", True), ("Active", True), ("suspended", False), ("deleting", False), ("dozing", None), (None, None)],
)
def test_a_server_is_in_operation_by_its_states_word(state, in_operation):
    assert server(state=state).in_operation is in_operation


@pytest.mark.parametrize(
    ("told", "problems"),
    [
        ({}, ()),
        ({"problems": [], "errors": None, "has_errors": False, "state_info": "Server is active"}, ()),
        ({"problems": "none", "errors": "0", "has_errors": "false", "has_problems": "no"}, ()),
        ({"problems": {"count": 0, "critical": 0}}, ()),
        ({"problems": ["disk sda fails", {"msg": "fan 2 is slow"}]}, ("disk sda fails", "fan 2 is slow")),
        ({"errors": {"message": "no route"}}, ("no route",)),
        ({"has_problems": True, "has_errors": True}, ("has problems", "has errors")),
        ({"problems": 3}, ("3",)),
        ({"problems": "BMC does not\nanswer"}, ("BMC does not answer",)),
    ],
)
def test_whatever_the_panel_says_is_wrong_is_gathered(told, problems):
    read = server(**told)
    assert read.problems == problems
    assert Server.model_validate(read.model_dump()) == read


@pytest.mark.parametrize("key", ["is_protected", "protected"])
def test_protection_is_read_in_both_spellings(key):
    assert server(**{key: True}).is_protected is True


@pytest.mark.parametrize("key", ["in_maintenance", "maintenance", "maintenance_mode"])
def test_maintenance_is_read_in_all_spellings(key):
    assert server(**{key: 1}).in_maintenance is True


@pytest.mark.parametrize("value", [None, "", "false", 0])
def test_a_flag_that_is_empty_is_off(value):
    assert server(is_new=value, is_protected=value).is_new is False


async def test_a_flag_that_is_neither_yes_nor_no_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server", listing({**ROW, "is_protected": "partly", "password": "canary"}))
    with pytest.raises(UnexpectedPanelResponse, match=r"Server is not as we know it \(is_protected") as error:
        await panel.servers.get(136)
    assert '"id": 136' in error.value.body
    assert "canary" not in error.value.body


@pytest.mark.parametrize(
    ("told", "serial"),
    [
        ({"serial": "S1"}, "S1"),
        ({"serial": "", "serial_number": " S2 "}, "S2"),
        ({"hardware_info": {"serial": "S3"}}, "S3"),
        ({"hardware_info": {"system": {"serial": "S4"}}}, "S4"),
        ({"serial": 12345}, "12345"),
        ({"hardware_info": None}, None),
        ({"hardware_info": {"system": "x"}}, None),
    ],
)
def test_a_serial_number_is_found_where_panels_put_it(told, serial):
    assert server(**told).serial == serial


@pytest.mark.parametrize(
    ("told", "macs"),
    [
        ({"mac": "02:00:00:00:00:0A"}, ("02:00:00:00:00:0a", "02:00:00:00:00:0b")),
        ({"macs": ["02-00-00-00-00-0C", None]}, ("02:00:00:00:00:0b", "02:00:00:00:00:0c")),
        ({"hardware_info": {"macs": "a, b"}}, ("02:00:00:00:00:0b", "a", "b")),
        ({"switch_connection": []}, ()),
        ({"mac": "02:00:00:00:00:0B"}, ("02:00:00:00:00:0b",)),
    ],
)
def test_macs_are_gathered_in_lower_case_sorted_and_once(told, macs):
    assert server(**told).macs == macs


@pytest.mark.parametrize(
    "row",
    [
        {"id": "136", "owner_email": None},
        {"id": 136, "owner_email": None, "rack": None, "ip": None, "switch_connection": None, "operation": None},
        {"id": 136, "owner_email": None, "configuration": "", "operation": {}, "os_template": {}, "pdu_connection": []},
        {"id": 136, "owner": {}, "name": None, "operation": {"id": None, "status": ""}, "location_id": "3"},
    ],
)
def test_a_bare_server_is_read_too(row):
    bare = Server.model_validate(row)
    assert bare.id == 136
    assert (bare.configuration, bare.rack, bare.operation, bare.addresses, bare.network_ports) == (
        None,
        None,
        None,
        [],
        [],
    )


def test_an_os_template_is_its_name():
    assert server(os_template={"id": 12, "name": "Debian-12-x86_64", "tags": []}).os_template == "Debian-12-x86_64"


@pytest.mark.parametrize(
    ("location_id", "location", "expected"),
    [(3, None, 3), (None, {"id": 21, "name": "Riga"}, 21), (None, "22", 22), (None, "Riga", None), (3, {"id": 4}, 3)],
)
def test_a_location_comes_as_a_number_or_as_an_object(location_id, location, expected):
    assert server(location_id=location_id, location=location).location_id == expected


def test_network_cards_tell_the_mac_addresses_where_nothing_else_does():
    cards = {"nics": [{"name": "eth0", "mac": "02:00:00:00:00:0C"}, {"name": "eth1"}]}
    assert server(hardware_info=cards, switch_connection=[]).macs == ("02:00:00:00:00:0c",)
    assert server(hardware_info=cards).macs == ("02:00:00:00:00:0b",)


@pytest.mark.parametrize(
    ("told", "in_rescue"),
    [({}, None), ({"in_recovery": True}, True), ({"recovery_mode": "off"}, False), ({"is_recovery": {"id": 3}}, None)],
)
def test_a_server_is_in_the_rescue_system_where_its_row_says_so(told, in_rescue):
    assert server(**told).in_rescue is in_rescue
