"""Operations: OS installations, diagnostics and rescue systems, which take their time, fail, hang and can be ended.

Source: docs/sources.md, panel 6.3, 7.3, 7.4, 7.5 and 7.8.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulator.panel.addresses import SimAddresses
from simulator.panel.builder import DIAGNOSTICS_STEPS
from simulator.panel.errors import ApiError, Code, no_element
from simulator.panel.models import OperationType, SimOperation, SimServer, SimStep, SimTemplate, Status
from simulator.panel.power import PowerControl
from simulator.panel.profile import DIAGNOSTICS_LIMIT_SECONDS
from simulator.panel.state import PanelState

RESCUE_STEPS = ("prepare_template", "boot")
INSTALL_STEPS = ("prepare_template", "upload_template", "install_os", "configure_network")

FAILURES: dict[OperationType, str] = {
    "os_install": "The installer did not report back",
    "diagnostics": "Disk sda could not be written",
    "recovery": "The server did not boot by PXE",
}


@dataclass(frozen=True)
class Script:
    """How the next operation of a kind ends. `after` is in simulated seconds; None: halfway."""

    type: OperationType
    server_id: int | None
    hangs: bool
    after: float | None = None


class SimOperations:
    """Starting, following and ending operations; a server has one at a time."""

    def __init__(self, world: PanelState, power: PowerControl, addresses: SimAddresses) -> None:
        self._world = world
        self._power = power
        self._addresses = addresses
        self.scripts: list[Script] = []

    def get(self, operation_id: str, server_id: str | None) -> SimOperation:
        """An operation. Raises ApiError 3080: there is none, or it is another server's."""
        found = self._world.operations.get(int(operation_id)) if operation_id.isdigit() else None
        if found is None or server_id not in (None, str(found.server_id)):
            raise no_element("operation", operation_id)
        return found

    def start_install(
        self, server: SimServer, template: SimTemplate, hostname: str | None = None, ssh_keys: tuple[str, ...] = ()
    ) -> SimOperation:
        """Install an OS that these SSH keys open.

        Raises ApiError: protected, busy, no power control, unfit template, no address.
        """
        self._refuse_unready(server)
        if template.kind != "os":
            raise ApiError(400, Code.TEMPLATE_UNFIT, f"Template {template.name} is not an operating system")
        if template.location_id != server.location_id:
            raise ApiError(
                400, Code.TEMPLATE_UNFIT, f"Template {template.name} is not available in the server's location"
            )
        if server.efi and not template.efi:
            raise ApiError(400, Code.TEMPLATE_UNFIT, f"Template {template.name} does not support EFI")
        if self._world.variants.install_needs_address and not server.addresses:
            raise ApiError(400, Code.NO_ADDRESS, "Server has no IP address")
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
            server.ssh_keys = ssh_keys

        self._run(server, operation, self._world.profile.os_install_seconds, begin, finish)
        return operation

    def start_diagnostics(self, server: SimServer, *, clear_disks: bool) -> SimOperation:
        """Run diagnostics, which clear the disks at their very end if asked to, and are killed after 60 minutes.

        Raises ApiError: protected, busy, no power control, or no deallocation pool with an address for the location.
        """
        self._refuse_unready(server)
        pools = [self._world.pools[number] for number in self._world.deallocation_pools]
        pool = next((pool for pool in pools if pool.serves(server.location_id) and pool.free), None)
        if pool is None:
            text = "No pool for deallocation of servers has a free address for the server's location"
            raise ApiError(400, Code.NO_DEALLOCATION_POOL, text, {"location_id": server.location_id})
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

    def start_rescue(self, server: SimServer, template: SimTemplate) -> SimOperation:
        """Boot the rescue system. Raises ApiError: protected, busy, no power control, unfit template."""
        self._refuse_unready(server)
        if template.kind != "recovery" or template.location_id != server.location_id:
            raise ApiError(400, Code.TEMPLATE_UNFIT, f"Template {template.name} is no rescue system of this location")
        operation = self._new(server, "recovery", RESCUE_STEPS)
        operation.template_id = template.id

        def finish() -> None:
            server.in_recovery = True

        self._run(server, operation, self._world.profile.rescue_seconds, lambda: None, finish)
        return operation

    def leave_rescue(self, server: SimServer) -> None:
        """Reboot into the server's own OS. Raises ApiError: it is not in the rescue system, or is protected."""
        if not server.in_recovery:
            raise ApiError(400, Code.WRONG_POWER, "Server is not in recovery mode")
        self._power.reset(server)

    def end(self, operation: SimOperation, status: Status) -> None:
        """Set the status of a running operation by hand; a finished one is not changed."""
        self._close(operation, status, "The operation was ended by an administrator")

    def _refuse_unready(self, server: SimServer) -> None:
        if server.is_protected:
            raise ApiError(400, Code.PROTECTED, "Server is protected", {"server": server.id})
        if (busy := server.running_operation) is not None:
            value = {"operation": busy.id, "type": busy.type}
            raise ApiError(400, Code.BUSY, "Another operation is running on the server", value)
        if server.bmc is None:
            raise ApiError(400, Code.WRONG_POWER, "Server cannot be powered on: it has no BMC")

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
        """Schedule the operation: its beginning, its steps and its end."""
        script = self._script(operation)
        wait = min(self._world.profile.queue_seconds, seconds / 10)

        def start() -> None:
            operation.status = "in_progress"
            server.in_recovery = False
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
