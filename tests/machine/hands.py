"""What administrators and tenants do past dciflow, and what that means for the machine's memory."""

from collections.abc import Callable
from itertools import count

from ledger.lifecycle import State
from simulator.things import OperationType, SimServer
from tests.machine.memory import Data, Memory, Peek
from tests.stage import Stage

STRANGER = "stranger@example.com"


class Hands:
    """Does something by hand to one server, if it can be done there now."""

    def __init__(self, stage: Stage, memory: Memory, peek: Peek) -> None:
        self._stage = stage
        self._by_hand = stage.panel.by_hand
        self._memory = memory
        self._peek = peek
        self._texts = count(1)

    def do(self, what: str, server_id: int) -> None:
        """Do one of ACTS."""
        self._stage.panel.settle()
        if server_id in self._stage.panel.servers:
            ACTS[what](self, self._stage.panel.servers[server_id])

    def ports_off(self, server: SimServer) -> None:
        self._by_hand.switch_port(server.id, "down")
        self._memory.ports_left.add(server.id)

    def ports_on(self, server: SimServer) -> None:
        self._by_hand.switch_port(server.id, "up")
        self._memory.ports_left.add(server.id)

    def power_off(self, server: SimServer) -> None:
        self._by_hand.power(server.id, "off")

    def protect(self, server: SimServer) -> None:
        self._by_hand.protect(server.id)

    def unprotect(self, server: SimServer) -> None:
        self._by_hand.protect(server.id, on=False)

    def maintain(self, server: SimServer) -> None:
        server.in_maintenance = not server.in_maintenance

    def give_away(self, server: SimServer) -> None:
        """A stranger gets the server and uses it. Not while something runs on it, which would be his own loss."""
        if server.running_operation is None and server.id not in self._memory.strangers:
            self._by_hand.set_owner(server.id, STRANGER)
            self._memory.owners_changed.add(server.id)
            data = Data(f"the stranger's data {next(self._texts)}")
            self._stage.panel.write_tenant_data(server.id, data.text)
            self._memory.strangers[server.id] = data

    def take_off(self, server: SimServer) -> None:
        if server.owner_id is not None and server.running_operation is None:
            self._by_hand.set_owner(server.id, None)
            self._no_longer_a_strangers(server)

    def give_back(self, server: SimServer) -> None:
        """The owner is put right: the client, or nobody where the wipe was permitted already."""
        promise = self._peek.promises().get(server.id)
        if promise is None or server.running_operation is not None:
            return
        server.owner_id = None if promise.stands is State.ERASING else promise.owner_id
        self._no_longer_a_strangers(server)

    def _no_longer_a_strangers(self, server: SimServer) -> None:
        self._memory.owners_changed.add(server.id)
        self._memory.strangers.pop(server.id, None)
        if not server.disk.is_clear:
            self._memory.dirtied.add(server.id)

    def check_disks(self, server: SimServer) -> None:
        self._start(server, "diagnostics")

    def clear_disks(self, server: SimServer) -> None:
        self._start(server, "diagnostics", clear=True)

    def install(self, server: SimServer) -> None:
        """Not in the middle of an activation: README, Limits, on installations that pass for ours."""
        promise = self._peek.promises().get(server.id)
        if promise is None or promise.stands in (State.ACTIVE, State.SUSPENDED):
            self._start(server, "os_install")

    def _start(self, server: SimServer, type: OperationType, *, clear: bool = False) -> None:
        if (
            server.is_protected
            or server.running_operation is not None
            or (type == "os_install" and not server.addresses)
        ):
            return
        incidents = len(self._stage.panel.incidents)
        self._by_hand.start_operation(server.id, type, clear_disks=clear)
        del self._stage.panel.incidents[incidents:]
        self._memory.worked_on.add(server.id)
        if clear or type == "os_install":
            self._memory.tenants.pop(server.id, None)
            self._memory.strangers.pop(server.id, None)
        if type == "os_install":
            self._memory.dirtied.add(server.id)

    def end_operation(self, server: SimServer) -> None:
        if server.running_operation is not None:
            self._by_hand.end_operation(server.id)
            self._memory.worked_on.add(server.id)

    def add_address(self, server: SimServer) -> None:
        self._stage.panel.addresses.add(server, self._stage.panel.pool("public-v4"), 1)
        self._memory.addressed.add(server.id)

    def remove_addresses(self, server: SimServer) -> None:
        for address in list(server.addresses):
            self._stage.panel.addresses.remove(server, address)
        self._memory.addressed.add(server.id)

    def swap(self, server: SimServer) -> None:
        self._memory.swapped.add(server.id)
        self._by_hand.swap_hardware(server.id)

    def swap_back(self, server: SimServer) -> None:
        """The machine that the service was promised is put back."""
        promise = self._peek.promises().get(server.id)
        if promise is not None:
            server.serial, server.macs = promise.serial, promise.macs
            for port, mac in zip(server.ports, server.macs, strict=True):
                port.mac = mac

    def remove(self, server: SimServer) -> None:
        self._by_hand.remove_server(server.id)
        self._memory.removed.add(server.id)
        self._memory.tenants.pop(server.id, None)
        self._memory.strangers.pop(server.id, None)

    def use(self, server: SimServer) -> None:
        """The client puts something on his server."""
        promise = self._peek.promises().get(server.id)
        if promise is None or promise.stands not in (State.ACTIVE, State.SUSPENDED):
            return
        is_his = server.owner_id == promise.owner_id and server.running_operation is None
        if is_his and server.id not in self._memory.tenants:
            data = Data(f"the client's data {next(self._texts)}", promise.service_id, promise.generation)
            self._stage.panel.write_tenant_data(server.id, data.text)
            self._memory.tenants[server.id] = data


ACTS: dict[str, Callable[[Hands, SimServer], None]] = {
    name: act for name, act in vars(Hands).items() if callable(act) and name != "do" and not name.startswith("_")
}
