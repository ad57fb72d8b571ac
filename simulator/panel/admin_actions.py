"""What an administrator does in the panel's own pages, past every check."""

from secrets import token_urlsafe
from typing import Literal

from simulator.panel.errors import invalid
from simulator.panel.models import OperationType, Power, SimOperation, SimServer, Status
from simulator.panel.operations import SimOperations
from simulator.panel.power import PowerControl
from simulator.panel.state import PanelState
from simulator.panel.users import SimUsers


class AdminActions:
    """Changes at once, by server id. Raises ApiError 3080 where there is no such server."""

    def __init__(self, world: PanelState, users: SimUsers, power: PowerControl, operations: SimOperations) -> None:
        self._world = world
        self._users = users
        self._power = power
        self._operations = operations

    def set_owner(self, server_id: int, email: str | None) -> None:
        """Give the server to somebody, who is made a user if need be, or to nobody."""
        server = self._world.server(server_id)
        if email is None:
            server.owner_id = None
            return
        user = self._users.find(email) or self._users.create(email, password=token_urlsafe(12))
        server.owner_id = user.id

    def switch_port(self, server_id: int, to: Literal["up", "down"]) -> None:
        """Switch all network ports of the server, the BMC's excepted."""
        for port in self._world.server(server_id).network_ports:
            port.admin_up, port.pending = to == "up", None

    def power(self, server_id: int, to: Power) -> None:
        """Switch the server's power."""
        server = self._world.server(server_id)
        server.bmc = to
        if to == "on":
            server.pdu = server.pdu_seen = "on"

    def pdu(self, server_id: int, to: Power) -> None:
        """Switch the PDU port by its button: the panel sees it at its next round."""
        self._power.set_pdu(self._world.server(server_id), to)

    def protect(self, server_id: int, on: bool = True) -> None:
        """Protect the server, or stop protecting it."""
        self._world.server(server_id).is_protected = on

    def remove_server(self, server_id: int) -> None:
        """Take the server out of the panel; its addresses are free again."""
        server = self._world.server(server_id)
        for address in server.addresses:
            self._world.pools[address.pool_id].give_back(address)
        server.addresses.clear()
        for port in server.ports:
            self._world.ports.pop(port.id, None)
        del self._world.servers[server_id]

    def start_operation(
        self, server_id: int, type: OperationType = "diagnostics", *, clear_disks: bool = False, template: str = ""
    ) -> SimOperation:
        """Start an operation as the panel's own pages would, refusals included."""
        server = self._world.server(server_id)
        if type == "diagnostics":
            return self._operations.start_diagnostics(server, clear_disks=clear_disks)
        for candidate in self._world.templates.values():
            if candidate.location_id != server.location_id or template not in ("", candidate.name):
                continue
            if type == "os_install":
                return self._operations.start_install(server, candidate)
            if candidate.kind == "recovery":
                return self._operations.start_rescue(server, candidate)
        raise invalid("template", f"there is no {template} in the server's location")

    def end_operation(self, server_id: int, status: Status = "canceled") -> None:
        """End what runs on the server, if anything does."""
        operation = self._world.server(server_id).running_operation
        if operation is not None:
            self._operations.end(operation, status)

    def swap_hardware(self, server_id: int) -> SimServer:
        """Put another machine into the same place: new serial number, new MACs."""
        server = self._world.server(server_id)
        number = self._world.next_id("swap")
        server.serial = f"SWAPPED{number:05}"
        server.macs = [f"02:ff:{number >> 8 & 255:02x}:{number & 255:02x}:00:{i:02x}" for i in range(len(server.macs))]
        for port, mac in zip(server.ports, server.macs, strict=False):
            port.mac = mac
        return server
