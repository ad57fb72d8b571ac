"""What a hostile panel answers in place of what it should: each kind is small to make and large to read."""

import json
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, Literal

Hostility = Literal[
    "huge body",
    "gzip bomb",
    "deep JSON",
    "digits",
    "letters",
    "half an answer",
    "control characters",
    "large ids",
    "endless list",
    "odd rows",
]

MEGABYTE = 1_000_000
TOO_MANY = 9
"""Megabytes: more than a client should read."""

ENDLESS_PAGE = 500
"""Rows of each page of a list that has no end: as many as are asked for at once."""

ESCAPES = "\x1b[31m\x1b]8;;https://evil.example\x07[red]\u202e<b>"
"""Colours and links of terminals, markup, and text from right to left."""


@dataclass(frozen=True)
class HostileAnswer:
    """The body and the headers that the caller gets; the call had its effect."""

    how: Hostility
    status: int = 200
    _numbers: "count[int]" = field(default_factory=lambda: count(1_000_001), compare=False, hash=False)

    def body(self, told: bytes) -> bytes:
        """What is sent where the panel's own answer is `told`."""
        match self.how:
            case "huge body":
                return b'{"list": [' + b" " * (TOO_MANY * MEGABYTE) + b"]}"
            case "gzip bomb":
                return _bomb()
            case "deep JSON":
                return b'{"list":' * 100_000 + b"[]" + b"}" * 100_000
            case "digits":
                return b'{"list": [], "id": 1, "size": ' + b"9" * 5_000 + b"}"
            case "letters":
                return b"a" * MEGABYTE
            case "half an answer":
                return told[: len(told) // 2]
            case "control characters":
                return json.dumps(_changed(json.loads(told), "name", lambda name: f"{ESCAPES}{name}")).encode()
            case "large ids":
                return json.dumps(_changed(json.loads(told), "id", lambda _: 2**70)).encode()
            case "endless list":
                rows = [{"id": next(self._numbers)} for _ in range(ENDLESS_PAGE)]
                return json.dumps({"list": rows}).encode() if b'"list"' in told else told
            case "odd rows":
                return json.dumps(_odd(json.loads(told))).encode()

    @property
    def headers(self) -> dict[str, str]:
        """Headers beside those of every answer."""
        return {"content-encoding": "gzip"} if self.how == "gzip bomb" else {}


@lru_cache
def _bomb() -> bytes:
    pack = zlib.compressobj(9, wbits=31)
    return b"".join(pack.compress(bytes(MEGABYTE)) for _ in range(TOO_MANY)) + pack.flush()


def _changed(value: Any, key: str, change: Any) -> Any:
    """The same JSON with each value of that key changed, at any depth."""
    if isinstance(value, dict):
        return {name: change(inner) if name == key else _changed(inner, key, change) for name, inner in value.items()}
    return [_changed(inner, key, change) for inner in value] if isinstance(value, list) else value


def _odd(value: Any) -> Any:
    """The same JSON with every second row of each list, from the first on, all of odd values; its id stays."""
    if isinstance(value, dict):
        return {name: _odd(inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    return [_odd_row(row) if place % 2 == 0 and isinstance(row, dict) else _odd(row) for place, row in enumerate(value)]


def _odd_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: inner if name == "id" else [{"odd": inner}] for name, inner in row.items()}
