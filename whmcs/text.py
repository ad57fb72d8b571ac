"""The border for text from WHMCS: HTML is decoded once, control characters go, addresses have one spelling (rule 20).

Passwords and other secrets never come here: they stay as they are, to the last character.
"""

import html
import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import BeforeValidator

LONGEST_LINE = 600
"""Characters of a line that staff read: WHMCS's Module Queue and its activity log show one line."""

# With its semicolon only: "AT&T" and "R&Dept" are names as they stand.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def decoded(text: str) -> str:
    """The text with its HTML entities decoded, once: "R&amp;D" is "R&D", and "&amp;amp;" is "&amp;"."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def plain(text: str) -> str:
    """A name, a setting or an address as people mean it: decoded, without control characters and outer blanks."""
    return "".join(sign if sign.isprintable() else " " for sign in decoded(text)).strip()


def same_text(one: str, other: str) -> bool:
    """Whether two texts are one, whichever of them is encoded."""
    return one == other or plain(one) == plain(other)


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """The text on one line, without control characters, cut to `longest` characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def spelled(address: str) -> str:
    """An IP address in its one spelling; what is no address in small letters."""
    return str(ip_address(address)) if is_address(address) else address.strip().lower()


def is_address(text: str) -> bool:
    """Whether it is one IPv4 or IPv6 address, and not a network or a note."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def addresses_in(line: str) -> list[str]:
    """The addresses of a line that has nothing else; empty: it is a person's own line, such as a subnet or a note."""
    words = line.replace(",", " ").split()
    return words if all(map(is_address, words)) else []


def raw(value: object) -> str:
    """What WHMCS wrote, to the last character; null is the empty text and a number its digits. Raises ValueError."""
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("not a text")


Text = Annotated[str, BeforeValidator(lambda value: plain(raw(value)))]
"""A text as people mean it; null is the empty text and a number its digits."""
