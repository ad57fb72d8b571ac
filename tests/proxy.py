"""A TCP proxy that tests can cut: in front of a database or of several servers, who take turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle

from sqlalchemy import make_url


class Proxy:
    """Passes bytes on between whoever connects and its targets. While it is `cut`, nobody gets through."""

    def __init__(self, targets: list[tuple[str, int]]) -> None:
        self._targets = cycle(targets)
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False
        self.port = 0

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Let everybody through again."""
        self._cut = False

    def instead_of(self, url: str) -> str:
        """The database's address by way of this proxy."""
        return make_url(url).set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; a target that does not answer is left out."""
        target = None
        for _ in range(3):
            with suppress(OSError):
                target = None if self._cut else await asyncio.open_connection(*next(self._targets))
                break
        if target is None:
            writer.transport.abort()
            return
        there_reader, there = target
        self._open |= {writer, there}
        await asyncio.gather(_copy(reader, there), _copy(there_reader, writer))
        self._open -= {writer, there}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy(*targets: tuple[str, int]) -> AsyncIterator[Proxy]:
    """A proxy on a free port of the loopback address."""
    made = Proxy(list(targets))
    server = await asyncio.start_server(made.pass_on, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.cut()


@asynccontextmanager
async def postgres_proxy(url: str) -> AsyncIterator[Proxy]:
    """A proxy in front of the PostgreSQL of that address."""
    address = make_url(url)
    async with proxy((address.host or "127.0.0.1", address.port or 5432)) as between:
        yield between
