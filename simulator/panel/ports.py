"""Switch ports.

Source: docs/sources.md, panel 8.
"""

from simulator.panel.errors import no_element
from simulator.panel.models import SimPort, SimServer
from simulator.panel.state import PanelState


class SimPorts:
    """Ports of switches with servers' cables in them; switching takes its time."""

    def __init__(self, world: PanelState) -> None:
        self._world = world

    def get(self, port_id: str, switch_id: str | None) -> tuple[SimServer, SimPort]:
        """A port and its server. Raises ApiError 3080: that switch has no such port."""
        found = self._world.ports.get(int(port_id)) if port_id.isdigit() else None
        if found is None or switch_id not in (None, str(found[1].switch)):
            raise no_element("port", port_id)
        return found

    def switch(self, server: SimServer, port: SimPort, *, up: bool) -> None:
        """Switch a port. Cutting off a BMC is done as asked, and is an incident."""
        if port.is_bmc and not up:
            self._world.record("bmc_port_cut", server, port.description)
        if self._world.profile.failures.ports_stuck:
            return
        port.pending = up

        def apply() -> None:
            # A later command the other way has taken over the port.
            if port.pending is up:
                port.admin_up, port.pending = up, None

        self._world.later(self._world.profile.port_seconds, apply)
