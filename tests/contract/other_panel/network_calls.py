"""The calls of the switch and of the service that keeps the addresses."""

from typing import Any

from tests.contract.other_panel import rows, timing
from tests.contract.other_panel.calls import Asked, Call
from tests.contract.other_panel.filters import listed
from tests.contract.other_panel.state import GivenAddress, Interface, Refusal, World
from tests.contract.other_panel.stock import SWITCH

DCI, IP = "dci/v3", "ip/v3"


def enable(world: World, asked: Asked) -> Any:
    """Switch a port on, after as long as the switch takes."""
    return _switch(world, asked, on=True)


def disable(world: World, asked: Asked) -> Any:
    """Switch a port off, after as long as the switch takes."""
    port = _interface(world, asked)
    if port.bmc:
        world.alarm(f"the BMC's port of server {port.machine_id} is switched off")
    return _switch(world, asked, on=False)


def list_addresses(world: World, asked: Asked) -> Any:
    """The addresses of one server."""
    return listed([rows.address(given) for given in world.machine(asked.ids["server_id"]).addresses], asked.query)


def give_addresses(world: World, asked: Asked) -> Any:
    """More addresses from a pool. Refused: it has not that many, or has none of that family."""
    machine, wanted = world.machine(asked.ids["server_id"]), asked.body["amount"]
    free = world.pools.get(asked.body["ip_group"])
    if free is None:
        raise Refusal(3080, "No such group of addresses", 404)
    if asked.body["protocol"] != "inet" or not 0 < wanted <= len(free):
        raise Refusal(4301, "The group has not that many addresses")
    given = [
        GivenAddress(world.number(), free.pop(0), asked.body["ip_group"], status="reserving") for _ in range(wanted)
    ]

    def ready() -> None:
        for one in given:
            one.status = "used"

    machine.addresses += given
    world.later(timing.ADDRESS, ready)
    return {"id": str(machine.id), "task": f"t-{machine.id}"}


def take_address(world: World, asked: Asked) -> Any:
    """Take one address from a server. Refused: the server does not have it."""
    machine = world.machine(asked.ids["server_id"])
    taken = next((given for given in machine.addresses if str(given.id) == asked.ids["address_id"]), None)
    if taken is None:
        raise Refusal(3080, "No such address", 404)
    if taken.status == "freeing":
        return {"id": str(machine.id)}
    taken.status = "freeing"

    def gone() -> None:
        machine.addresses.remove(taken)
        world.pools[taken.pool_id].append(taken.address)

    world.later(timing.ADDRESS, gone)
    return {"id": str(machine.id)}


def list_pools(world: World, asked: Asked) -> Any:
    """The pools of addresses."""
    return listed([rows.pool(world, pool) for pool in world.pool_names], asked.query)


def list_networks(world: World, asked: Asked) -> Any:
    """The networks: one gives addresses, the one around it does not."""
    rows_of_networks = [
        {"id": 81, "name": "203.0.113.0/24", "ippool": "61", "state": "serving"},
        {"id": 80, "name": "203.0.112.0/23", "ippool": None, "state": "container"},
    ]
    return listed(rows_of_networks, asked.query)


def _interface(world: World, asked: Asked) -> Interface:
    for machine in world.machines.values():
        for port in machine.interfaces:
            if asked.ids["switch_id"] == str(SWITCH) and str(port.id) == asked.ids["port_id"]:
                return port
    raise Refusal(3080, "No such port", 404)


def _switch(world: World, asked: Asked, *, on: bool) -> Any:
    port = _interface(world, asked)
    world.later(timing.PORT, lambda: setattr(port, "enabled", on))
    return {"id": str(port.id), "task": f"t-{port.id}"}


INT = {"type": "integer"}

NETWORK_CALLS = (
    Call(DCI, "POST", "switch/{switch_id}/interface/{port_id}/enable", "Enable a port of the switch", "Switches",
         enable, answer="Started"),
    Call(DCI, "POST", "switch/{switch_id}/interface/{port_id}/disable", "Disable a port of the switch", "Switches",
         disable, answer="Started"),
    Call(IP, "GET", "server/{server_id}/address", "List addresses of a server", "Addresses", list_addresses,
         answer="Address"),
    Call(
        IP, "POST", "server/{server_id}/address", "Add addresses from a group to a server", "Addresses", give_addresses,
        {
            "ip_group": {**INT, "description": "The group (pool) that the addresses come from"},
            "protocol": {"type": "string", "enum": ["inet", "inet6"], "description": "IPv4 or IPv6"},
            "amount": {**INT, "description": "How many addresses to add"},
        },
        ("ip_group", "protocol", "amount"), "Started",
    ),
    Call(IP, "DELETE", "server/{server_id}/address/{address_id}", "Remove an address from a server", "Addresses",
         take_address, answer="Started"),
    Call(IP, "GET", "group", "List groups (pools) of addresses", "Groups", list_pools, answer="Group"),
    Call(IP, "GET", "network", "List networks of addresses", "Networks", list_networks, answer="Network"),
)  # fmt: skip
