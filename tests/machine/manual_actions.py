"""What administrators and tenants do without dciflow, and how it changes the expected state."""

from collections.abc import Callable
from itertools import count
from typing import Literal

from ledger.states import State
from simulator.panel.models import OperationType, SimServer
from tests.harness import Harness
from tests.machine.expected_state import Data, ExpectedState, Peek

STRANGER = "stranger@example.com"


class ManualActions:
    """Does something by hand to one server, if that is possible there now."""

    def __init__(self, harness: Harness, expected: ExpectedState, peek: Peek) -> None:
        self._harness = harness
        self._by_hand = harness.panel.admin
        self._expected = expected
        self._peek = peek
        self._texts = count(1)

    def do(self, what: str, server_id: int) -> None:
        """Do one of ACTS."""
        self._harness.panel.settle()
        if server_id in self._harness.panel.servers:
            ACTS[what](self, self._harness.panel.servers[server_id])

    def ports_off(self, server: SimServer) -> None:
        self._switch(server, "down")

    def ports_on(self, server: SimServer) -> None:
        self._switch(server, "up")

    def _switch(self, server: SimServer, to: Literal["up", "down"]) -> None:
        self._by_hand.switch_port(server.id, to)
        self._expected.ports_left.add(server.id)
        self._expected.ports_by_hand[server.id] = len(self._harness.panel.requests)

    def power_off(self, server: SimServer) -> None:
        self._by_hand.power(server.id, "off")

    def protect(self, server: SimServer) -> None:
        self._by_hand.protect(server.id)

    def unprotect(self, server: SimServer) -> None:
        self._by_hand.protect(server.id, on=False)

    def maintain(self, server: SimServer) -> None:
        server.in_maintenance = not server.in_maintenance

    def give_away(self, server: SimServer) -> None:
        """A stranger gets the server and uses it. Not while something runs on it, whose end would wipe their data."""
        if server.running_operation is None and server.id not in self._expected.strangers:
            self._by_hand.set_owner(server.id, STRANGER)
            self._expected.owners_changed.add(server.id)
            data = Data(f"the stranger's data {next(self._texts)}")
            self._harness.panel.write_tenant_data(server.id, data.text)
            self._expected.strangers[server.id] = data

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
        self._expected.owners_changed.add(server.id)
        self._expected.strangers.pop(server.id, None)
        if not server.disk.is_clear:
            self._expected.dirtied.add(server.id)

    def check_disks(self, server: SimServer) -> None:
        self._start(server, "diagnostics")

    def clear_disks(self, server: SimServer) -> None:
        self._start(server, "diagnostics", clear=True)

    def install(self, server: SimServer) -> None:
        """Not in the middle of an activation: docs/limits.md, on installations that pass for ours."""
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
        incidents = len(self._harness.panel.incidents)
        self._by_hand.start_operation(server.id, type, clear_disks=clear)
        del self._harness.panel.incidents[incidents:]
        self._expected.worked_on.add(server.id)
        if clear or type == "os_install":
            self._expected.tenants.pop(server.id, None)
            self._expected.strangers.pop(server.id, None)
        if type == "os_install":
            self._expected.dirtied.add(server.id)

    def end_operation(self, server: SimServer) -> None:
        if server.running_operation is not None:
            self._by_hand.end_operation(server.id)
            self._expected.worked_on.add(server.id)

    def add_address(self, server: SimServer) -> None:
        self._harness.panel.addresses.add(server, self._harness.panel.pool("public-v4"), 1)
        self._expected.addressed.add(server.id)

    def remove_addresses(self, server: SimServer) -> None:
        for address in list(server.addresses):
            self._harness.panel.addresses.remove(server, address)
        self._expected.addressed.add(server.id)

    def swap(self, server: SimServer) -> None:
        self._expected.swapped.add(server.id)
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
        self._expected.removed.add(server.id)
        self._expected.tenants.pop(server.id, None)
        self._expected.strangers.pop(server.id, None)

    def show_oddly(self, server: SimServer) -> None:
        """The server's row cannot be read from now on, or can again."""
        odd = self._harness.panel.world.odd_rows
        if odd.pop(server.id, None) is None:
            odd[server.id] = lambda row: row.pop("owner_email")

    def use(self, server: SimServer) -> None:
        """The client writes data to their server."""
        promise = self._peek.promises().get(server.id)
        if promise is None or promise.stands not in (State.ACTIVE, State.SUSPENDED):
            return
        is_theirs = server.owner_id == promise.owner_id and server.running_operation is None
        if is_theirs and server.id not in self._expected.tenants:
            whose = self._expected.whose.get((promise.service_id, promise.generation))
            data = Data(f"the client's data {next(self._texts)}", promise.service_id, promise.generation, whose)
            self._harness.panel.write_tenant_data(server.id, data.text)
            self._expected.tenants[server.id] = data


ACTS: dict[str, Callable[[ManualActions, SimServer], None]] = {
    name: act
    for name, act in vars(ManualActions).items()
    if callable(act) and name != "do" and not name.startswith("_")
}
