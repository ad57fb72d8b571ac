"""Power of servers: what the PDU and the BMC say, and what can be asked of them.

Source: docs/sources.md, panel 6.5 and 7.1.
"""

from simulator.panel.errors import ApiError, Code
from simulator.panel.models import Power, SimServer
from simulator.panel.state import PanelState


def bmc_says(server: SimServer) -> Power:
    """The power status that the BMC reports; a BMC that is missing or cut off the network reports none."""
    if server.bmc is None or any(port.is_bmc and not port.admin_up for port in server.ports):
        return "unknown"
    return server.bmc


def power_status(server: SimServer) -> Power:
    """OFF if the panel saw the PDU port off, else what the BMC says."""
    return "off" if server.pdu_seen == "off" else bmc_says(server)


class PowerControl:
    """Power commands; each takes its time."""

    def __init__(self, world: PanelState) -> None:
        self._world = world

    def on(self, server: SimServer) -> None:
        """Switch on. With the PDU off, its port is enabled first; the panel learns of it at its next look at the PDU.

        Raises ApiError: the server is on, or has nothing to switch it on with.
        """
        if power_status(server) == "on":
            raise ApiError(400, Code.WRONG_POWER, "Server is already powered on", {"power_status": "on"})
        if server.bmc is None and server.pdu in (None, "on"):
            raise ApiError(400, Code.WRONG_POWER, "Server has no BMC and its PDU port is on")
        self.switch(server, "on")

    def off(self, server: SimServer) -> None:
        """Switch off through the BMC. Raises ApiError: the server is not on, or is protected."""
        self._refuse_protected(server)
        if (status := power_status(server)) != "on":
            raise ApiError(400, Code.WRONG_POWER, "Server is not powered on", {"power_status": status})
        self.switch(server, "off")

    def reset(self, server: SimServer) -> None:
        """Reboot, or power on a server that is off. Raises ApiError: the server is protected."""
        self._refuse_protected(server)
        delay = self._world.profile.power_seconds
        if not self._world.profile.failures.power_stuck and server.bmc == "on":
            self._world.later(delay / 2, lambda: self._set_bmc(server, "off"))
        self.switch(server, "on")

    def switch(self, server: SimServer, to: Power) -> None:
        """Let the power change after its delay, asking nobody."""
        if self._world.profile.failures.power_stuck:
            return
        if to == "on" and server.pdu == "off":
            self.set_pdu(server, "on")
        self._world.later(self._world.profile.power_seconds, lambda: self._set_bmc(server, to))

    def set_pdu(self, server: SimServer, to: Power) -> None:
        """Switch the PDU port; the panel sees it at its next round."""
        server.pdu = to
        lag = self._world.profile.pdu_lag
        wait = lag - self._world.now() % lag if lag > 0 else 0.0

        def look() -> None:
            server.pdu_seen = server.pdu

        self._world.later(wait, look)

    @staticmethod
    def _set_bmc(server: SimServer, to: Power) -> None:
        if server.bmc is not None:
            server.bmc = to
        if to == "off":
            server.in_recovery = False  # its own OS is what it boots next

    @staticmethod
    def _refuse_protected(server: SimServer) -> None:
        if server.is_protected:
            raise ApiError(400, Code.PROTECTED, "Server is protected", {"server": server.id})
