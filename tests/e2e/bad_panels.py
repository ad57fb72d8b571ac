"""Two bad panels as real servers: one answers each read with what nobody should read, one never says anything."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache

from simulator.panel.hostile import HostileAnswer, Hostility

KINDS: tuple[Hostility, ...] = ("huge body", "gzip bomb", "deep JSON", "digits", "letters", "half an answer")
DRIP_SECONDS = 0.5
"""Between two bytes of a body that drips."""


@dataclass
class BadPanel:
    """Where a bad panel answers, and how often it was asked."""

    url: str = ""
    asked: int = 0
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    async def until_asked(self) -> None:
        """Until somebody has asked it."""
        for _ in range(300):
            if self.asked:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("nobody asked the bad panel")


@asynccontextmanager
async def evil_panel() -> AsyncIterator[BadPanel]:
    """Lets everybody in, and answers each read with another kind of hostile answer; every fourth one drips."""
    kinds = itertools.cycle((*KINDS[:3], None, *KINDS[3:], None))
    panel = BadPanel()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            panel.asked += 1
            if head.startswith(b"POST"):
                writer.write(_answer(b'{"token": "evil"}', {}))
            elif (how := next(kinds)) is None:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n")
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(DRIP_SECONDS)
            else:
                writer.write(_answer(_body(how), HostileAnswer(how).headers))
            await writer.drain()

    async with _serving(panel, serve):
        yield panel


@asynccontextmanager
async def dead_panel() -> AsyncIterator[BadPanel]:
    """Takes every connection and reads what is asked, and never says anything."""
    panel = BadPanel()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            panel.asked += 1

    async with _serving(panel, serve):
        yield panel


@asynccontextmanager
async def _serving(panel: BadPanel, serve: object) -> AsyncIterator[None]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None and callable(serve)
        panel._calls.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await serve(reader, writer)
        finally:
            writer.close()
            panel._calls.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    panel.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield
    finally:
        server.close()
        for call in list(panel._calls):
            call.cancel()
        await asyncio.gather(*panel._calls, return_exceptions=True)


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request, its body read past; empty: the caller is gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    return head


def _answer(body: bytes, headers: dict[str, str]) -> bytes:
    lines = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body


@lru_cache
def _body(how: Hostility) -> bytes:
    """Made once: what it costs to make is the hostile panel's."""
    return HostileAnswer(how).body(b'{"list": []}')
