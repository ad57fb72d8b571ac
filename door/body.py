"""A call's body: read to a size and within a time, and parsed as plain JSON, before anything looks at what it says."""

import asyncio
import json
import re
from typing import NoReturn

from fastapi import Request

from door.refusal import DoorRefusal

LONGEST_BODY = 64 * 1024
"""Bytes. An order is under 2 KB; what the importer sends has about 80 bytes a service, 500 services at once."""

BODY_SECONDS = 10.0
"""Its sender is in the next room; a slower one keeps a connection busy."""

DEEPEST = 5
"""Levels of objects and lists; the deepest body of the module has four."""

LONGEST_NUMBER = 10
"""Digits: WHMCS's numbers have ten at the most."""

# Linear: each string is passed over once, ended or not.
_NESTING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


async def json_body(request: Request) -> object:
    """The body's value. Raises DoorRefusal (413, 408, 415, 422)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or "content-encoding" in request.headers:
        raise DoorRefusal(415, "The body has to be plain application/json.")
    return parsed(await _read(request))


async def _read(request: Request) -> bytes:
    read = bytearray()
    goes_on = True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while goes_on:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise DoorRefusal(400, "The caller went away in the middle of the body.")
                read += message.get("body", b"")
                goes_on = message.get("more_body", False)
                if len(read) > LONGEST_BODY:
                    raise DoorRefusal(413, f"More than {LONGEST_BODY // 1024} KB: no call of the module's is so long.")
    except TimeoutError:
        raise DoorRefusal(408, f"The body did not come within {BODY_SECONDS:.0f} seconds.") from None
    return bytes(read)


def parsed(body: bytes) -> object:
    """The JSON of a body: no key twice, no fraction, no NaN, no long number, not nested deeper than DEEPEST.

    Raises DoorRefusal (422).
    """
    depth = 0
    for piece in _NESTING.finditer(body):
        sign = piece[0][:1]
        depth += (sign in b"[{") - (sign in b"]}")
        if depth > DEEPEST:
            raise DoorRefusal(422, f"The body is nested deeper than {DEEPEST} levels.")
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_no_number,
            parse_int=_short,
        )
    except DoorRefusal:
        raise
    except (ValueError, RecursionError):
        raise DoorRefusal(422, "The body is no JSON.") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DoorRefusal(422, "The body has a key twice.")
    return found


def _no_number(text: str) -> NoReturn:
    raise DoorRefusal(422, "The body has a number that is no whole one.")


def _short(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise DoorRefusal(422, f"The body has a number of more than {LONGEST_NUMBER} digits.")
    return int(digits)
