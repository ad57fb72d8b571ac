"""Waiting for what happens to servers: one poller for each panel, shared by everybody who waits.

However many wait, the panel is asked once per interval; who has nothing to hear is not woken and costs nothing.
"""

import asyncio
import copy
import logging
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import TypeAlias

from dcimanager.errors import NotFound, PanelError, Unreachable
from dcimanager.server import Server
from dcimanager.servers import Servers
from dcimanager.transport import Sleep

Now: TypeAlias = Callable[[], float]

SHORTEST_SECONDS = 5.0
"""What fails does so early, and a wait that is nearly over should not be ended for a moment's delay."""
LONGEST_SECONDS = 30.0
"""The panel's own modules ask every 12 to 30 s (dossier "HTTP API of ISPsystem DCImanager 6", section 13)."""
SHARE = 0.1
"""A tenth of the time that was waited, or that is left, is short enough to wait on."""

_log = logging.getLogger(__name__)


def interval(waited: float, left: float) -> float:
    """Seconds to the next look: few at first and near the deadline, more in between."""
    return min(max(SHARE * min(waited, left), SHORTEST_SECONDS), LONGEST_SECONDS)


@dataclass(eq=False)
class _Waiter:
    """One who waits: what he saw, and how long he had waited and has left since he asked."""

    seen: Server
    since: float
    waited: float
    left: float
    at_most: float
    told: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    lost: Unreachable | None = None
    """Why the last look at his server told nothing."""

    def next_look(self, last: float) -> float:
        """When he wants the panel to be asked again that was asked last at that time."""
        last = max(last, self.since)
        passed = last - self.since
        return last + interval(self.waited + passed, self.left - passed)

    def rings(self) -> float:
        """When he is woken though nothing happened."""
        return self.since + min(self.left, self.at_most)


class Watch:
    """The one poller of a panel: it starts with the first who waits and ends with the last.

    `now` and `sleep` share one clock. While the panel is asked nobody's time is looked at, so a panel that takes a
    minute to fail makes a deadline that much late.
    """

    def __init__(self, panel: str, servers: Servers, *, sleep: Sleep, now: Now) -> None:
        self._panel = panel
        self._servers = servers
        self._sleep = sleep
        self._now = now
        self._waiters: dict[_Waiter, None] = {}
        self._poller: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[object] | None = None
        self._looked = float("-inf")
        self._is_down = False

    async def until_changed(self, seen: Server, *, waited: float, left: float, at_most: float = float("inf")) -> bool:
        """Wait until the panel shows the server otherwise than it was seen, or not at all; False: the time is over.

        What counts is its operation with the state of its steps, its owner and its hardware. `waited` and `left` are
        the seconds since the whole wait began and until its deadline; `at_most` ends this call earlier. A panel that
        cannot be reached is waited for.
        Raises Unreachable: so it is at the deadline. Raises PanelError: it refuses the list, or answers outside its
        schema; it is told to everybody who waits, and so is whatever else ends the poller.
        """
        if left <= 0:
            return False
        waiter = _Waiter(seen, self._now(), waited, left, at_most)
        self._waiters[waiter] = None
        if self._poller is None or self._poller.done():
            # In a context of its own: it must not log in the name of the run that happened to come first.
            self._poller = asyncio.get_running_loop().create_task(self._poll(), context=Context())
        self._wake()
        try:
            return await waiter.told
        finally:
            self._waiters.pop(waiter, None)
            if not self._waiters:
                self._wake()

    async def aclose(self) -> None:
        """Stop looking; who still waits is cancelled. Never raises."""
        for waiter in self._waiters:
            waiter.told.cancel()
        if self._poller is not None and not self._poller.done():
            self._poller.cancel()
            await asyncio.wait({self._poller})

    async def _poll(self) -> None:
        try:
            while self._waiters:
                look_at = min(waiter.next_look(self._looked) for waiter in self._waiters)
                wake_at = min(look_at, *(waiter.rings() for waiter in self._waiters))
                now = await self._nap_until(wake_at)
                if now >= look_at and self._waiters:
                    await self._look()
                for waiter in [waiter for waiter in self._waiters if now >= waiter.rings()]:
                    at_deadline = waiter.left <= waiter.at_most
                    self._tell(waiter, waiter.lost if at_deadline and waiter.lost is not None else False)
        except BaseException as error:
            for waiter in list(self._waiters):
                self._tell(waiter, error)
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
                raise

    async def _nap_until(self, moment: float) -> float:
        """Sleep until then or until somebody wakes us; the time that it is now."""
        self._nap = asyncio.ensure_future(self._sleep(max(0.0, moment - self._now())))
        try:
            await asyncio.wait({self._nap})
            if self._nap.cancelled():
                return self._now()
            self._nap.result()
            return max(moment, self._now())  # clocks round: what was slept for has come
        finally:
            self._nap.cancel()

    def _wake(self) -> None:
        if self._nap is not None:
            self._nap.cancel()

    async def _look(self) -> None:
        waiting = list(self._waiters)
        try:
            shown = await self._shown({waiter.seen.id for waiter in waiting})
        except Unreachable as error:
            if not self._is_down:
                _log.warning("%s Whoever waits for an operation there goes on waiting.", error)
            self._is_down = True
            for waiter in waiting:
                waiter.lost = error
            return
        finally:
            self._looked = self._now()
        if self._is_down:
            _log.warning("The panel %s answers again.", self._panel)
        self._is_down = False
        for waiter in waiting:
            waiter.lost = None
            server = shown[waiter.seen.id]
            if isinstance(server, PanelError):
                self._tell(waiter, server)
            elif server is None or _what_counts(server) != _what_counts(waiter.seen):
                self._tell(waiter, True)

    async def _shown(self, ids: set[int]) -> "dict[int, Server | PanelError | None]":
        """Each server as the panel shows it now; None: it is gone; an error: it does not tell of this one."""
        shown: dict[int, Server | PanelError | None] = dict(await self._servers.among(ids))
        for server_id in ids - shown.keys():
            # A list that lacks a server proves nothing.
            try:
                shown[server_id] = await self._servers.get(server_id)
            except Unreachable:
                raise
            except NotFound:
                shown[server_id] = None
            except PanelError as error:
                shown[server_id] = error
        return shown

    def _tell(self, waiter: _Waiter, what: bool | BaseException) -> None:
        self._waiters.pop(waiter, None)
        if waiter.told.done():
            return
        if isinstance(what, bool):
            waiter.told.set_result(what)
        else:
            # Each raises his own: what one of them adds to it is not for the others.
            waiter.told.set_exception(copy.copy(what) if isinstance(what, PanelError) else what)


def _what_counts(server: Server) -> tuple[object, ...]:
    operation = server.operation
    doing = None if operation is None else (operation.id, operation.kind, operation.status, operation.progress_info)
    # Not status_info: a panel that counts seconds there would wake everybody at each look.
    return (doing, server.owner_email, server.serial, server.macs, server.barcode)
