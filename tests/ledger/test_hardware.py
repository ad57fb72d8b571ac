from typing import Any

import pytest
from pydantic import ValidationError

from ledger.hardware import Hardware, Identity

ONE, TWO, THREE = (f"00:16:3e:00:00:0{number}" for number in (1, 2, 3))
USB = "02:16:3e:00:00:09"
KNOWN = Hardware(serial="SN-1", macs=(ONE, TWO), barcode="B-1")


def test_what_is_recorded_and_shown_alike_is_one_machine() -> None:
    assert KNOWN.differs_from(KNOWN.model_copy()) == []


@pytest.mark.parametrize(
    ("seen", "differing"),
    [
        ({"serial": "SN-2"}, ["serial"]),
        ({"serial": None}, ["serial"]),
        ({"serial": "To be filled by O.E.M."}, ["serial"]),
        ({"macs": ()}, ["macs"]),
        ({"macs": (ONE,)}, ["macs"]),
        ({"macs": (ONE, THREE)}, ["macs"]),
        ({"barcode": None}, ["barcode"]),
        ({"serial": "SN-2", "macs": (), "barcode": "B-2"}, ["serial", "macs", "barcode"]),
        ({"serial": "B-1", "barcode": "SN-1"}, ["serial", "barcode"]),
    ],
)
def test_towards_a_wipe_every_recorded_value_has_to_be_shown(seen: dict[str, Any], differing: list[str]) -> None:
    assert KNOWN.differs_from(KNOWN.model_copy(update=seen)) == differing


@pytest.mark.parametrize(
    "seen",
    [
        {"serial": " sn-1"},
        {"macs": (TWO, ONE)},
        {"macs": ("00-16-3E-00-00-01", "0016.3e00.0002")},
        {"macs": (ONE, TWO, THREE)},
        {"macs": (ONE, TWO, USB)},
    ],
)
def test_another_spelling_or_more_than_was_recorded_is_the_same_machine(seen: dict[str, Any]) -> None:
    assert KNOWN.differs_from(KNOWN.model_copy(update=seen)) == []


@pytest.mark.parametrize(
    "seen",
    [
        {"macs": (ONE,)},
        {"macs": (ONE, THREE)},
        {"macs": ()},
        {"serial": None},
        {"serial": "Default string"},
        {"barcode": "B-2"},
        {"barcode": None, "macs": (TWO, USB)},
    ],
)
def test_towards_service_the_serial_and_one_address_are_enough_or_the_one_of_them_that_is_known(
    seen: dict[str, Any],
) -> None:
    other = KNOWN.model_copy(update=seen)
    assert KNOWN.differs_from(other)
    assert KNOWN.differs_from(other, towards_service=True) == []
    assert KNOWN.change_to(other)


@pytest.mark.parametrize(
    "seen",
    [
        {"serial": "SN-2"},
        {"macs": (THREE,)},
        {"serial": None, "macs": (THREE,)},
        {"serial": None, "macs": ()},
        {"serial": None, "macs": (), "barcode": None},
    ],
)
def test_another_serial_or_no_common_address_is_another_machine_towards_service_too(seen: dict[str, Any]) -> None:
    changed = KNOWN.model_copy(update={"barcode": "B-2", **seen})
    assert KNOWN.differs_from(changed, towards_service=True) == KNOWN.differs_from(changed)
    assert KNOWN.differs_from(changed)


def test_a_random_address_of_a_bmcs_usb_card_does_not_matter() -> None:
    recorded = Hardware(serial="SN-1", macs=(ONE, USB))
    again = Hardware(serial="SN-1", macs=(ONE, "02:16:3e:77:77:77"))
    assert (recorded.differs_from(again), recorded.change_to(again)) == ([], "")


def test_a_value_that_identifies_is_shown_by_another_reading_of_the_same_machine() -> None:
    texts = (None, "", " ", "None", "A", "B7")
    every = [
        Hardware(serial=serial, macs=macs, barcode=barcode)
        for serial in texts
        for macs in ((), ("",), (ONE,), (ONE, TWO), (USB,))
        for barcode in texts
    ]
    for recorded in every:
        for seen in every:
            for kindly in (False, True):
                if recorded.identifies and not recorded.differs_from(seen, towards_service=kindly):
                    assert recorded.identities & seen.identities, (recorded, seen)


def test_what_was_not_recorded_or_proves_nothing_is_not_compared() -> None:
    assert Hardware(serial="SN-1").differs_from(KNOWN) == []
    assert Hardware().differs_from(KNOWN) == []
    assert Hardware(serial="To be filled by O.E.M.", macs=("00:00:00:00:00:00",)).differs_from(KNOWN) == []


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {"serial": " "},
        {"serial": "To Be Filled By O.E.M."},
        {"serial": "Default string", "barcode": "Not Specified"},
        {"serial": "0123456789"},
        {"serial": "123456789"},
        {"serial": "0000-0000"},
        {"serial": "System Serial Number"},
        {"serial": "Chassis Serial Number", "macs": ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")},
        {"macs": ("n/a", "", "01:00:5e:00:00:01", USB, "00:16:3e:00:00:00")},
    ],
)
def test_placeholders_groups_and_made_up_addresses_identify_nothing(nothing: dict[str, Any]) -> None:
    assert not Hardware(**nothing).identifies


@pytest.mark.parametrize("one", [{"serial": "SN-1"}, {"macs": (USB, ONE)}, {"barcode": "A00007"}])
def test_one_real_value_identifies(one: dict[str, Any]) -> None:
    assert Hardware(**one).identifies


def test_what_other_machines_show_too_is_left_out() -> None:
    shared = {Identity("serial", "sn-1"), Identity("mac", TWO)}
    assert KNOWN.apart_from(shared) == Hardware(macs=(ONE,), barcode="B-1")
    assert KNOWN.apart_from(set()) == KNOWN


@pytest.mark.parametrize("wrong", [{"serial": 7}, {"macs": ONE}, {"macs": [None]}, {"macs": None}, {"mac": ("a",)}])
def test_what_is_no_text_is_refused_and_one_text_is_no_list_of_addresses(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Hardware(**wrong)


def test_it_does_not_change_and_says_what_it_is() -> None:
    with pytest.raises(ValidationError):
        KNOWN.serial = "SN-2"  # type: ignore[misc]
    assert str(KNOWN) == f"serial SN-1, MACs {ONE}, {TWO}, barcode B-1"
