"""How the panel shows what it keeps: owners as objects, some numbers as texts, racks null."""

from typing import Any

from tests.contract.other_panel.filters import Row
from tests.contract.other_panel.operations import STEPS
from tests.contract.other_panel.state import Account, GivenAddress, Image, Machine, Operation, Place, World
from tests.contract.other_panel.stock import SWITCH


def server(world: World, machine: Machine) -> Row:
    """A server as a list shows it."""
    owner = None if machine.account_id is None else world.account(machine.account_id)
    image = next((image for image in world.images if image.id == machine.image_id), None)
    row: Row = {
        "id": machine.id,
        "name": machine.name,
        "domain": machine.domain,
        "configuration": machine.configuration,
        "location": place(next(site for site in world.sites if site.id == machine.site_id)),
        "barcode": machine.barcode,
        "rack": None,
        "unit": None,
        "owner": None if owner is None else {"id": str(owner.id), "email": owner.email, "full_name": owner.full_name},
        "is_new": False,
        "state": "in_operation",
        "state_info": "",
        "operation": None if machine.operation is None else operation(world, machine.operation),
        "os_template": None if image is None else {"id": image.id, "name": image.name, "tags": list(image.tags)},
        "hardware_info": {
            "system": {"vendor": "Other", "serial": machine.serial},
            "nics": [{"name": interface.name, "mac": interface.mac} for interface in machine.interfaces],
        },
        "perform_info": {},
        "settings": {"efi": True},
        "ip": [
            {
                "id": str(given.id),
                "name": given.address,
                "family": "ipv4",
                "gateway": None,
                "network": "203.0.113.0/24",
                "domain": machine.domain,
                "status": given.status,
                "status_info": {},
            }
            for given in machine.addresses
        ],
        "switch_connection": [
            {
                "id": interface.id,
                "switch": SWITCH,
                "switch_name": "core",
                "connection_id": 700 + interface.id,
                "description": interface.name,
                "admin_status": "enabled" if interface.enabled else "disabled",
                "oper_status": "enabled" if interface.enabled and machine.powered else "disabled",
                "do_not_collect_traffic": interface.bmc,
                "is_ipmi_connection": interface.bmc,
            }
            for interface in machine.interfaces
        ],
        "pdu_connection": _outlets(machine) or None,
    }
    # A server with several outlets shows its power there only.
    return row if machine.outlets > 1 else {**row, "power_status": _power(machine)}


def alone(world: World, machine: Machine) -> Row:
    """A server by its number, which lacks what belongs to other services."""
    return {key: value for key, value in server(world, machine).items() if key not in ("ip", "switch_connection")}


def hidden(world: World, machine: Machine) -> Row:
    """What filters know of a server beyond its row."""
    owner = None if machine.account_id is None else world.account(machine.account_id).email
    return {"owner_email": owner, "location_id": machine.site_id}


def operation(world: World, shown: Operation) -> Row:
    """An operation, its kind under `name`."""
    share = (world.clock.now() - shown.began) / (shown.ends - shown.began)
    over = len(STEPS) if shown.status == "ok" else min(int(share * len(STEPS)), len(STEPS) - 1)
    steps = [{"title": step, "state": "ok" if place < over else "in progress"} for place, step in enumerate(STEPS)]
    return {
        "id": str(shown.id),
        "name": shown.name,
        "status": shown.status,
        "status_info": {},
        "progress_info": steps,
    }


def address(given: GivenAddress) -> Row:
    """An address in the service that keeps them."""
    return {
        "id": str(given.id),
        "ip_addr": given.address,
        "family": 4,
        "ippool": str(given.pool_id),
        "status": given.status,
    }


def account(world: World, shown: Account) -> Row:
    """A user."""
    owned = sum(machine.account_id == shown.id for machine in world.machines.values())
    return {
        "id": str(shown.id),
        "email": shown.email,
        "server_count": owned,
        "roles": [shown.role],
        "vlans_per_user": None,
    }


def image(world: World, shown: Image) -> Row:
    """An OS template, its location as an object."""
    return {
        "id": shown.id,
        "name": shown.name,
        "location": place(next(site for site in world.sites if site.id == shown.site_id)),
        "type": shown.kind,
        "tags": list(shown.tags),
        "access": "All",
    }


def pool(world: World, shown: Place) -> Row:
    """A pool, counted as the newer twin counts."""
    used = sum(given.pool_id == shown.id for machine in world.machines.values() for given in machine.addresses)
    total = len(world.pools[shown.id]) + used
    return {"id": str(shown.id), "name": shown.name, "ipv4": {"total": str(total), "used": str(used)}}


def place(shown: Place) -> Row:
    """A location."""
    return {"id": shown.id, "name": shown.name}


def _power(machine: Machine) -> str:
    return "powered" if machine.powered else "unpowered"


def _outlets(machine: Machine) -> list[Any]:
    return [
        {
            "port_id": outlet,
            "port_identity": f"1.{outlet}",
            "pdu_id": 3,
            "pdu_name": "pdu",
            "connection_id": 900 + outlet,
            "power_status": _power(machine),
        }
        for outlet in range(1, machine.outlets + 1)
    ]
