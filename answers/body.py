"""One HTTP exchange whose answer is read as a stream, within limits of bytes and of whole time.

What counts are the bytes after unpacking, and they are counted while it is unpacked: a kilobyte of gzip can hold a
megabyte. A time-out of httpx is for each single read; the whole time is for all of them together.
Source: safety rule 25.
"""

import asyncio
import zlib
from dataclasses import dataclass
from typing import Any

import httpx

from answers.errors import CannotUnpack, TooLarge, TooSlow

MOST_BYTES = 8_000_000
"""A page of 500 servers has about two million at most, and so have the largest descriptions of whole platforms."""

ACCEPTED = "gzip, deflate"
"""How answers may be packed: what the standard library unpacks step by step."""

STEP = 256_000
"""Bytes that are unpacked before other runs get a turn: about a millisecond."""

_ANY_ZLIB = 32 + zlib.MAX_WBITS
"""Tells zlib to find out by itself which of the two it is."""


@dataclass(frozen=True)
class Received:
    """An answer that was read to its end. `is_redirect`: the web server sends us elsewhere."""

    status: int
    headers: httpx.Headers
    body: bytes
    is_redirect: bool = False


async def receive(client: httpx.AsyncClient, method: str, url: str, *, seconds: float, **what: Any) -> Received:
    """Send one request and read its answer: at most MOST_BYTES bytes of body, all of it within `seconds`.

    `what`: as httpx takes it. Raises httpx.RequestError, TooLarge, TooSlow, CannotUnpack.
    """
    try:
        async with asyncio.timeout(seconds), client.stream(method, url, **what) as response:
            body = await _read(response, MOST_BYTES)
            return Received(response.status_code, response.headers, body, response.is_redirect)
    except TimeoutError:
        raise TooSlow(f"the whole answer was not there within {seconds:g} s") from None


async def _read(response: httpx.Response, most: int) -> bytes:
    if response.is_stream_consumed:  # from a transport without a wire, which gives answers as a whole
        whole = await response.aread()
        if len(whole) > most:
            raise _too_long(most)
        return whole
    unpack = _unpacker(response.headers.get("content-encoding", ""))
    body, came = bytearray(), 0
    async for part in response.aiter_raw():
        came += len(part)
        if came > most:
            raise _too_long(most)
        if unpack is None:
            body += part
            continue
        packed, step = part, b""
        while packed or len(step) == STEP:
            try:
                step = unpack.decompress(packed, STEP)
            except zlib.error:
                raise CannotUnpack("it is not packed as it says") from None
            body += step
            if len(body) > most:
                raise _too_long(most)
            packed = unpack.unconsumed_tail
            await asyncio.sleep(0)
    if unpack is not None and came and not unpack.eof:
        raise CannotUnpack("it breaks off")
    return bytes(body)


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(_ANY_ZLIB)
    raise CannotUnpack(f"it is packed otherwise than by {ACCEPTED}")


def _too_long(most: int) -> TooLarge:
    return TooLarge(f"it is longer than {most:,} bytes")
