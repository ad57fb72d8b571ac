import pytest

from ledger.hardware_values import is_mac, is_placeholder, is_real_mac, mac_spelling, real_text


@pytest.mark.parametrize(
    "serial",
    [
        "", "  ", "To be filled by O.E.M.", "To Be Filled By OEM", "Default string", "0123456789", "123456789", "None",
        "N/A", "System Serial Number", "00000000", "ffffffff", "FF-FF", "..........", "xxxx", "Not Specified", "0",
        "1111", "Chassis Serial Number", "unknown", "UNKNOWN.",
    ],
)  # fmt: skip
def test_what_makers_leave_in_place_of_a_serial_is_known(serial: str) -> None:
    assert is_placeholder(serial)
    assert real_text(serial) is None


@pytest.mark.parametrize("serial", ["SN-1", "7", "F0F0", "0123456780", "CZJ0000000", "Серия-1"])
def test_a_real_serial_is_not_taken_for_a_placeholder(serial: str) -> None:
    assert not is_placeholder(serial)


def test_case_and_blanks_of_a_serial_do_not_count_and_its_signs_do() -> None:
    assert real_text(" Sn-1 0 ") == real_text("SN-10") != real_text("SN10")
    assert real_text(None) is None


def test_a_mac_is_hexadecimal_and_neither_all_zeros_nor_all_ones() -> None:
    assert all(map(is_mac, ("00:16:3e:00:00:01", "00-16-3E-00-00-01", "0016.3e00.0001", "00:16:3e:ff:fe:00:00:01")))
    assert not any(map(is_mac, ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "N/A", "", "00:16:3e:00:00", "zz" * 6)))


def test_an_address_has_one_spelling_and_what_is_none_stays() -> None:
    assert {mac_spelling(one) for one in ("00-16-3E-00-00-01", "0016.3e00.0001", "00163E000001")} == {
        "00:16:3e:00:00:01"
    }
    assert mac_spelling("n/a") == "n/a"


@pytest.mark.parametrize(
    ("mac", "real"),
    [
        ("00:16:3e:00:00:01", True),
        ("80:00:02:08:fe:80:" + ":".join(["11"] * 14), True),
        ("02:16:3e:00:00:01", False),
        ("01:00:5e:00:00:01", False),
        ("00:16:3e:00:00:00", False),
        ("n/a", False),
    ],
)
def test_only_a_makers_address_is_real(mac: str, real: bool) -> None:
    assert is_real_mac(mac) is real
