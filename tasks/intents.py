"""What a step means to make, noted in the ledger before it acts, in the name of the run that drives the service."""

from datetime import datetime

from pydantic import JsonValue

from ledger import journal
from ledger.lifecycle import State
from ledger.snapshots import Entry, Service
from tasks.clock import clock
from tasks.connections import ledger
from tasks.identity import driver_of, driving_since


async def note(
    service: Service,
    step: str,
    *,
    attempt: int = 1,
    before: dict[str, JsonValue] | None = None,
    advance_to: State | None = None,
    installations_at_most: int | None = None,
) -> Entry:
    """Note the intent, with what the panel shows before; noted already, it stays as it was. Raises LedgerError."""
    return await journal.note(
        ledger(),
        driver_of(service),
        generation=service.generation,
        step=step,
        attempt=attempt,
        before=before,
        now=clock().now(),
        advance_to=advance_to,
        installations_at_most=installations_at_most,
    )


def lost_since(entry: Entry) -> datetime | None:
    """When a run that broke off had asked for it at the latest; None: none had, or what came of it is known."""
    earlier = entry.noted_at < driving_since() and entry.result is None
    return driving_since() if earlier else None


async def done(service: Service, entry: Entry, **made: JsonValue) -> None:
    """Note what came of it, ids only. Raises LedgerError."""
    await journal.done(ledger(), driver_of(service), entry.key, made, now=clock().now())


async def latest(service: Service, step: str) -> Entry | None:
    """The step's last intent in the service's present generation."""
    return await journal.latest(ledger(), service.service_id, service.generation, step)
