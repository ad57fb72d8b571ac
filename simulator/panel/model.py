"""The model of a DCImanager 6: what it remembers and what can be done with it, without HTTP."""

import time
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from simulator.panel.addresses import SimAddresses
from simulator.panel.admin_actions import AdminActions
from simulator.panel.builder import build
from simulator.panel.clock import RealClock, SimClock
from simulator.panel.models import OperationType, Power, SimPool, SimServer, SimTemplate
from simulator.panel.operations import Script, SimOperations
from simulator.panel.ports import SimPorts
from simulator.panel.power import PowerControl, power_status
from simulator.panel.profile import Profile
from simulator.panel.serializers import Serializers
from simulator.panel.sessions import Sessions
from simulator.panel.state import Incident, PanelState
from simulator.panel.users import Owners, SimUsers
from simulator.panel.variants import Variants


@dataclass(frozen=True)
class RecordedRequest:
    """One call that arrived: its time (simulated), what it was, what it came to."""

    at: float
    method: str
    path: str
    """Without a leading slash or /api; a token in it is masked."""
    endpoint: str | None
    """The name in the table of endpoints; None: no such route."""
    status: int | None
    """None: the connection was cut before the call was handled."""
    body: dict[str, Any] | None
    """With passwords and tokens masked."""
    lost: bool = False
    """The call had its effect; its answer did not arrive in time."""
    wall: float = field(default_factory=time.time)
    """The real time at which it was handled, in seconds since 1970: comparable with Prefect's own times."""

    @property
    def writes(self) -> bool:
        """Whether it could change something."""
        return self.method != "GET" and self.endpoint not in ("login", "logout")


class PanelModel:
    """A simulated panel. Call settle() before reading it: it applies the changes that are due."""

    def __init__(
        self, profile: Profile | None = None, clock: SimClock | None = None, variants: Variants | None = None
    ) -> None:
        self.world = PanelState(profile or Profile.small(), clock or RealClock(), variants or Variants())
        build(self.world)
        self.power = PowerControl(self.world)
        self.ports = SimPorts(self.world)
        self.addresses = SimAddresses(self.world)
        self.operations = SimOperations(self.world, self.power, self.addresses)
        self.users = SimUsers(self.world)
        self.owners = Owners(self.world, self.users, self.operations)
        self.sessions = Sessions(self.world)
        self.serializers = Serializers(self.world)
        self.admin = AdminActions(self.world, self.users, self.power, self.operations)
        self.requests: list[RecordedRequest] = []

    @property
    def profile(self) -> Profile:
        """Sizes and delays."""
        return self.world.profile

    @property
    def variants(self) -> Variants:
        """How this panel speaks."""
        return self.world.variants

    @property
    def servers(self) -> dict[int, SimServer]:
        """All servers by id."""
        return self.world.servers

    @property
    def incidents(self) -> list[Incident]:
        """Incidents, oldest first.

        Kinds: wiped_with_owner, handed_over_unwiped, owner_replaced, bmc_port_cut, installed_without_owner,
        installed_over_owner_change.
        """
        return self.world.incidents

    def settle(self) -> None:
        """Apply every change whose time has come."""
        self.world.settle()

    def server(self, server_id: int) -> SimServer:
        """A server as it is now. Raises ApiError 3080: there is none."""
        self.settle()
        return self.world.server(server_id)

    def owner_of(self, server_id: int) -> str | None:
        """The e-mail of the server's owner; None: it is free."""
        return self.world.owner_email(self.server(server_id))

    def power_of(self, server_id: int) -> Power:
        """The power status that the panel shows."""
        return power_status(self.server(server_id))

    def pool(self, name: str) -> SimPool:
        """A pool by name. Raises KeyError."""
        for pool in self.world.pools.values():
            if pool.name == name:
                return pool
        raise KeyError(name)

    def template(self, name: str, location_id: int) -> SimTemplate:
        """A template by name and location. Raises KeyError."""
        for template in self.world.templates.values():
            if (template.name, template.location_id) == (name, location_id):
                return template
        raise KeyError(name)

    def write_tenant_data(self, server_id: int, text: str) -> None:
        """A client uses the server: something of theirs is on its disks now."""
        server = self.server(server_id)
        before = f"{server.disk.content}; " if server.disk.content else ""
        server.disk.write(before + text, self.world.owner_email(server) or server.disk.tenant)

    def fail_next(self, type: OperationType, server_id: int | None = None, after: float | None = None) -> None:
        """The next operation of this kind (on this server) fails, so many simulated seconds in; None: halfway."""
        self.operations.scripts.append(Script(type, server_id, hangs=False, after=after))

    def hang_next(self, type: OperationType, server_id: int | None = None) -> None:
        """The next operation of this kind (on this server) never comes to an end by itself."""
        self.operations.scripts.append(Script(type, server_id, hangs=True))

    def requests_since(self, wall: float) -> list[RecordedRequest]:
        """The calls that arrived from that real time on, oldest first."""
        return self.requests[bisect_left(self.requests, wall, key=lambda call: call.wall) :]

    def writes(self, server_id: int | None = None) -> list[RecordedRequest]:
        """The calls that could change something: neither GET nor a login or logout; of one server, if given."""
        found = [call for call in self.requests if call.writes]
        if server_id is None:
            return found
        return [call for call in found if f"/server/{server_id}/" in f"/{call.path}/"]
