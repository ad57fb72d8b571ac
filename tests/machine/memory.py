"""What the machine remembers besides what ledger, panel and WHMCS do: whose data is where, and what hands have done."""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.lifecycle import State


@dataclass(frozen=True)
class Data:
    """Something that somebody wrote to a server's disk and that must stay there."""

    text: str
    service_id: int | None = None
    generation: int = 0


@dataclass
class Memory:
    """One play's memory. Servers by id, services by number."""

    tenants: dict[int, Data] = field(default_factory=dict)
    """Data of services that nobody has terminated."""
    strangers: dict[int, Data] = field(default_factory=dict)
    """Data of people who got their server by hand."""
    statuses: dict[int, str] = field(default_factory=dict)
    """What WHMCS itself made of each service; only its move from Pending to Active is dciflow's to make."""
    deleted: set[tuple[int, int]] = field(default_factory=set)
    """Services, with their generation, whose deletion was asked for."""
    dead_runs: set[str] = field(default_factory=set)
    ports_left: set[int] = field(default_factory=set)
    """Servers whose ports are not as the last lifecycle left them: a hand was there, or a lifecycle broke off."""
    dirtied: set[int] = field(default_factory=set)
    """Free servers on whose disks a hand left something."""
    owners_changed: set[int] = field(default_factory=set)
    swapped: set[int] = field(default_factory=set)
    """Servers in whose place a hand put another machine."""
    removed: set[int] = field(default_factory=set)
    worked_on: set[int] = field(default_factory=set)
    """Servers on which a hand started or ended an operation."""
    addressed: set[int] = field(default_factory=set)
    """Servers whose addresses a hand has changed."""
    accidents: set[str] = field(default_factory=set)
    """The kinds of accident that there have been."""


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
        """Let go of the file."""
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

    def open_runs(self) -> dict[str, int]:
        """The flow runs whose requests are open, with their services."""
        return dict(
            self._rows.execute("SELECT flow_run_id, service_id FROM request WHERE closed_at IS NULL").fetchall()
        )
