"""The state of a simulated panel and its pending changes.

There are no threads and no timers: a change is pending with a time, and it is applied when somebody looks.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from simulator.clock import Clock
from simulator.profile import Profile
from simulator.refusals import no_element
from simulator.things import SimLocation, SimOperation, SimPool, SimPort, SimServer, SimTemplate, SimUser
from simulator.variants import Variants


@dataclass(frozen=True)
class Incident:
    """Something that must not happen in a well-run data centre."""

    kind: str
    server_id: int
    at: float
    """Simulated seconds."""
    note: str = ""


class World:
    """Everything that the panel's parts share."""

    def __init__(self, profile: Profile, clock: Clock, variants: Variants) -> None:
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
        self.incidents: list[Incident] = []
        self.changes = 0
        """Grows with whatever happens; lists show it as `last_notify`."""
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._moment: float | None = None
        self._ids: dict[str, count[int]] = {}

    def now(self) -> float:
        """Simulated seconds; while pending changes are applied, the time of the change."""
        return self.clock.now() if self._moment is None else self._moment

    def later(self, seconds: float, change: Callable[[], None]) -> None:
        """Let something happen so many simulated seconds from now."""
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
        return next(self._ids.setdefault(kind, count(start)))

    def record(self, kind: str, server: SimServer, note: str = "") -> None:
        """Remember that something bad happened."""
        self.incidents.append(Incident(kind, server.id, self.now(), note))

    def server(self, server_id: int | str) -> SimServer:
        """A server by its id. Raises Refusal 3080: there is none."""
        server = self.servers.get(int(server_id)) if str(server_id).isdigit() else None
        if server is None:
            raise no_element("server", server_id)
        return server

    def owner_email(self, server: SimServer) -> str | None:
        """The owner's e-mail, or None for a free server."""
        return None if server.owner_id is None else self.users[server.owner_id].email
