"""The JSON objects of the panel's answers, in the shapes that the variants choose.

Source: docs/sources.md, panel 6, 8, 9, 10 and 11.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from simulator.panel.models import (
    SimAddress,
    SimLocation,
    SimNetwork,
    SimOperation,
    SimPool,
    SimPort,
    SimServer,
    SimTemplate,
    SimUser,
)
from simulator.panel.power import power_status
from simulator.panel.spelling import Spelling
from simulator.panel.state import PanelState

View = dict[str, Any]
Row = TypeVar("Row")
Accessor = Callable[[Row], Any]
"""How to read one field of a row."""


class Serializers:
    """Serializes the panel's models; every method returns a JSON object."""

    def __init__(self, world: PanelState) -> None:
        self._world = world
        self.spelling = Spelling(world)
        # How to read the fields of a server that lists are often filtered by, without showing the whole server.
        self.server_fields: Mapping[str, Accessor[SimServer]] = {
            "id": lambda server: server.id,
            "name": lambda server: server.name,
            "domain": lambda server: server.domain,
            "barcode": lambda server: server.barcode,
            "configuration": lambda server: server.configuration,
            "location_id": lambda server: server.location_id,
            "owner_email": world.owner_email,
            "is_new": lambda server: server.is_new,
            "is_protected": lambda server: server.is_protected,
            "in_maintenance": lambda server: server.in_maintenance,
            "state": lambda server: self.spelling.plain(server.state),
            "power_status": lambda server: self.spelling.plain(power_status(server)),
            "unit": lambda server: server.unit,
            "rack.name": lambda server: server.rack,
            "serial": lambda server: server.serial,
            "operation.status": lambda server: (
                self.spelling.status(server.operation.status) if server.operation else None
            ),
            "os_template.name": lambda server: self._template_name(server.os_template),
        }

    def server(self, server: SimServer, *, with_addresses: bool = True) -> View:
        """A server as in the list."""
        variants = self._world.variants
        power = self.spelling.plain(power_status(server))
        operation = server.operation
        view: View = {
            "id": server.id,
            "name": server.name,
            "domain": server.domain,
            "barcode": server.barcode,
            "configuration": server.configuration,
            "location_id": server.location_id,
            "rack": {"id": server.rack_id, "name": server.rack} if variants.rack == "object" else None,
            "unit": server.unit,
            "owner_email": self._world.owner_email(server),
            "is_new": server.is_new,
            "is_protected": server.is_protected,
            "in_maintenance": server.in_maintenance,
            "state": self.spelling.plain(server.state),
            "state_info": "",
            "power_status": power,
            "operation": None if operation is None else self.operation(operation),
            "os_template": self._server_template(server.os_template),
            "settings": {"efi": server.efi},
            "hardware_info": {"motherboard": {"model": "X11SCL-F"}},
            "perform_info": {},
            "serial": server.serial,
            "macs": server.macs,
            "problems": server.problems,
            "switch_connection": [self.port(port) for port in server.ports],
            "pdu_connection": self._pdu(server),
        }
        if with_addresses:
            view["ip"] = [self.address(server, address) for address in server.addresses]
        if variants.rescue == "told":
            view["in_recovery"] = server.in_recovery
        if server.id in self._world.odd_rows:
            self._world.odd_rows[server.id](view)
        return view

    def operation(self, operation: SimOperation) -> View:
        """An operation; where the variant hides its type, there is none."""
        view: View = {
            "id": operation.id,
            "status": self.spelling.status(operation.status),
            "status_info": operation.status_info,
            "progress_info": [
                {"name": step.name, "status": self.spelling.status(step.status)} for step in operation.steps
            ],
        }
        key = self._world.variants.operation_key
        return view if key == "absent" else {**view, key: operation.type}

    def port(self, port: SimPort) -> View:
        """A switch connection of a server."""
        status = self.spelling.port(up=port.admin_up)
        return {
            "id": port.id,
            "switch": port.switch,
            "switch_name": port.switch_name,
            "connection_id": port.id + 100_000,
            "description": port.description,
            "admin_status": status,
            "oper_status": status,
            "do_not_collect_traffic": port.is_bmc,
            "is_ipmi_connection": port.is_bmc,
            "mac": port.mac,
        }

    def address(self, server: SimServer, address: SimAddress) -> View:
        """An address of a server."""
        return {
            "id": address.id,
            self._world.variants.address_key: address.address,
            "family": "ipv6" if ":" in address.address else "ipv4",
            "gateway": address.gateway,
            "network": address.network,
            "domain": server.domain if address.domain is None else address.domain,
            "status": self.spelling.address(address.status),
            "status_info": {},
            "ippool": address.pool_id,
        }

    def user(self, user: SimUser, server_count: int) -> View:
        """A user as in the list."""
        as_text = self._world.variants.roles == "string"
        return {
            "id": user.id,
            "email": user.email,
            "full_name": user.full_name,
            "phone_number": user.phone,
            "server_count": server_count,
            "roles": f"[{','.join(user.roles)}]" if as_text else list(user.roles),
            "vlans_per_user": 5,
        }

    def pool(self, pool: SimPool) -> View:
        """An IP pool with its size."""
        view: View = {"id": pool.id, "name": pool.name, "note": ""}
        if self._world.variants.pool_counts == "strings":
            return {**view, "total_ip": str(pool.total), "using_ip": str(pool.used)}
        ipv6 = {"total": pool.ipv6.total, "used": pool.ipv6.used} if pool.ipv6 else {"total": 0, "used": 0}
        return {**view, "ipv4": {"total": pool.total, "used": pool.used}, "ipv6": ipv6}

    def network(self, network: SimNetwork) -> View:
        """A network of addresses."""
        return {"id": network.id, "name": network.name, "ippool": network.pool_id, "status": "active"}

    def template(self, template: SimTemplate) -> View:
        """An OS template of one location."""
        return {
            "id": template.id,
            "name": template.name,
            "location_id": template.location_id,
            "tags": list(template.tags),
            "type": template.kind,
            "admin_only": template.admin_only,
            "efi": template.efi,
        }

    def location(self, location: SimLocation) -> View:
        """A location."""
        return {"id": location.id, "name": location.name}

    def _server_template(self, template_id: int | None) -> View | None:
        template = self._world.templates.get(template_id or 0)
        return None if template is None else {"id": template.id, "name": template.name, "tags": list(template.tags)}

    def _template_name(self, template_id: int | None) -> str | None:
        template = self._world.templates.get(template_id or 0)
        return None if template is None else template.name

    def _pdu(self, server: SimServer) -> View | list[View] | None:
        shape = self._world.variants.pdu_connection
        if server.pdu_seen is None or shape == "null":
            return None
        view = {
            "port_id": server.id,
            "port_identity": f"1.{server.unit}",
            "pdu_id": server.rack_id,
            "pdu_name": f"pdu-{server.rack.lower()}",
            "connection_id": server.id + 200_000,
            "power_status": self.spelling.plain(server.pdu_seen),
        }
        return [view] if shape == "array" else view
