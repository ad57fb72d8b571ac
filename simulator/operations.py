"""Operations: OS installations and diagnostics, which take their time, fail, hang and can be ended.

Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 6.3, 7.3, 7.4 and 7.8.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulator.addresses import Addresses
from simulator.building import DIAGNOSTICS_STEPS
from simulator.power import PowerControl
from simulator.profile import DIAGNOSTICS_LIMIT_SECONDS
from simulator.refusals import Code, Refusal, no_element
from simulator.things import OperationType, SimOperation, SimServer, SimStep, SimTemplate, Status
from simulator.world import World

INSTALL_STEPS = ("prepare_template", "upload_template", "install_os", "configure_network")

FAILURES: dict[OperationType, str] = {
    "os_install": "The installer did not report back",
    "diagnostics": "Disk sda could not be written",
}


@dataclass(frozen=True)
class Script:
    """What the next operation of a kind will come to. `after` is in simulated seconds; None: halfway."""

    type: OperationType
    server_id: int | None
    hangs: bool
    after: float | None = None


class Operations:
    """Starting, following and ending operations; a server has one at a time."""

    def __init__(self, world: World, power: PowerControl, addresses: Addresses) -> None:
        self._world = world
        self._power = power
        self._addresses = addresses
        self.scripts: list[Script] = []

    def get(self, operation_id: str, server_id: str | None) -> SimOperation:
        """An operation. Raises Refusal 3080: there is none, or it is another server's."""
        found = self._world.operations.get(int(operation_id)) if operation_id.isdigit() else None
        if found is None or server_id not in (None, str(found.server_id)):
            raise no_element("operation", operation_id)
        return found

    def start_install(self, server: SimServer, template: SimTemplate, hostname: str | None = None) -> SimOperation:
        """Install an OS. Raises Refusal: protected, busy, no power control, unfit template, no address."""
        self._refuse_unready(server)
        if template.kind != "os":
            raise Refusal(400, Code.TEMPLATE_UNFIT, f"Template {template.name} is not an operating system")
        if template.location_id != server.location_id:
            raise Refusal(
                400, Code.TEMPLATE_UNFIT, f"Template {template.name} is not available in the server's location"
            )
        if server.efi and not template.efi:
            raise Refusal(400, Code.TEMPLATE_UNFIT, f"Template {template.name} does not support EFI")
        if self._world.variants.install_needs_address and not server.addresses:
            raise Refusal(400, Code.NO_ADDRESS, "Server has no IP address")
        operation = self._new(server, "os_install", INSTALL_STEPS)
        operation.template_id = template.id
        if operation.owner_at_start is None:
            self._world.record("installed_without_owner", server, template.name)

        def begin() -> None:
            server.disk.write(f"half-installed {template.name}", self._world.owner_email(server))

        def finish() -> None:
            owner = self._world.owner_email(server)
            if owner != operation.owner_at_start:
                self._world.record("installed_over_owner_change", server, f"{operation.owner_at_start} to {owner}")
            server.disk.write(f"os {template.name} for {operation.owner_at_start}", operation.owner_at_start)
            server.os_template = template.id
            server.domain = hostname or server.domain

        self._run(server, operation, self._world.profile.os_install_seconds, begin, finish)
        return operation

    def start_diagnostics(self, server: SimServer, *, clear_disks: bool) -> SimOperation:
        """Run diagnostics, which clear the disks at their very end if asked to, and are killed after 60 minutes.

        Raises Refusal: protected, busy, no power control, or no deallocation pool with an address for the location.
        """
        self._refuse_unready(server)
        pools = [self._world.pools[number] for number in self._world.deallocation_pools]
        pool = next((pool for pool in pools if pool.serves(server.location_id) and pool.free), None)
        if pool is None:
            text = "No pool for deallocation of servers has a free address for the server's location"
            raise Refusal(400, Code.NO_DEALLOCATION_POOL, text, {"location_id": server.location_id})
        operation = self._new(server, "diagnostics", DIAGNOSTICS_STEPS)
        operation.clear_disks = clear_disks
        operation.address = self._addresses.borrow(server, pool)
        owner = operation.owner_at_start
        if clear_disks and owner is not None:
            self._world.record("wiped_with_owner", server, owner)

        def begin() -> None:
            server.state = "active"

        def finish() -> None:
            if not clear_disks:
                return
            now_owner = self._world.owner_email(server)
            if now_owner is not None and owner is None:
                self._world.record("wiped_with_owner", server, now_owner)
            server.disk.clear()
            server.os_template = None

        self._run(server, operation, self._world.profile.diagnostics_seconds, begin, finish)
        killed_as = self._world.variants.diagnostics_killed_as
        text = "The operation was ended: it took more than 60 minutes"
        self._world.later(DIAGNOSTICS_LIMIT_SECONDS, lambda: self._close(operation, killed_as, text))
        return operation

    def end(self, operation: SimOperation, status: Status) -> None:
        """Set the status of a running operation by hand; a finished one stays what it is."""
        self._close(operation, status, "The operation was ended by an administrator")

    def _refuse_unready(self, server: SimServer) -> None:
        if server.is_protected:
            raise Refusal(400, Code.PROTECTED, "Server is protected", {"server": server.id})
        if (busy := server.running_operation) is not None:
            value = {"operation": busy.id, "type": busy.type}
            raise Refusal(400, Code.BUSY, "Another operation is running on the server", value)
        if server.bmc is None:
            raise Refusal(400, Code.WRONG_POWER, "Server cannot be powered on: it has no BMC")

    def _new(self, server: SimServer, type: OperationType, steps: tuple[str, ...]) -> SimOperation:
        operation = SimOperation(
            id=self._world.next_id("operation", 901),
            type=type,
            server_id=server.id,
            status="queued",
            started_at=self._world.now(),
            steps=[SimStep(name) for name in steps],
            owner_at_start=self._world.owner_email(server),
        )
        server.operations.append(operation)
        self._world.operations[operation.id] = operation
        return operation

    def _run(
        self,
        server: SimServer,
        operation: SimOperation,
        seconds: float,
        begin: Callable[[], None],
        finish: Callable[[], None],
    ) -> None:
        """Plan the operation's life: its beginning, its steps, and the end that it will come to."""
        script = self._script(operation)
        wait = min(self._world.profile.queue_seconds, seconds / 10)

        def start() -> None:
            operation.status = "in_progress"
            self._power.switch(server, "on")
            begin()

        self._at(operation, wait, start)
        each = (seconds - wait) / len(operation.steps)
        for i in range(len(operation.steps)):
            if not (script and script.hangs and i > len(operation.steps) // 2):
                self._at(operation, wait + i * each, partial(_show_step, operation, i))

        def done() -> None:
            finish()
            self._close(operation, "finished")

        if script is None:
            self._at(operation, seconds, done)
        elif not script.hangs:
            after = seconds / 2 if script.after is None else script.after
            self._at(operation, after, lambda: self._close(operation, "failed", FAILURES[operation.type]))
            # A failure that was to come later than the end comes too late.
            self._at(operation, seconds, done)

    def _at(self, operation: SimOperation, seconds: float, change: Callable[[], None]) -> None:
        self._world.later(seconds, lambda: change() if operation.running else None)

    def _script(self, operation: SimOperation) -> Script | None:
        for script in self.scripts:
            if script.type == operation.type and script.server_id in (None, operation.server_id):
                self.scripts.remove(script)
                return script
        failures = self._world.profile.failures
        share = failures.install_share if operation.type == "os_install" else failures.diagnostics_share
        if self._world.chance.random() < share:
            return Script(operation.type, operation.server_id, hangs=False)
        return None

    def _close(self, operation: SimOperation, status: Status, text: str = "") -> None:
        if not operation.running:
            return
        operation.status = status
        operation.finished_at = self._world.now()
        if text:
            operation.status_info = {"message": text}
        for step in operation.steps:
            if step.status == "in_progress" or status == "finished":
                step.status = status
        if operation.address is not None and operation.server_id in self._world.servers:
            self._addresses.drop(self._world.servers[operation.server_id], operation.address)


def _show_step(operation: SimOperation, number: int) -> None:
    for step in operation.steps[:number]:
        step.status = "finished"
    operation.steps[number].status = "in_progress"
