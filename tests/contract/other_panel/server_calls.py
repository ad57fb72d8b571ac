"""The calls of servers: reading them, owner, power, installation, diagnostics, operations."""

from collections import Counter
from typing import Any

from tests.contract.other_panel import operations, rows, timing
from tests.contract.other_panel.calls import Asked, Call
from tests.contract.other_panel.filters import listed
from tests.contract.other_panel.state import Machine, Refusal, World

DCI = "dci/v3"


def list_servers(world: World, asked: Asked) -> Any:
    """All servers that the filter lets through."""
    machines = list(world.machines.values())
    known = {place: rows.hidden(world, machine) for place, machine in enumerate(machines)}
    return listed([rows.server(world, machine) for machine in machines], asked.query, known)


def configurations(world: World, asked: Asked) -> Any:
    """Free servers of each configuration, in the documented shape."""
    free: Counter[str] = Counter()
    for machine in world.machines.values():
        free[machine.configuration] += machine.account_id is None
    return {"list": [{"configuration": name, "free_server_count": count} for name, count in sorted(free.items())]}


def one_server(world: World, asked: Asked) -> Any:
    """One server."""
    return rows.alone(world, world.machine(asked.ids["server_id"]))


def assign(world: World, asked: Asked) -> Any:
    """Give the server to an account, some seconds from now."""
    machine, account = world.machine(asked.ids["server_id"]), world.account(asked.body["account"])
    if machine.account_id not in (None, account.id):
        world.alarm(f"server {machine.id} goes from user {machine.account_id} to user {account.id} at once")
    if machine.disk is not None and machine.account_id is None:
        world.alarm(f"server {machine.id} is given out with data on its disks")
    world.later(timing.OWNER, lambda: _belongs_to(world, machine, account.id))
    return _started(machine)


def unassign(world: World, asked: Asked) -> Any:
    """Take the server from its account, some seconds from now."""
    machine = world.machine(asked.ids["server_id"])
    world.later(timing.OWNER, lambda: _belongs_to(world, machine, None))
    return _started(machine)


def power_up(world: World, asked: Asked) -> Any:
    """Power on. Refused: it is on."""
    machine = world.machine(asked.ids["server_id"])
    if machine.powered:
        raise Refusal(4201, "The server has power already")
    world.later(timing.POWER, lambda: setattr(machine, "powered", True))
    return _started(machine)


def power_down(world: World, asked: Asked) -> Any:
    """Power off. Refused: it is off."""
    machine = world.machine(asked.ids["server_id"])
    if not machine.powered:
        raise Refusal(4202, "The server has no power")
    world.later(timing.POWER, lambda: setattr(machine, "powered", False))
    return _started(machine)


def power_cycle(world: World, asked: Asked) -> Any:
    """Off and on again."""
    machine = world.machine(asked.ids["server_id"])
    world.later(timing.POWER, lambda: setattr(machine, "powered", True))
    return _started(machine)


def deploy(world: World, asked: Asked) -> Any:
    """Install an OS. Refused: no such template at the server's location, or the server is busy."""
    machine = world.machine(asked.ids["server_id"])
    wanted = asked.body["template"]
    image = next((one for one in world.images if one.id == wanted and one.site_id == machine.site_id), None)
    if image is None or image.kind != "os":
        raise Refusal(3080, "No such OS template at this location")
    password, domain = asked.body["root_password"], asked.body.get("domain_name")
    operations.start_installation(world, machine, image, password, domain)
    return _started(machine)


def hardware_check(world: World, asked: Asked) -> Any:
    """Diagnostics. Refused: the server is busy."""
    machine = world.machine(asked.ids["server_id"])
    operations.start_diagnostics(world, machine, asked.body["erase_drives"])
    return _started(machine)


def one_operation(world: World, asked: Asked) -> Any:
    """One operation."""
    return rows.operation(world, operations.find(world, asked.ids["operation_id"]))


def change_operation(world: World, asked: Asked) -> Any:
    """Cancel an operation, which is all that can be done to one."""
    operations.cancel(world, asked.ids["operation_id"])
    return {"id": asked.ids["operation_id"]}


def erase_at_once(world: World, asked: Asked) -> Any:
    """A call that nobody should make: the disks are cleared at once, without diagnostics or record."""
    machine = world.machine(asked.ids["server_id"])
    world.alarm(f"the disks of server {machine.id} are erased at once")
    machine.disk = None
    return _started(machine)


def rack_down(world: World, asked: Asked) -> Any:
    """A call that nobody should make: every server loses its power."""
    world.alarm(f"rack {asked.ids['rack_id']} is powered down")
    for machine in world.machines.values():
        machine.powered = False
    return {"id": asked.ids["rack_id"]}


def _belongs_to(world: World, machine: Machine, account_id: int | None) -> None:
    machine.account_id = account_id
    world.remember(machine, "assigned" if account_id is not None else "unassigned")


def _started(machine: Machine) -> Any:
    """What every long call answers: no operation, and a task that no other call explains."""
    return {"id": str(machine.id), "task": f"t-{machine.id}"}


INT = {"type": "integer"}
TEXT = {"type": "string"}
YES = {"type": "boolean"}

SERVER_CALLS = (
    Call(DCI, "GET", "server/configuration", "Free servers of each configuration", "Servers", configurations),
    Call(DCI, "GET", "server", "List servers", "Servers", list_servers, answer="Server"),
    Call(DCI, "GET", "server/{server_id}", "One server", "Servers", one_server, answer="Server"),
    Call(
        DCI, "POST", "server/{server_id}/assign", "Assign the server to an account, who becomes its owner", "Servers",
        assign, {"account": {**INT, "description": "The account's number"}}, ("account",), "Started",
    ),
    Call(
        DCI, "DELETE", "server/{server_id}/assign", "Take the server from its owner: it has no account any more",
        "Servers", unassign, answer="Started",
    ),
    Call(DCI, "POST", "server/{server_id}/power/up", "Power the server on", "Power", power_up, answer="Started"),
    Call(DCI, "POST", "server/{server_id}/power/down", "Power the server off", "Power", power_down, answer="Started"),
    Call(DCI, "POST", "server/{server_id}/power/cycle", "Power the server off and on again (reset)", "Power",
         power_cycle, answer="Started"),
    Call(DCI, "POST", "rack/{rack_id}/power/down", "Power every server of the rack off", "Racks", rack_down,
         answer="Started"),
    Call(
        DCI, "POST", "server/{server_id}/os/deploy", "Install an operating system on the server", "Operations", deploy,
        {
            "template": {**INT, "description": "The OS template's number"},
            "root_password": {**TEXT, "description": "Password of the root user"},
            "domain_name": {**TEXT, "description": "Host name of the installed system"},
        },
        ("template", "root_password"), "Started",
    ),
    Call(
        DCI, "POST", "server/{server_id}/hardware_check", "Run diagnostics of the server's hardware", "Operations",
        hardware_check,
        {
            "erase_drives": {**YES, "description": "Clear all disks while the diagnostics run"},
            "smart_test": {**YES, "description": "Read the disks' S.M.A.R.T. values"},
        },
        ("erase_drives",), "Started",
    ),
    Call(
        DCI, "POST", "server/{server_id}/disk/erase", "Erase the server's disks immediately, without diagnostics",
        "Disks", erase_at_once, {"method": {**TEXT, "enum": ["quick", "full"]}}, (), "Started",
    ),
    Call(DCI, "GET", "operation/{operation_id}", "One operation of a server", "Operations", one_operation,
         answer="Operation"),
    Call(
        DCI, "POST", "operation/{operation_id}", "Change an operation's state: cancel it", "Operations",
        change_operation, {"state": {**TEXT, "enum": ["canceled"]}}, ("state",), "Started",
    ),
)  # fmt: skip
