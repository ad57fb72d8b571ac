"""Waiting for what happens to servers: one poller for each panel, shared by everybody who waits.

However many wait, the panel is asked once per interval. A waiter is woken only when its server has changed or its time
is over.
"""

import asyncio
import copy
import logging
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import TypeAlias

from answers.breaker import asking_anyway
from dcimanager.errors import PanelError, PanelNotFound, PanelUnreachable
from dcimanager.server_row import Server
from dcimanager.servers import Servers
from dcimanager.transport import Sleep

Now: TypeAlias = Callable[[], float]

SHORTEST_SECONDS = 5.0
"""What fails does so early, and a wait that is nearly over should not be ended for a moment's delay."""
LONGEST_SECONDS = 30.0
"""The panel's own modules ask every 12 to 30 s (docs/sources.md, panel 13)."""
SHARE = 0.1
"""The interval is a tenth of the time waited so far or left, whichever is shorter: nobody notices that delay."""

_log = logging.getLogger(__name__)


def interval(waited: float, left: float) -> float:
    """Seconds from one look to the next: few at first and near the deadline, more in between."""
    return min(max(SHARE * min(waited, left), SHORTEST_SECONDS), LONGEST_SECONDS)


@dataclass(eq=False)
class _Waiter:
    """One call of `until_changed`: the server as the caller saw it, and the caller's times in seconds.

    `since` is the moment of the call on the watch's clock; `waited` and `left` count from the whole wait's begin and to
    its deadline at that moment; `at_most` bounds this call alone.
    """

    seen: Server
    since: float
    waited: float
    left: float
    at_most: float
    told: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    lost: PanelUnreachable | None = None
    """Why the last look failed; None when it did not."""

    def next_look(self, last: float) -> float:
        """The moment of the next look for this waiter, if the last one was at `last`."""
        last = max(last, self.since)
        passed = last - self.since
        return last + interval(self.waited + passed, self.left - passed)

    def ends_at(self) -> float:
        """The moment at which this call ends although nothing has changed."""
        return self.since + min(self.left, self.at_most)


class Watch:
    """The one poller of a panel: it starts with the first waiter and ends with the last.

    `now` and `sleep` share one clock. Deadlines are not checked while a look is under way, so a panel that takes a
    minute to fail makes a deadline up to a minute late.
    """

    def __init__(self, panel: str, servers: Servers, *, sleep: Sleep, now: Now) -> None:
        self._panel = panel
        self._servers = servers
        self._sleep = sleep
        self._now = now
        self._waiters: dict[_Waiter, None] = {}
        self._poller: asyncio.Task[None] | None = None
        self._sleeping: asyncio.Future[object] | None = None
        self._looked = float("-inf")
        self._is_down = False

    async def until_changed(self, seen: Server, *, waited: float, left: float, at_most: float = float("inf")) -> bool:
        """Wait until the server differs from what was seen, or is gone: True; False when the time is over.

        Compared are its operation with the state of the operation's steps, its owner and its hardware. `waited` and
        `left` are the seconds since the whole wait began and until its deadline; `at_most` ends this call earlier.
        While the panel cannot be reached, the wait goes on.
        Raises PanelUnreachable: the panel cannot be reached at the deadline. Raises PanelError: the panel refuses the
        list, or answers outside its schema. That error, and any other that ends the poller, goes to every waiter.
        """
        if left <= 0:
            return False
        waiter = _Waiter(seen, self._now(), waited, left, at_most)
        self._waiters[waiter] = None
        if self._poller is None or self._poller.done():
            # In a context of its own: its log lines must not go to the run that happened to come first.
            self._poller = asyncio.get_running_loop().create_task(self._poll(), context=Context())
        self._wake()
        try:
            return await waiter.told
        finally:
            self._waiters.pop(waiter, None)
            if not self._waiters:
                self._wake()

    async def aclose(self) -> None:
        """Stop the poller and cancel every wait. Never raises."""
        for waiter in self._waiters:
            waiter.told.cancel()
        if self._poller is not None and not self._poller.done():
            self._poller.cancel()
            await asyncio.wait({self._poller})

    async def _poll(self) -> None:
        with asking_anyway():  # one call for all who wait, at a pace of its own
            await self._poll_on()

    async def _poll_on(self) -> None:
        try:
            while self._waiters:
                look_at = min(waiter.next_look(self._looked) for waiter in self._waiters)
                wake_at = min(look_at, *(waiter.ends_at() for waiter in self._waiters))
                now = await self._sleep_until(wake_at)
                if now >= look_at and self._waiters:
                    await self._look()
                for waiter in [waiter for waiter in self._waiters if now >= waiter.ends_at()]:
                    at_deadline = waiter.left <= waiter.at_most
                    self._answer(waiter, waiter.lost if at_deadline and waiter.lost is not None else False)
        except BaseException as error:
            for waiter in list(self._waiters):
                self._answer(waiter, error)
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
                raise

    async def _sleep_until(self, moment: float) -> float:
        """Sleep until the moment, or until `_wake`; returns the time afterwards."""
        self._sleeping = asyncio.ensure_future(self._sleep(max(0.0, moment - self._now())))
        try:
            await asyncio.wait({self._sleeping})
            if self._sleeping.cancelled():
                return self._now()
            self._sleeping.result()
            return max(moment, self._now())  # clocks round, and the moment has come
        finally:
            self._sleeping.cancel()

    def _wake(self) -> None:
        if self._sleeping is not None:
            self._sleeping.cancel()

    async def _look(self) -> None:
        waiting = list(self._waiters)
        try:
            shown = await self._shown({waiter.seen.id for waiter in waiting})
        except PanelUnreachable as error:
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
                self._answer(waiter, server)
            elif server is None or _what_counts(server) != _what_counts(waiter.seen):
                self._answer(waiter, True)

    async def _shown(self, ids: set[int]) -> "dict[int, Server | PanelError | None]":
        """Each server as the panel shows it now; None: it is gone; an error: this one could not be read."""
        shown: dict[int, Server | PanelError | None] = dict(await self._servers.among(ids))
        for server_id in ids - shown.keys():
            # A server that a list lacks may still be there: only the call for this one server tells.
            try:
                shown[server_id] = await self._servers.get(server_id)
            except PanelUnreachable:
                raise
            except PanelNotFound:
                shown[server_id] = None
            except PanelError as error:
                shown[server_id] = error
        return shown

    def _answer(self, waiter: _Waiter, what: bool | BaseException) -> None:
        self._waiters.pop(waiter, None)
        if waiter.told.done():
            return
        if isinstance(what, bool):
            waiter.told.set_result(what)
        else:
            # Each waiter raises a copy of its own, since raising one adds a traceback and notes to it.
            waiter.told.set_exception(copy.copy(what) if isinstance(what, PanelError) else what)


def _what_counts(server: Server) -> tuple[object, ...]:
    operation = server.operation
    doing = None if operation is None else (operation.id, operation.kind, operation.status, operation.progress_info)
    # Not status_info: a panel that counts seconds there would wake every waiter at each look.
    return (doing, server.owner_email, server.serial, server.macs, server.barcode)
