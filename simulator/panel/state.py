"""The state of a simulated panel and its pending changes.

There are no threads and no timers: a change is pending with a time, and it is applied when somebody looks.
"""

import copy
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from simulator.panel.clock import SimClock
from simulator.panel.errors import no_element
from simulator.panel.models import SimLocation, SimOperation, SimPool, SimPort, SimServer, SimTemplate, SimUser
from simulator.panel.profile import Profile
from simulator.panel.variants import Variants

REMEMBERED = ("servers", "ports", "operations", "users", "_ids")
"""What a back-up of the panel's database has. The pools are left out: no address is given to two servers."""


@dataclass(frozen=True)
class Incident:
    """Something that must not happen in a well-run data centre."""

    kind: str
    server_id: int
    at: float
    """Simulated seconds."""
    note: str = ""


class PanelState:
    """Everything that the panel's parts share."""

    def __init__(self, profile: Profile, clock: SimClock, variants: Variants) -> None:
        self.profile = profile
        self.clock = clock
        self.variants = variants
        self.chance = random.Random(profile.seed)  # noqa: S311 - it has to be repeatable, not secret
        self.servers: dict[int, SimServer] = {}
        self.ports: dict[int, tuple[SimServer, SimPort]] = {}
        self.operations: dict[int, SimOperation] = {}
        self.users: dict[int, SimUser] = {}
        self.pools: dict[int, SimPool] = {}
        self.deallocation_pools: list[int] = []
        self.templates: dict[int, SimTemplate] = {}
        self.locations: dict[int, SimLocation] = {}
        self.odd_rows: dict[int, Callable[[dict[str, Any]], object]] = {}
        """Servers whose row is spoiled before it is shown, by what does it: rows that no client can read."""
        self.incidents: list[Incident] = []
        self.changes = 0
        """How many changes were applied; lists show it as `last_notify`."""
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._moment: float | None = None
        self._ids: dict[str, int] = {}

    def now(self) -> float:
        """Simulated seconds; while pending changes are applied, the time of the change."""
        return self.clock.now() if self._moment is None else self._moment

    def later(self, seconds: float, change: Callable[[], None]) -> None:
        """Apply a change so many simulated seconds from now."""
        heapq.heappush(self._queue, (self.now() + seconds, next(self._order), change))

    def settle(self) -> None:
        """Apply everything whose time has come, in order."""
        while self._queue and self._queue[0][0] <= self.clock.now():
            self._moment, _, change = heapq.heappop(self._queue)
            try:
                self.changes += 1
                change()
            finally:
                self._moment = None

    def next_id(self, kind: str, start: int = 1) -> int:
        """A number that no other thing of this kind has."""
        number = self._ids.get(kind, start)
        self._ids[kind] = number + 1
        return number

    def save(self) -> dict[str, Any]:
        """A back-up of the panel's database: all that it remembers, as it is now, for `restore`."""
        return copy.deepcopy({name: getattr(self, name) for name in REMEMBERED})

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore a back-up. The disks stay as they are: they are in no database. What was pending is forgotten."""
        disks = {server.id: server.disk for server in self.servers.values()}
        for name, value in copy.deepcopy(saved).items():
            setattr(self, name, value)
        for server in self.servers.values():
            server.disk = disks.get(server.id, server.disk)
        self._queue.clear()

    def record(self, kind: str, server: SimServer, note: str = "") -> None:
        """Record an incident."""
        self.incidents.append(Incident(kind, server.id, self.now(), note))

    def server(self, server_id: int | str) -> SimServer:
        """A server by its id. Raises ApiError 3080: there is none."""
        server = self.servers.get(int(server_id)) if str(server_id).isdigit() else None
        if server is None:
            raise no_element("server", server_id)
        return server

    def owner_email(self, server: SimServer) -> str | None:
        """The owner's e-mail, or None for a free server."""
        return None if server.owner_id is None else self.users[server.owner_id].email
