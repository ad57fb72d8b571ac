"""The state that the machine expects: whose data is on which server, and what was done by hand."""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ledger.states import State


class Whose(NamedTuple):
    """The client and the order that a service is of: a number may come again."""

    client_id: int
    order_id: int


class Shown(NamedTuple):
    """What WHMCS's row said when a deletion was asked for."""

    status: str
    next_due: str


@dataclass(frozen=True)
class Data:
    """Something that somebody wrote to a server's disk and that must stay there."""

    text: str
    service_id: int | None = None
    generation: int = 0
    whose: "Whose | None" = None


@dataclass
class ExpectedState:
    """The expected state of one example. Servers by id, services by number."""

    tenants: dict[int, Data] = field(default_factory=dict)
    """Data of services that nobody has terminated."""
    strangers: dict[int, Data] = field(default_factory=dict)
    """Data of people who got their server by hand."""
    statuses: dict[int, str] = field(default_factory=dict)
    """The status that WHMCS gave each service; dciflow may change it only from Pending to Active."""
    whose: dict[tuple[int, int], Whose] = field(default_factory=dict)
    """Whose each service is, with its generation: the client who ordered it, or to whom it was handed over."""
    deleted: dict[tuple[int, int, Whose], Shown] = field(default_factory=dict)
    """Services, with their generation and client, whose deletion was asked for, and what WHMCS showed then."""
    told: set[int] = field(default_factory=set)
    """Services whose row in WHMCS was changed: by staff, by a payment, by an old dump."""
    given_away: set[int] = field(default_factory=set)
    """Services that WHMCS had for another client or order for a while, or not at all."""
    dead_runs: set[str] = field(default_factory=set)
    ports_left: set[int] = field(default_factory=set)
    """Servers whose ports were changed by hand, or in a lifecycle that was interrupted."""
    ports_by_hand: dict[int, int] = field(default_factory=dict)
    """After how many calls to the panel each server's ports were last changed by hand."""
    dirtied: set[int] = field(default_factory=set)
    """Free servers whose disks were written to by hand."""
    owners_changed: set[int] = field(default_factory=set)
    swapped: set[int] = field(default_factory=set)
    """Servers that were replaced by another machine by hand."""
    removed: set[int] = field(default_factory=set)
    worked_on: set[int] = field(default_factory=set)
    """Servers on which an operation was started or ended by hand."""
    addressed: set[int] = field(default_factory=set)
    """Servers whose addresses were changed by hand."""
    faults: set[str] = field(default_factory=set)
    """The kinds of faults that occurred."""


@dataclass(frozen=True)
class Promise:
    """A claim with its service, as they stand in the ledger at this very moment."""

    server_id: int
    service_id: int
    generation: int
    owner_id: int | None
    serial: str
    macs: list[str]
    state: State
    held_from: State | None

    @property
    def stands(self) -> State:
        """The state, HELD or not."""
        return self.held_from or self.state


class Peek:
    """Reads the ledger's file between two awaits of whoever writes it."""

    def __init__(self, file: Path) -> None:
        self._rows = sqlite3.connect(file, isolation_level=None)

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

    def promises(self) -> dict[int, Promise]:
        """All claims by server."""
        rows = self._rows.execute(
            "SELECT c.server_id, c.service_id, c.generation, c.owner_id, c.serial, c.macs, s.state, s.held_from "
            "FROM claim c JOIN service s ON s.service_id = c.service_id"
        ).fetchall()
        return {
            server: Promise(
                server, service, generation, owner, serial, json.loads(macs), State(state), held and State(held)
            )
            for server, service, generation, owner, serial, macs, state, held in rows
        }

    def claims(self) -> list[tuple[int, int]]:
        """Server and service of each claim, as many rows as there are."""
        return self._rows.execute("SELECT server_id, service_id FROM claim").fetchall()

    def epoch(self, service_id: int) -> int | None:
        """The epoch of whichever run drives the service."""
        row = self._rows.execute("SELECT epoch FROM service WHERE service_id = ?", (service_id,)).fetchone()
        return None if row is None else int(row[0])

    def take_over(self, service_id: int) -> None:
        """Another run becomes the service's driver, and ends at once: whoever drove it may not go on."""
        self._rows.execute(
            "UPDATE request SET closed_at = opened_at, outcome = 'abandoned', message = 'Taken over.' "
            "WHERE service_id = ? AND closed_at IS NULL",
            (service_id,),
        )
        self._rows.execute("UPDATE service SET epoch = epoch + 1 WHERE service_id = ?", (service_id,))

    def permit(self, server_id: int, service_id: int, generation: int) -> dict[str, Any] | None:
        """The newest permit of that generation to wipe that server."""
        row = self._rows.execute(
            "SELECT id, used_at, outcome, operation_id FROM permit "
            "WHERE server_id = ? AND service_id = ? AND generation = ? ORDER BY attempt DESC LIMIT 1",
            (server_id, service_id, generation),
        ).fetchone()
        return None if row is None else dict(zip(("id", "used_at", "outcome", "operation_id"), row, strict=True))

    def was_permitted(self, server_id: int, service_id: int, generation: int) -> bool:
        """Whether a permit to wipe that server was ever used for that generation."""
        query = "SELECT 1 FROM permit WHERE server_id = ? AND service_id = ? AND generation = ? AND used_at IS NOT NULL"
        return self._rows.execute(query, (server_id, service_id, generation)).fetchone() is not None

    def was_overwritten(self, server_id: int, service_id: int, generation: int) -> bool:
        """Whether a permit to install over that server was ever used for that generation."""
        query = (
            "SELECT 1 FROM reinstall_permit WHERE server_id = ? AND service_id = ? AND generation = ? "
            "AND used_at IS NOT NULL"
        )
        return self._rows.execute(query, (server_id, service_id, generation)).fetchone() is not None

    def permits_used(self, server_id: int, service_id: int, generation: int) -> int:
        """How many permits to wipe that server were used for that generation."""
        query = (
            "SELECT count(*) FROM permit WHERE server_id = ? AND service_id = ? AND generation = ? "
            "AND used_at IS NOT NULL"
        )
        return int(self._rows.execute(query, (server_id, service_id, generation)).fetchone()[0])

    def was_reserved_for_another(self, server_id: int) -> bool:
        """Whether the server was reserved, and not for the service that has it, before that one claimed it."""
        query = (
            "SELECT 1 FROM claim c JOIN server_note n ON n.panel = c.panel AND n.server_id = c.server_id "
            "WHERE c.server_id = ? AND n.reserved_at < c.claimed_at AND n.reserved_for IS NOT c.service_id"
        )
        return self._rows.execute(query, (server_id,)).fetchone() is not None

    def open_runs(self) -> dict[str, int]:
        """The flow runs whose requests are open, with their services."""
        return dict(
            self._rows.execute("SELECT flow_run_id, service_id FROM request WHERE closed_at IS NULL").fetchall()
        )
