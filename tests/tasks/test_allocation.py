from typing import Any

import pytest
from pydantic import ValidationError

from dcimanager.operations import Operation
from dcimanager.servers import Server
from ledger.hardware import Identity
from ledger.orders import Order
from runtime.settings import Settings
from tasks import allocation
from tasks.allocation import not_free

SHARED_MAC = "02:00:00:00:00:0a"
SHARED = {Identity("mac", SHARED_MAC), Identity("serial", "sn-twice")}
NO_IDENTITY = "without serial number, MAC address or barcode of its own, so that a wipe could not be proved"
ORDER = Order(client_id=7, configuration="E5", os_template="Debian", ip_pool="public")


def server(**differing: Any) -> Server:
    """A free server of the ordered configuration, with differences."""
    return Server(
        **{"id": 3, "configuration": "E5", "location_id": 1, "serial": "SN-1", "state": "active", **differing}
    )


def unfit(server: Server, order: Order) -> list[str]:
    return allocation.unfit(server, order, shared=SHARED)


def operation(status: str) -> Operation:
    return Operation(id=901, status=status)


INSTALLED = Operation(id=901, status="ok", type="install_os")


def test_a_free_server_of_the_configuration_fits() -> None:
    assert unfit(server(), ORDER) == []


@pytest.mark.parametrize("status", ["ok", "OK", "finished", "canceled", "Cancelled", "aborted"])
def test_a_server_whose_last_operation_is_well_over_fits(status: str) -> None:
    assert unfit(server(operation=operation(status)), ORDER) == []


@pytest.mark.parametrize(
    ("differing", "fault"),
    [
        ({"configuration": "E3"}, "of another configuration"),
        ({"configuration": None}, "of another configuration"),
        ({"owner_email": "anna@example.com"}, "with an owner"),
        ({"owner_email": None, "account": {"id": 25}}, "with an owner that the panel does not name"),
        ({"operation": operation("in_progress")}, "with an operation that runs"),
        (
            {"operation": operation("a word that nobody knows")},
            "whose last operation's word is not in the table (docs/dialect.md)",
        ),
        ({"operation": operation("failed")}, "whose last operation failed"),
        ({"is_new": True}, "not yet accepted (new)"),
        ({"is_protected": True}, "protected"),
        ({"in_maintenance": True}, "in maintenance"),
        ({"state": "suspended"}, "not in operation (suspended)"),
        ({"state": "creating"}, "not in operation (creating)"),
        ({"state": "dozing"}, "whose state's word is not in the table (docs/dialect.md)"),
        ({"macs": ("02:00:00:00:00:01", SHARED_MAC)}, "with a MAC address that another server has, too"),
        ({"problems": ("disk sda fails",)}, "with problems on the panel"),
        ({"serial": None}, NO_IDENTITY),
        ({"serial": "To be filled by O.E.M.", "macs": ("02:00:00:00:00:01",)}, NO_IDENTITY),
        ({"serial": "SN-TWICE"}, NO_IDENTITY),
        ({"operation": INSTALLED}, "perhaps with data on its disks: an OS was installed on it last"),
    ],
)
def test_whatever_is_against_a_server_is_named(differing: dict[str, Any], fault: str) -> None:
    assert unfit(server(**differing), ORDER) == [fault]


def test_a_location_counts_only_when_one_was_ordered() -> None:
    assert unfit(server(location_id=2), ORDER) == []
    assert unfit(server(location_id=2), ORDER.model_copy(update={"location_id": 1})) == ["in another location"]


def test_a_server_misses_by_every_reason_that_holds() -> None:
    assert unfit(server(owner_email="anna@example.com", is_protected=True), ORDER) == ["with an owner", "protected"]


FAULTY = {"state": "suspended", "macs": [SHARED_MAC], "problems": ["disk sda fails"], "is_protected": True}


@pytest.mark.parametrize(
    ("waived", "left"),
    [
        ("", ["protected", "not in operation", "with a MAC address", "with problems"]),
        ("state", ["protected", "with a MAC address", "with problems"]),
        ("shared-mac, problems", ["protected", "not in operation"]),
        ("state,shared-mac,problems", ["protected"]),
        ("state,shared-mac,problems,dirty,no-identity", ["protected"]),
    ],
)
def test_a_site_waives_what_it_wants_of_the_three_and_nothing_else(
    waived: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCIFLOW_SELL_DESPITE", waived)
    monkeypatch.setattr(allocation, "settings", Settings)
    faults = not_free(server(**FAULTY), shared=SHARED)
    assert [fault.startswith(begin) for fault, begin in zip(faults, left, strict=True)] == [True] * len(left)


@pytest.mark.parametrize(
    ("waived", "differing"), [("no-identity", {"serial": "Default string"}), ("dirty", {"operation": INSTALLED})]
)
def test_a_host_may_sell_what_nothing_identifies_or_what_they_installed_by_hand(
    waived: str, differing: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(unfit(server(**differing), ORDER)) == 1
    monkeypatch.setenv("DCIFLOW_SELL_DESPITE", waived)
    monkeypatch.setattr(allocation, "settings", Settings)
    assert unfit(server(**differing), ORDER) == []


def test_a_server_that_was_wiped_last_is_not_dirty() -> None:
    assert unfit(server(operation=Operation(id=902, status="ok", type="diagnostics")), ORDER) == []


def test_what_cannot_be_waived_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCIFLOW_SELL_DESPITE", "protected")
    with pytest.raises(ValidationError, match="shared-mac"):
        Settings()
