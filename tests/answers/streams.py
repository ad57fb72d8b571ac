"""Answers as they come over a wire, piece by piece; none of them is ever there as a whole."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import httpx

PIECE = 60_000


class Pieces(httpx.AsyncByteStream):
    """A body in pieces; so many of them, each after so many seconds. `sent` counts what was taken of it."""

    def __init__(self, piece: bytes, times: int, seconds: float = 0.0, end: bytes = b"") -> None:
        self.piece, self.times, self.seconds, self.end = piece, times, seconds, end
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.times):
            await asyncio.sleep(self.seconds)
            self.sent += len(self.piece)
            yield self.piece
        yield self.end


def answer(body: bytes | Pieces, status: int = 200, **headers: str) -> httpx.Response:
    """The response with that body, in pieces."""
    stream = body if isinstance(body, Pieces) else Pieces(body, 1)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, stream=stream, headers={"content-type": "application/json", **told})


def gzip_bomb(megabytes: int) -> Pieces:
    """So many megabytes of zeros, packed to a thousandth."""
    pack = zlib.compressobj(9, wbits=31)
    packed = b"".join(pack.compress(bytes(1_000_000)) for _ in range(megabytes)) + pack.flush()
    return Pieces(packed, 1)
