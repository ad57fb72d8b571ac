"""The heartbeats of all runs of one event loop: one task and one write to the ledger for all of them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from weakref import WeakKeyDictionary

from ledger import requests
from ledger.errors import LedgerError
from ledger.snapshots import Driver
from runtime.clock import clock
from runtime.connections import ledger
from runtime.ledger_time import follow_ledger

HEARTBEAT_SECONDS = 15
"""How often a live run writes its heartbeat to the ledger, in real seconds."""

STALLED_AFTER = timedelta(seconds=90)
"""Six missed heartbeats: the run is stalled, and another run may take its service over."""


class _Heartbeat:
    def __init__(self) -> None:
        self.drivers: set[Driver] = set()
        self.task: asyncio.Task[None] | None = None

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(LedgerError):  # a database that restarts is back before the run counts as stalled
                await follow_ledger(at_once=True)
                await requests.beat(ledger(), self.drivers, now=clock().now())


_heartbeats: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Heartbeat]" = WeakKeyDictionary()


@contextmanager
def keep_alive(driver: Driver) -> Iterator[None]:
    """Send heartbeats for the driver's request while the block runs."""
    heartbeat = _heartbeats.setdefault(asyncio.get_running_loop(), _Heartbeat())
    heartbeat.drivers.add(driver)
    if heartbeat.task is None:
        heartbeat.task = asyncio.create_task(heartbeat.beat())
    try:
        yield
    finally:
        heartbeat.drivers.discard(driver)
        if not heartbeat.drivers and heartbeat.task is not None:
            heartbeat.task.cancel()
            heartbeat.task = None
