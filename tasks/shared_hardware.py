"""What several servers of a panel show: it tells no machine from another, and a port of two is switched for neither."""

import asyncio
import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from dcimanager.errors import PanelError
from dcimanager.panel import Panel
from dcimanager.ports import Connection
from dcimanager.servers import Inventory
from ledger import panels
from ledger.errors import SecondName
from ledger.hardware import Hardware, Identity
from ledger.hardware_values import is_mac, mac_spelling
from runtime.clock import clock
from runtime.connections import ledger
from runtime.errors import StepRefused
from runtime.slots import slot_lent

REMEMBERED = timedelta(minutes=10)
"""The whole list is read for this, which is twenty calls for ten thousand servers, and machines are entered by hand."""

Port = tuple[str, str]
"""A switch's id and the id of a port of it."""


@dataclass(frozen=True)
class Fleet:
    """What the whole list of a panel's servers shows, as far as one server alone does not."""

    shared: frozenset[Identity] = frozenset()
    """The values that more than one server shows."""
    at_port: Mapping[Port, frozenset[str]] = field(default_factory=dict)
    """The ids of the servers at each switch port that more than one of them lists."""
    identities: frozenset[Identity] = frozenset()
    """By what the panel's machines can be told apart."""

    def others_at(self, port: Connection, server_id: int) -> set[int]:
        """The other servers that list this switch port, too."""
        at_it = self.at_port.get((str(port.switch_id), str(port.id)), frozenset())
        return {int(one) for one in at_it if one.isdecimal()} - {server_id}


@dataclass
class _Known:
    """What is known of one panel; the lock lets one reader ask while the others wait for its answer."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: datetime | None = None
    fleet: Fleet = field(default_factory=Fleet)
    error: PanelError | None = None
    """Why the last reading failed."""


_known: "WeakKeyDictionary[Panel, _Known]" = WeakKeyDictionary()


async def fleet_of(panel: Panel) -> Fleet:
    """What the panel's list of servers shows as a whole, as it was at most ten minutes ago.

    Raises PanelError; StepRefused: it shows the machines of a panel that is known under another name.
    Source: docs/sources.md, panel 18.2; safety rule 16.
    """
    known = _known.setdefault(panel, _Known())
    waited = known.lock.locked()
    async with slot_lent(), known.lock:
        if waited and known.error is not None:
            raise copy.copy(known.error)  # a hundred who waited must not each wait for a panel that is down
        if known.at is None or clock().elapsed(known.at) >= REMEMBERED:
            known.error = None
            try:
                known.fleet = fleet_among(await panel.servers.inventory())
            except PanelError as error:
                known.error = error
                raise
            await _recognise(panel, known.fleet)
            known.at = clock().now()
        return known.fleet


async def _recognise(panel: Panel, fleet: Fleet) -> None:
    """Compare the panel's machines with those of the others, and remember them. Raises StepRefused: a second name."""
    samples = await panels.samples(ledger())
    try:
        panels.refuse_second_name(panel.name, fleet.identities, samples)
    except SecondName as second:
        raise StepRefused(str(second)) from None
    sample = panels.sample_of(fleet.identities)
    if panel.name in samples and samples[panel.name] != sample:
        await panels.keep_sample(ledger(), panel.name, sample)


async def shared_hardware(panel: Panel) -> frozenset[Identity]:
    """The serial numbers, MAC addresses and barcodes that more than one server of the panel shows.

    Raises PanelError.
    """
    return (await fleet_of(panel)).shared


def fleet_among(rows: Iterable[Inventory]) -> Fleet:
    """What these rows of a panel's list show together."""
    rows = list(rows)
    told = [Hardware(serial=row.serial, macs=row.macs, barcode=row.barcode) for row in rows]
    ports: dict[Port, set[str]] = {}
    for row in rows:
        for port in row.ports:
            ports.setdefault(port, set()).add(row.id)
    shared = repeated(told)
    return Fleet(
        shared=shared,
        at_port={port: frozenset(servers) for port, servers in ports.items() if len(servers) > 1},
        identities=frozenset(value for one in told for value in one.identities) - shared,
    )


def repeated(told_of_each: Iterable[Hardware]) -> frozenset[Identity]:
    """Those values that more than one of the servers shows; placeholders are none."""
    counted = Counter(value for one in told_of_each for value in one.identities | _addresses(one))
    return frozenset(value for value, servers in counted.items() if servers > 1)


def _addresses(one: Hardware) -> set[Identity]:
    """Also those that software made up: no machine is known by them, and yet two must not have the same."""
    return {Identity("mac", mac_spelling(mac)) for mac in one.macs if is_mac(mac)}
