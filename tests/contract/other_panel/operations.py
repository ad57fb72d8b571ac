"""Installations and diagnostics: asked for, visible some seconds later, over after many minutes."""

from collections.abc import Callable

from tests.contract.other_panel import timing
from tests.contract.other_panel.state import Image, Machine, Operation, Refusal, World

INSTALLATION = "Server OS installation"
DIAGNOSTICS = "Diagnostics of hardware"
Change = Callable[[Operation], None]

STEPS = ("boot over the network", "copy", "run", "restart")


def start_installation(world: World, machine: Machine, image: Image, root_password: str, domain: str | None) -> None:
    """Begin to install. Raises Refusal: the server is busy."""
    _not_busy(machine)
    if machine.account_id is None:
        world.alarm(f"an OS is installed on server {machine.id}, which has no owner")

    def begun(operation: Operation) -> None:
        machine.disk = f"half of {image.name}"
        world.remember(machine, "installation begun", operation)

    def done(operation: Operation) -> None:
        machine.disk, machine.image_id, machine.root_password = image.name, image.id, root_password
        machine.domain = domain or machine.domain
        machine.powered = True
        world.remember(machine, "installed", operation)

    _start(world, machine, INSTALLATION, timing.INSTALLATION, begun, done)


def start_diagnostics(world: World, machine: Machine, erase_drives: bool) -> None:
    """Begin diagnostics, which clear the disks if asked. Raises Refusal: the server is busy."""
    _not_busy(machine)
    if erase_drives and machine.account_id is not None:
        world.alarm(f"the disks of server {machine.id} are erased while user {machine.account_id} owns it")

    def begun(operation: Operation) -> None:
        world.remember(machine, "diagnostics begun", operation)

    def done(operation: Operation) -> None:
        if erase_drives:
            machine.disk = machine.image_id = machine.root_password = None
        world.remember(machine, "erased" if erase_drives else "checked", operation)

    _start(world, machine, DIAGNOSTICS, timing.DIAGNOSTICS, begun, done)


def cancel(world: World, told: str) -> None:
    """Begin to cancel an operation; it goes on for a minute. Raises Refusal: there is none, or it is over."""
    operation = find(world, told)
    if operation.status != "in progress":
        raise Refusal(4102, "The operation is over")

    def ended() -> None:
        if operation.status == "in progress":
            operation.status = "canceled"
            world.remember(world.machines[operation.machine_id], "canceled", operation)

    world.later(timing.CANCELLATION, ended)


def find(world: World, told: str) -> Operation:
    """The operation of that number. Raises Refusal: there is none."""
    found = world.operations.get(int(told)) if told.isdecimal() else None
    if found is None:
        raise Refusal(3080, "No such operation", 404)
    return found


def _not_busy(machine: Machine) -> None:
    if machine.starting or (machine.operation is not None and machine.operation.status == "in progress"):
        raise Refusal(4101, "The server is busy")


def _start(world: World, machine: Machine, name: str, seconds: float, begun: Change, done: Change) -> None:
    machine.starting = True

    def appear() -> None:
        now = world.clock.now()
        operation = Operation(world.number(), machine.id, name, now, now + seconds)
        world.operations[operation.id] = machine.operation = operation
        machine.starting = False
        begun(operation)

        def over() -> None:
            if operation.status == "in progress":
                operation.status = "ok"
                done(operation)

        world.later(seconds, over)

    world.later(timing.OPERATION_APPEARS, appear)
