"""What the ledger hands out: immutable copies of its rows, safe to keep after the transaction.

All times are timezone-aware and in UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

from ledger.hardware import Hardware
from ledger.orders import Order
from ledger.states import State
from ledger.wishes import KeptWish

Outcome = Literal["done", "failed", "held", "abandoned", "cancelled"]
Verdict = Literal["intended", "done"]
Proof = Literal["proved", "unproven", "void"]
Choice = Literal["release", "retry", "terminate", "accept-hardware", "forget-server", "hand-over", "another-server"]
"""The ways in which a person ends a hold."""

FIRST_LEFTOVER = 2_000_000_000
"""Leftovers have numbers from here on: WHMCS counts from one, and a 32-bit column holds them."""
Act = Choice | Literal["bring-back", "protect", "unprotect", "adopt", "exchange"]
"""What a person can decide about a service, HELD or not."""


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
    """The promise of one server to one service, with the hardware that was recorded when it was claimed."""

    panel: str
    server_id: int
    service_id: int
    generation: int
    owner_id: int | None
    """The panel user who is the client; recorded before the panel is told to make them the owner."""
    hardware: Hardware
    claimed_at: datetime
    active_since: datetime | None = None
    """Since when its client has used the server; None: not yet. What it moved before is not theirs."""
    changed: str | None = None
    """What the machine showed otherwise when it was last looked at; the same machine all the same."""
    operation_before: int | None = None
    """The server's last operation when it was claimed; 0: there was none, None: it was not recorded."""
    powered_off_at: datetime | None = None
    """When a suspension began to switch its power off, which was on; an unsuspension switches it on. None: none did."""
    suspends_at: datetime | None = None
    """When the grace of the suspension that WHMCS asked for last is over; None: none has waited."""


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
    """When it became HELD; tells this hold from the service's earlier ones."""
    releasing_since: datetime | None = None
    """When it last became RELEASING."""
    way_back: State | None = None
    """Its state before RELEASING, as long as a person may still bring it back; else None."""
    allowed_past: str | None = None
    """The cap that this service may pass once, because a person decided so."""
    installation: str | None = None
    """The WHMCS installation that it belongs to; None: not recorded."""
    order_id: int | None = None
    """Its order in WHMCS; None: not recorded."""
    registered: str | None = None
    """Its registration date, as WHMCS writes it; None: not recorded."""
    protected_at: datetime | None = None
    """Since when it is protected: no automation may suspend or terminate it."""
    leftover_of: int | None = None
    """The service that was given another server, where this is its leftover."""

    @property
    def is_rehearsal(self) -> bool:
        """Whether this is a rehearsal on a spare server, never a client's: WHMCS gives no negative numbers out."""
        return self.service_id < 0

    @property
    def is_leftover(self) -> bool:
        """Whether this is a server that a service left for another one: it can only be terminated."""
        return self.service_id >= FIRST_LEFTOVER

    @property
    def is_known_to_whmcs(self) -> bool:
        """Whether WHMCS can be asked for it: it knows neither rehearsals nor leftovers."""
        return not (self.is_rehearsal or self.is_leftover)


class Request(Snapshot):
    """One action asked for on one service; open until `closed_at`."""

    id: str
    service_id: int
    panel: str
    action: str
    flow_run_id: str
    requested_by: str
    who: str | None = None
    """The member of staff who asked for it, as whoever started the run says; None: nobody said."""
    epoch: int
    asked_at: datetime | None = None
    """When WHMCS asked for it, by WHMCS's clock; None: whoever asked did not say."""
    wish: KeptWish | None = None
    """What WHMCS showed of the service then; None: not known."""
    opened_at: datetime
    heartbeat_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None
    message: str | None

    @property
    def asked_by(self) -> str:
        """Who asked for it, with the name where one is known: `admin (anna)`."""
        return self.requested_by if self.who is None else f"{self.requested_by} ({self.who})"


class EntryKey(NamedTuple):
    """The key of a journal entry: one attempt at one step of one generation."""

    service_id: int
    generation: int
    step: str
    attempt: int


class Entry(Snapshot):
    """One attempt at a step that must not be done twice: intended, then done."""

    service_id: int
    generation: int
    step: str
    attempt: int
    state: Verdict
    before: dict[str, JsonValue] | None
    """What the panel showed before the step: tells what the step made from what was there already."""
    result: dict[str, JsonValue] | None
    noted_at: datetime
    settled_at: datetime | None

    @property
    def key(self) -> EntryKey:
        """The entry's name, for `journal.done` and `journal.forget`."""
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
    """The server's owner when the permit was written: always None."""
    hardware: Hardware
    operation_before: int | None
    """The server's last operation before the wipe; a newer operation is the wipe."""
    written_at: datetime
    used_at: datetime | None
    operation_id: int | None
    outcome: Proof | None
    settled_at: datetime | None


class ReinstallPermit(Snapshot):
    """The right to install one OS template once over the server of a client who uses it."""

    id: int
    panel: str
    server_id: int
    service_id: int
    generation: int
    attempt: int
    """The attempt at an installation that it is for, counted through the generation."""
    request_id: str
    os_template: str
    os_before: str
    """What was ordered before; empty for a service that was adopted, which has no order."""
    state_before: State
    owner_seen: int
    """The client's panel user id, who owned the server when the permit was written."""
    hardware: Hardware
    operation_before: int | None
    """The server's last operation before it; a newer one is this installation."""
    asked_at: datetime
    """When it was asked for."""
    written_at: datetime
    used_at: datetime | None
    operation_id: int | None
    voided_at: datetime | None


class Backing(StrEnum):
    """Why a panel's entry may be used for clients' servers."""

    PROVED = "proved"
    """A rehearsal played the call on a spare server, and the panel showed what it did."""
    TRUSTED = "trusted"
    """A person recorded that they know the call to be right."""
    SOLD_BEFORE = "sold-before"
    """The panel had clients' servers before proofs were kept: it may go on, with a warning."""


class EntryProof(Snapshot):
    """One entry of a panel's dialect that was proved or is trusted, exactly as it was then."""

    panel: str
    entry: str
    """The entry's name in the table of endpoints; `*` stands for all of them."""
    call: str
    """The exact call, as one line of JSON; a call that differs was never proved."""
    words: dict[str, dict[str, str]]
    """The words of the panel that it rests on: kind, word, meaning."""
    backing: Backing
    who: str
    why: str
    flow_run_id: str | None
    server_id: int | None
    before: str
    """What the panel showed of the server before the call."""
    after: str
    """What it showed after it."""
    at: datetime


class ServerNote(Snapshot):
    """What is known of one server."""

    panel: str
    server_id: int
    failures: int
    """Activations that failed on it since the last one that went well."""
    failed_service: int | None
    """Whose activation failed last."""
    set_aside_at: datetime | None
    """Since when it is sold to nobody; None: it is sold."""
    reason: str | None
    who: str | None
    reserved_at: datetime | None = None
    """Since when it is reserved; None: it is not."""
    reserved_for: int | None = None
    """The service that alone may get it; None: nobody gets it."""
    reserved_by: str | None = None
    reserved_why: str | None = None
    noted_at: datetime


class Decision(Snapshot):
    """What a person decided of a service, and why."""

    service_id: int
    choice: Act
    held_reason: str | None
    evidence: str | None
    """Why it was HELD, or what was recorded before the decision changed it."""
    state: State
    """The service's state after it."""
    epoch: int
    """The service's epoch after it; no two decisions that start something have the same."""
    who: str
    why: str
    flow_run_id: str | None
    """The flow run that carried the decision out; None: a command did."""
    at: datetime
