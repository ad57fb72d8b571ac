"""The signs of life of all runs of one event loop: one task and one write for all of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from weakref import WeakKeyDictionary

from ledger import requests
from ledger.errors import LedgerError
from ledger.snapshots import Driver
from tasks.clock import clock
from tasks.connections import ledger

HEARTBEAT_SECONDS = 15
"""How often a live run says so in the ledger, in real seconds."""

SILENT_AFTER = timedelta(seconds=90)
"""Six missed heartbeats: the run is dead and another may take its service over."""


class _Heart:
    def __init__(self) -> None:
        self.drivers: set[Driver] = set()
        self.task: asyncio.Task[None] | None = None

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(LedgerError):  # a database that restarts is back before the silence is long enough
                await requests.beat(ledger(), self.drivers, now=clock().now())


_hearts: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Heart]" = WeakKeyDictionary()


@contextmanager
def beating(driver: Driver) -> Iterator[None]:
    """Keep the driver's request alive while the block runs."""
    heart = _hearts.setdefault(asyncio.get_running_loop(), _Heart())
    heart.drivers.add(driver)
    if heart.task is None:
        heart.task = asyncio.create_task(heart.beat())
    try:
        yield
    finally:
        heart.drivers.discard(driver)
        if not heart.drivers and heart.task is not None:
            heart.task.cancel()
            heart.task = None
