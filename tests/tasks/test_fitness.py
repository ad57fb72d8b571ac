from typing import Any

import pytest

from dcimanager.operations import Operation
from dcimanager.servers import Server
from ledger.orders import Order
from tasks.allocation import unfit
from tasks.orders import no_such

ORDER = Order(client_id=7, configuration="E5", os_template="Debian", ip_pool="public")


def server(**differing: Any) -> Server:
    """A free server of the ordered configuration, with differences."""
    return Server(**{"id": 3, "configuration": "E5", "location_id": 1, "serial": "SN-1", **differing})


def operation(status: str) -> Operation:
    return Operation(id=901, status=status)


def test_a_free_server_of_the_configuration_fits() -> None:
    assert unfit(server(), ORDER) == []


@pytest.mark.parametrize("status", ["finished", "FINISHED", "canceled", "Cancelled", "aborted"])
def test_a_server_whose_last_operation_is_well_over_fits(status: str) -> None:
    assert unfit(server(operation=operation(status)), ORDER) == []


@pytest.mark.parametrize(
    ("differing", "fault"),
    [
        ({"configuration": "E3"}, "of another configuration"),
        ({"configuration": None}, "of another configuration"),
        ({"owner_email": "anna@example.com"}, "with an owner"),
        ({"operation": operation("in_progress")}, "with an operation that runs"),
        ({"operation": operation("a word that nobody knows")}, "with an operation that runs"),
        ({"operation": operation("failed")}, "whose last operation failed"),
        ({"is_new": True}, "not yet accepted (new)"),
        ({"is_protected": True}, "protected"),
        ({"in_maintenance": True}, "in maintenance"),
        ({"serial": None}, "without serial number, MAC address or barcode, so that a wipe could not be proved"),
    ],
)
def test_whatever_is_against_a_server_is_named(differing: dict[str, Any], fault: str) -> None:
    assert unfit(server(**differing), ORDER) == [fault]


def test_a_location_counts_only_when_one_was_ordered() -> None:
    assert unfit(server(location_id=2), ORDER) == []
    assert unfit(server(location_id=2), ORDER.model_copy(update={"location_id": 1})) == ["in another location"]


def test_a_server_misses_by_every_reason_that_holds() -> None:
    assert unfit(server(owner_email="anna@example.com", is_protected=True), ORDER) == ["with an owner", "protected"]


def test_an_unknown_name_is_told_with_the_nearest_ones_and_the_setting_to_correct() -> None:
    line = no_such("IP pool", "public", ["private-v4", "public-v4", "public-v4"], "IP address group", "main")
    assert line.startswith("Panel main has no IP pool 'public'. Nearest: public-v4")
    assert line.count("public-v4") == 1
    assert "IP address group" in line


def test_a_name_like_no_other_is_told_with_those_that_there_are() -> None:
    assert "Known: a, b." in no_such("IP pool", "zzzzz", ["b", "a"], "IP address group", "main")
    assert "Known: none." in no_such("IP pool", "zzzzz", [], "IP address group", "main")
