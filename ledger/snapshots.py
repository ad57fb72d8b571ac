"""What the ledger hands out: immutable copies of its rows, safe to keep after the transaction.

All times are timezone-aware and in UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

from ledger.lifecycle import State
from ledger.orders import Order

Outcome = Literal["done", "failed", "held", "abandoned", "cancelled"]
Verdict = Literal["intended", "done", "failed"]
Proof = Literal["proved", "unproven", "void"]
Choice = Literal["release", "retry", "terminate", "accept-hardware", "forget-server"]
"""How a person lets a service leave HELD."""
Act = Choice | Literal["bring-back", "protect", "unprotect"]
"""What persons decide, of a HELD service or of another one."""


@dataclass(frozen=True)
class Driver:
    """The right to change one service, until somebody else opens a request on it.

    `epoch` counts the drivers that the service has had; every write compares it.
    """

    service_id: int
    epoch: int
    request_id: str


class Snapshot(BaseModel):
    """A frozen copy of a row."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Claim(Snapshot):
    """The promise of one server to one service, with what identified the server when it was claimed."""

    panel: str
    server_id: int
    service_id: int
    generation: int
    owner_id: int | None
    """The panel's user id of the client, once the server was meant to become his."""
    serial: str | None
    macs: tuple[str, ...]
    barcode: str | None
    claimed_at: datetime


class Service(Snapshot):
    """A WHMCS service as the ledger knows it, with its claim if a server is promised."""

    service_id: int
    panel: str
    client_id: int | None
    state: State
    generation: int
    epoch: int
    order: Order | None
    held_reason: str | None
    held_evidence: str | None
    held_from: State | None
    created_at: datetime
    updated_at: datetime
    claim: Claim | None = None
    held_at: datetime | None = None
    """When it was put on HELD; names this hold among those that the service has had."""
    releasing_since: datetime | None = None
    """When its server's taking back began, this time or the last."""
    way_back: State | None = None
    """What the service was before its server's taking back began, while a person may still bring it back."""
    allowed_past: str | None = None
    """The cap that a person lets this service past, once."""
    protected_at: datetime | None = None
    """Since when no automation may suspend or terminate it."""


class Request(Snapshot):
    """One action asked for on one service; open until `closed_at`."""

    id: str
    service_id: int
    panel: str
    action: str
    flow_run_id: str
    requested_by: str
    epoch: int
    opened_at: datetime
    heartbeat_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None
    message: str | None


class EntryKey(NamedTuple):
    """Names one try of one step of one generation."""

    service_id: int
    generation: int
    step: str
    attempt: int


class Entry(Snapshot):
    """One try of a step that must not be done twice: meant, then done or failed."""

    service_id: int
    generation: int
    step: str
    attempt: int
    state: Verdict
    before: dict[str, JsonValue] | None
    """What the panel showed before the step, so that what the step made can be told from what was there."""
    result: dict[str, JsonValue] | None
    noted_at: datetime
    settled_at: datetime | None

    @property
    def key(self) -> EntryKey:
        """The entry's name, for `journal.done`, `journal.failed` and `journal.forget`."""
        return EntryKey(self.service_id, self.generation, self.step, self.attempt)


class Permit(Snapshot):
    """The right to wipe one server once."""

    id: int
    panel: str
    server_id: int
    service_id: int
    generation: int
    attempt: int
    owner_before: int | None
    """The client's panel user id, cleared from the server before the wipe."""
    owner_seen: None
    """The owner read when the permit was written: there must be none."""
    serial: str | None
    macs: tuple[str, ...]
    barcode: str | None
    operation_before: int | None
    """The server's last operation before the wipe: a newer one is the wipe's."""
    written_at: datetime
    used_at: datetime | None
    operation_id: int | None
    outcome: Proof | None
    settled_at: datetime | None


class Decision(Snapshot):
    """What a person decided of a service, and why."""

    service_id: int
    choice: Act
    held_reason: str | None
    evidence: str | None
    """Why it was HELD, or what was recorded before the decision changed it."""
    state: State
    """Where the service stood after it."""
    epoch: int
    """The service's epoch after it; no two decisions that start something have the same."""
    who: str
    why: str
    flow_run_id: str | None
    """The run that carried the decision out; None: a command did."""
    at: datetime
