"""By what the servers of a panel can be told apart, and where they are connected: what is missing, empty or shared.

Source: safety rule 16: placeholders and values that several servers share prove nothing.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dcimanager.parsing import each, first
from dcimanager.server_row import Server
from dcimanager.survey_findings import (
    EXAMPLES,
    LONGEST_EXAMPLE,
    FindingKind,
    RowId,
    SurveyedList,
    SurveyFinding,
    Tally,
    id_list,
    shown,
    without_emails,
)
from ledger.hardware_values import is_mac, is_placeholder

SERVERS = SurveyedList.SERVERS


@dataclass(frozen=True)
class Machine:
    """A server as the panel told it, and as it was read."""

    row: RowId
    told: Mapping[str, object]
    server: Server


def machine_findings(machines: Sequence[Machine]) -> list[SurveyFinding]:
    """What is missing, empty or shared at the servers, in the order of `FindingKind`."""
    serials = _shared(machines, lambda one: _some(one.server.serial))
    macs = _shared(machines, lambda one: [mac for mac in one.server.macs if is_mac(mac)])
    barcodes = _shared(machines, lambda one: _some(one.server.barcode))
    ports = _shared(machines, _ports)

    def without_identity(one: Machine) -> list[str]:
        own = {text for text in _some(one.server.serial) if text.lower() not in serials}
        own |= {mac for mac in one.server.macs if is_mac(mac) and mac.lower() not in macs}
        own |= {text for text in _some(one.server.barcode) if text.lower() not in barcodes}
        return [] if own else [""]

    found = [
        _counted(FindingKind.SERIAL_PLACEHOLDER, machines, _serials_that_say_nothing),
        _of_several(FindingKind.SERIAL_SHARED, serials),
        _counted(FindingKind.MAC_PLACEHOLDER, machines, _macs_that_say_nothing),
        _of_several(FindingKind.MAC_SHARED, macs),
        _of_several(FindingKind.BARCODE_SHARED, barcodes),
        _counted(FindingKind.NO_IDENTITY, machines, without_identity),
        _counted(FindingKind.NO_PORTS, machines, lambda one: [] if one.server.network_ports else [""]),
        _of_several(FindingKind.PORT_SHARED, ports),
        _counted(FindingKind.CONFIGURATION_EMPTY, machines, lambda one: [] if one.server.configuration else [""]),
        _counted(FindingKind.CONFIGURATION_BLANKS, machines, _configuration_with_blanks),
    ]
    return [one for one in found if one is not None]


def _some(text: str | None) -> list[str]:
    """The text, unless it says nothing."""
    return [] if text is None or is_placeholder(text) else [text]


def _ports(one: Machine) -> list[str]:
    return [f"switch {port.switch_id}, port {port.id}" for port in one.server.connections]


def _serials_that_say_nothing(one: Machine) -> list[str]:
    serial = one.server.serial
    if serial is not None:
        return [shown(serial)] if is_placeholder(serial) else []
    blank = any(isinstance(one.told.get(key), str) for key in ("serial", "serial_number"))
    return ["(blank)"] if blank else []


def _macs_that_say_nothing(one: Machine) -> list[str]:
    """Those that the panel tells apart from one another: a blank one counts, one that is null does not."""
    told: set[str] = set()
    places = [*each(one.told.get("mac")), *each(one.told.get("macs"))]
    for port in each(first(one.told, "connections", "switch_connection")):
        places.append(port.get("mac") if isinstance(port, Mapping) else None)
    for place in places:
        if isinstance(place, str):
            told |= {text for text in re.split(r"[,;]", place) if not is_mac(text.strip())}
    return [shown(text) or "(blank)" for text in sorted(told)]


def _configuration_with_blanks(one: Machine) -> list[str]:
    told = one.told.get("configuration")
    if not isinstance(told, str) or not told.strip() or told == " ".join(told.split()):
        return []
    told = without_emails(told[:LONGEST_EXAMPLE])
    return [f'"{told}"' if told.isprintable() else shown(repr(told))]  # its blanks are what is to be seen


def _counted(
    kind: FindingKind, machines: Sequence[Machine], examples: Callable[[Machine], Iterable[str]]
) -> SurveyFinding | None:
    tally = Tally()
    for one in machines:
        for example in examples(one):
            tally.add(one.row, example)
    return tally.finding(kind, SERVERS)


def _shared(machines: Sequence[Machine], values: Callable[[Machine], Iterable[str]]) -> dict[str, list[RowId]]:
    """Each value that several servers have, in lower case, and at which."""
    at: dict[str, list[RowId]] = defaultdict(list)
    for one in machines:
        for value in {value.lower() for value in values(one)}:
            at[value].append(one.row)
    return {value: rows for value, rows in at.items() if len(rows) > 1}


def _of_several(kind: FindingKind, shared: Mapping[str, list[RowId]]) -> SurveyFinding | None:
    if not shared:
        return None
    most = sorted(shared, key=lambda value: -len(shared[value]))[:EXAMPLES]
    servers = list(dict.fromkeys(row for value in most for row in shared[value]))
    return SurveyFinding(
        kind=kind,
        found_in=SERVERS,
        count=len(shared),
        rows=len({row for rows in shared.values() for row in rows}),
        ids=tuple(servers[:EXAMPLES]),
        examples=tuple(
            f"{shown(value)} at {id_list(tuple(shared[value][:EXAMPLES]), len(shared[value]))}" for value in most
        ),
    )
