"""Serial numbers, MAC addresses and barcodes: one spelling of each, and which of them name a machine at all.

The one list of placeholders, for the ledger and for the survey of a panel. Source: safety rule 16.
"""

import re
from functools import lru_cache

PLACEHOLDERS = frozenset(
    {
        "0123456789", "01234567890123456789", "123456789", "1234567890", "12345678", "assettag", "basebrdserialnumber",
        "baseboardserialnumber", "boardserialnumber", "chassisserialnumber", "default", "defaultstring", "empty",
        "fillbyoem", "filledbyoem", "invalid", "motherboardserialnumber", "na", "nil", "noassettag", "none",
        "noserialnumber", "notapplicable", "notavailable", "notset", "notspecified", "null", "oem", "oemserialnumber",
        "serialnumber", "string", "systemserial", "systemserialnumber", "tobedefined", "tobefilled", "tobefilledbyoem",
        "tobefilledbyom", "test", "undefined", "unknown", "unspecified", "xxx",
    }
)  # fmt: skip
"""What makers and inventories leave in place of a number, letters and digits only."""

_MAC_DIGITS = (12, 16, 40)
"""Ethernet, EUI-64 and InfiniBand."""

_HEX = re.compile("[0-9a-f]+")


def letters_of(text: str) -> str:
    """The text's letters and digits in lower case: how it is compared with another spelling of it."""
    return re.sub(r"[\W_]", "", text).casefold()


def is_placeholder(text: str) -> bool:
    """The text stands where a number should: blank, a maker's phrase, or one sign again and again."""
    letters = letters_of(text)
    is_one_sign = len(set(letters)) == 1 and (len(letters) > 1 or letters in {"0", "f", "x"})
    return not letters or letters in PLACEHOLDERS or is_one_sign


def real_text(text: str | None) -> str | None:
    """A serial number or barcode in its one spelling: case and blanks do not count. None: it names no machine."""
    return None if text is None or is_placeholder(text) else "".join(text.split()).casefold()


def mac_spelling(text: str) -> str:
    """The address in its one spelling: pairs in lower case with colons. What is no address stays as it is."""
    return ":".join(re.findall("..", _digits(text))) if is_mac(text) else text


@lru_cache(maxsize=100_000)
def is_mac(text: str) -> bool:
    """The text is a hardware address, in one of its spellings, and neither all zeros nor all ones."""
    digits = _digits(text)
    return len(digits) in _MAC_DIGITS and _HEX.fullmatch(digits) is not None and set(digits) not in ({"0"}, {"f"})


@lru_cache(maxsize=100_000)
def is_real_mac(text: str) -> bool:
    """The address is a maker's: neither a group's nor one that software made up, as a BMC's USB card has.

    Source: IEEE 802, the two lowest bits of the first byte (I/G and U/L). An InfiniBand address begins otherwise.
    """
    digits = _digits(text)
    if not is_mac(text) or digits[-6:] in ("000000", "ffffff"):  # a maker's prefix, and no card's number
        return False
    return len(digits) == max(_MAC_DIGITS) or int(digits[:2], 16) & 0b11 == 0


def _digits(text: str) -> str:
    return re.sub(r"[\s:.\-]", "", text).lower()
