"""A server as the panel shows it."""

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from pydantic import Field, ValidationInfo, model_validator

from dcimanager.addresses import Address
from dcimanager.errors import one_line
from dcimanager.operations import Operation, said_in
from dcimanager.parsing import (
    Flag,
    OptionalText,
    PanelData,
    PanelId,
    Text,
    each,
    first,
    flag_or_none,
    named,
    numbered,
    text_or_none,
    vocabulary_of,
)
from dcimanager.ports import Connection
from dcimanager.words import Vocabulary, WordKind


class Power(str, Enum):  # noqa: UP042
    """Whether a server has power. Source: docs/sources.md, panel 6.5."""

    ON = "ON"
    OFF = "OFF"
    UNKNOWN = "UNKNOWN"


OWNER_KEYS = (
    "owner_email", "owner", "owner_id", "owner_name", "owner_login", "owners", "account", "account_id", "account_email",
    "account_name", "client", "client_id", "client_email", "customer", "customer_id", "customer_email", "user",
    "user_id", "user_email", "tenant", "tenant_id",
)  # fmt: skip
"""Whose a server is, under any name that a panel may give it: one that is not empty means an owner."""

_NOBODY = frozenset({"", "0", "-", "none", "null", "false"})


class Server(PanelData):
    """A server, its last operation, addresses and cables.

    `owner_email` is None for a free server; an owner that the panel tells by number only is "user 25". `serial` and
    `macs` (lower case, sorted) identify the machine. `operation` is None if there never was one. `state` is the panel's
    word and `in_operation` what it means: None where the word is not in the table, or there is none. `problems` are
    what the panel says is wrong with the server.
    Source: docs/sources.md, panel 6.
    """

    id: PanelId
    name: Text = ""
    domain: Text = ""
    configuration: OptionalText = None
    location_id: PanelId | None = None
    owner_email: str | None = None
    is_new: Flag = False
    is_protected: Flag = False
    in_maintenance: Flag = False
    state: Text = ""
    in_operation: bool | None = None
    problems: tuple[str, ...] = ()
    power: Power = Power.UNKNOWN
    operation: Operation | None = None
    os_template: OptionalText = None
    addresses: list[Address] = Field(default_factory=list)
    connections: list[Connection] = Field(default_factory=list)
    serial: OptionalText = None
    macs: tuple[str, ...] = ()
    barcode: OptionalText = None
    rack: OptionalText = None
    efi: bool | None = None
    """Whether it boots by EFI; None where the panel does not tell."""
    in_rescue: bool | None = None
    """Whether it runs the panel's rescue system; None where the panel does not tell."""

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object, info: ValidationInfo) -> object:
        if not isinstance(row, Mapping):
            return row
        vocabulary = vocabulary_of(info)
        state = vocabulary.meaning(WordKind.STATE, text_or_none(row.get("state")) or "")
        return {
            **row,
            "owner_email": _owner(row),
            "location_id": _location(row),
            "is_protected": first(row, "is_protected", "protected"),
            "in_maintenance": first(row, "in_maintenance", "maintenance", "maintenance_mode"),
            "in_operation": None if state is None else state == "in operation",
            "problems": tuple(_problems(row)),
            "power": _power(row, vocabulary),
            "operation": None if _is_no_operation(row.get("operation")) else row["operation"],
            "os_template": named(row.get("os_template")),
            "addresses": each(first(row, "addresses", "ip")),
            "connections": each(first(row, "connections", "switch_connection")),
            "serial": _serial(row),
            "macs": inventory_of(row).macs,
            "rack": named(row.get("rack")),
            "efi": _efi(row),
            "in_rescue": flag_or_none(first(row, "in_recovery", "is_recovery", "recovery_mode", "in_rescue")),
        }

    @property
    def network_ports(self) -> list[Connection]:
        """The cables that carry the client's traffic: all but the BMC's."""
        return [connection for connection in self.connections if not connection.is_bmc]


def tells_owner(row: Mapping[str, object]) -> bool:
    """The row tells an owner, or that there is none; one that tells neither must not pass for free."""
    return "owner_email" in row or "owner" in row


class Inventory(NamedTuple):
    """What a server's row tells without being read as a whole; `ports` are (switch, port) without the BMC's."""

    id: str
    serial: str | None
    macs: tuple[str, ...]
    barcode: str | None
    ports: frozenset[tuple[str, str]]


def inventory_of(row: Mapping[str, object]) -> Inventory:
    """By what the server can be told from another one, and the ports of its traffic."""
    return Inventory(
        id=str(row.get("id")),
        serial=_serial(row),
        macs=tuple(sorted(set(_macs(row)))),
        barcode=text_or_none(row.get("barcode")),
        ports=frozenset(_ports_told(row)),
    )


def _ports_told(row: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for cable in each(first(row, "connections", "switch_connection")):
        if not isinstance(cable, Mapping) or first(cable, "is_bmc", "is_ipmi_connection") not in (False, None, 0):
            continue
        switch, port = first(cable, "switch_id") or numbered(cable.get("switch")), cable.get("id")
        if switch is not None and port is not None:
            yield str(switch), str(port)


def _owner(row: Mapping[str, object]) -> object:
    """The owner's e-mail, else what else the row tells of an owner; None: every owner-like key is empty.

    A panel that does not name the owner where we look must not make a client's server pass for free.
    """
    told = first(row, "owner_email", "owner")
    if isinstance(told, Mapping):
        told = first(told, "email") or _told_of_owner(told)
    if isinstance(told, str):
        told = told.strip() or None
    if not told:
        others = [row[key] for key in OWNER_KEYS if key in row and not _says_nobody(row[key])]
        told = _told_of_owner(others[0]) if others else None
    if isinstance(told, int) or (isinstance(told, str) and told.isdecimal()):
        return f"user {told}"
    return told


def _told_of_owner(told: object) -> object:
    """What an owner-like value says: an id or a name; an object of which we know nothing is somebody's, too."""
    if not isinstance(told, Mapping):
        return told if isinstance(told, int | str) and not isinstance(told, bool) else "somebody"
    if _says_nobody(told):
        return None
    named_by = first(told, "email", "id", "name")
    return named_by if isinstance(named_by, int | str) and not isinstance(named_by, bool) else "somebody"


def _says_nobody(told: object) -> bool:
    """A way of saying that there is no owner: nothing, a zero, or an object or list of nothing else."""
    if isinstance(told, Mapping):
        return all(_says_nobody(value) for value in told.values())
    if isinstance(told, list | tuple):
        return all(_says_nobody(value) for value in told)
    return told is None or str(told).strip().lower() in _NOBODY


def _efi(row: Mapping[str, object]) -> bool | None:
    settings = row.get("settings")
    told = flag_or_none(row.get("efi"))
    return told if told is not None or not isinstance(settings, Mapping) else flag_or_none(settings.get("efi"))


def _location(row: Mapping[str, object]) -> object:
    """The location's number, which only filters are known to name; a place that comes as a name alone has none."""
    place = row.get("location")
    number = place.get("id") if isinstance(place, Mapping) else place
    told = row.get("location_id")
    return told if told is not None or not str(number).isdecimal() else number


def _power(row: Mapping[str, object], vocabulary: Vocabulary) -> Power:
    told = first(row, "power", "power_status")
    if told is not None:
        return _power_of(told, vocabulary)
    units = [unit.get("power_status") for unit in each(row.get("pdu_connection")) if isinstance(unit, Mapping)]
    known = {_power_of(unit, vocabulary) for unit in units}
    # One live outlet feeds a server that has several; it is off only if all of them are.
    return Power.ON if Power.ON in known else Power.OFF if known == {Power.OFF} else Power.UNKNOWN


def _power_of(said: object, vocabulary: Vocabulary) -> Power:
    if isinstance(said, Power):
        return said
    means = vocabulary.meaning(WordKind.POWER, text_or_none(said) or "")
    return Power.UNKNOWN if means is None else Power[means.upper()]


def _problems(row: Mapping[str, object]) -> Iterator[str]:
    """What a row says is wrong with the server, as texts: how the panel says it is not documented."""
    for key in ("problems", "errors", "has_problems", "has_errors"):
        told = row.get(key)
        for said in list(told) if isinstance(told, tuple) else each(told):
            if said is True:
                yield key.replace("_", " ")
            elif said and not _says_none(said) and (text := said_in(said)):
                yield one_line(text, longest=100)


_NO_PROBLEM = frozenset({"", "0", "false", "no", "none", "null", "ok", "-"})


def _says_none(said: object) -> bool:
    """A way of saying that nothing is wrong: a word, or counts that are all zero."""
    if isinstance(said, Mapping):
        return all(_says_none(value) for value in said.values())
    return str(said).strip().lower() in _NO_PROBLEM


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
    if not any(places):
        # Only then: more addresses than were recorded at activation would read as another machine.
        places += [_mac(card) for card in each(_hardware(row).get("nics"))]
    for place in places:
        for text in place if isinstance(place, list | tuple) else [place]:
            if isinstance(text, str):
                yield from (mac.lower().replace("-", ":") for mac in re.split(r"[\s,;]+", text) if mac)


def _mac(part: object) -> object:
    return part.get("mac") if isinstance(part, Mapping) else None
