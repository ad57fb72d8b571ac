"""A server as the panel shows it."""

import re
from collections.abc import Iterator, Mapping
from enum import Enum

from pydantic import Field, model_validator

from dcimanager.addresses import Address
from dcimanager.operations import Operation
from dcimanager.ports import Connection
from dcimanager.shapes import Flag, OptionalText, Shape, Text, each, first, named, text_or_none


class Power(str, Enum):  # noqa: UP042
    """Whether a server has power. Source: dossier "HTTP API of ISPsystem DCImanager 6", section 6.5."""

    ON = "ON"
    OFF = "OFF"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> "Power":
        word = str(value).strip().upper()
        return cls(word) if word in ("ON", "OFF") else cls.UNKNOWN


class Server(Shape):
    """A server, its last operation, addresses and cables.

    `owner_email` is None for a free server; an owner that the panel tells by number only is "user 25". `serial` and
    `macs` (lower case, sorted) identify the machine. `operation` is None if there never was one.
    Source: dossier "HTTP API of ISPsystem DCImanager 6", section 6.
    """

    id: int
    name: Text = ""
    domain: Text = ""
    configuration: OptionalText = None
    location_id: int | None = None
    owner_email: str | None = None
    is_new: Flag = False
    is_protected: Flag = False
    in_maintenance: Flag = False
    state: Text = ""
    power: Power = Power.UNKNOWN
    operation: Operation | None = None
    os_template: OptionalText = None
    addresses: list[Address] = Field(default_factory=list)
    connections: list[Connection] = Field(default_factory=list)
    serial: OptionalText = None
    macs: tuple[str, ...] = ()
    barcode: OptionalText = None
    rack: OptionalText = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if not isinstance(row, Mapping):
            return row
        return {
            **row,
            "owner_email": _owner(row),
            "is_protected": first(row, "is_protected", "protected"),
            "in_maintenance": first(row, "in_maintenance", "maintenance", "maintenance_mode"),
            "power": Power(_power(row)),
            "operation": None if _is_no_operation(row.get("operation")) else row["operation"],
            "os_template": named(row.get("os_template")),
            "addresses": each(first(row, "addresses", "ip")),
            "connections": each(first(row, "connections", "switch_connection")),
            "serial": _serial(row),
            "macs": tuple(sorted(set(_macs(row)))),
            "rack": named(row.get("rack")),
        }

    @property
    def network_ports(self) -> list[Connection]:
        """The cables that carry the client's traffic: all but the BMC's."""
        return [connection for connection in self.connections if not connection.is_bmc]


def tells_owner(row: Mapping[str, object]) -> bool:
    """The row says whose the server is, or that it is nobody's; one that is silent must not pass for free."""
    return "owner_email" in row or "owner" in row


def _owner(row: Mapping[str, object]) -> object:
    told = first(row, "owner_email", "owner")
    if isinstance(told, Mapping):
        # Whatever else it says of him, a server with an owner must never pass for free.
        told = first(told, "email", "id", "name") or ("somebody" if any(told.values()) else None)
    if isinstance(told, int) or (isinstance(told, str) and told.strip().isdecimal()):
        return f"user {told}"
    return (told.strip() or None) if isinstance(told, str) else told


def _power(row: Mapping[str, object]) -> object:
    told = first(row, "power", "power_status")
    if told is not None:
        return told.value if isinstance(told, Power) else told
    units = [unit.get("power_status") for unit in each(row.get("pdu_connection")) if isinstance(unit, Mapping)]
    known = {Power(unit) for unit in units}
    # One live outlet feeds a server that has several; it is off only if all of them are.
    return Power.ON if Power.ON in known else Power.OFF if known == {Power.OFF} else Power.UNKNOWN


def _is_no_operation(value: object) -> bool:
    return not value or (isinstance(value, Mapping) and first(value, "id", "status") is None)


def _hardware(row: Mapping[str, object]) -> Mapping[str, object]:
    info = row.get("hardware_info")
    return info if isinstance(info, Mapping) else {}


def _serial(row: Mapping[str, object]) -> str | None:
    hardware = _hardware(row)
    system = hardware.get("system")
    places = (first(row, "serial", "serial_number"), hardware.get("serial"))
    inner = system.get("serial") if isinstance(system, Mapping) else None
    return next((text for text in map(text_or_none, (*places, inner)) if text), None)


def _macs(row: Mapping[str, object]) -> Iterator[str]:
    places = [row.get("mac"), row.get("macs"), _hardware(row).get("macs")]
    for connection in each(first(row, "connections", "switch_connection")):
        places.append(connection.mac if isinstance(connection, Connection) else _mac(connection))
    for place in places:
        for text in place if isinstance(place, list | tuple) else [place]:
            if isinstance(text, str):
                yield from (mac.lower().replace("-", ":") for mac in re.split(r"[\s,;]+", text) if mac)


def _mac(connection: object) -> object:
    return connection.get("mac") if isinstance(connection, Mapping) else None
