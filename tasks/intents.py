"""What a step means to make, noted in the ledger before it acts, in the name of the run that drives the service."""

from datetime import datetime

from pydantic import JsonValue

from ledger import journal
from ledger.snapshots import Entry, Service
from ledger.states import State
from ledger.step_names import StepName
from runtime.driver import current_drive, driving


async def record_intent(
    service: Service,
    step: StepName,
    *,
    attempt: int = 1,
    before: dict[str, JsonValue] | None = None,
    advance_to: State | None = None,
    installations_at_most: int | None = None,
) -> Entry:
    """Note the intent, with what the panel shows before; noted already, it stays as it was. Raises LedgerError."""
    drive = driving(service)
    return await drive.write(
        journal.note,
        generation=service.generation,
        step=step,
        attempt=attempt,
        before=before,
        advance_to=advance_to,
        installations_at_most=installations_at_most,
    )


def lost_since(entry: Entry) -> datetime | None:
    """The latest moment at which an interrupted run may have asked for it; None: none did, or its result is known."""
    drive = current_drive()
    earlier = entry.noted_at < drive.since and entry.result is None
    return drive.since if earlier else None


async def record_result(service: Service, entry: Entry, **made: JsonValue) -> None:
    """Note what came of it, ids only. Raises LedgerError."""
    drive = driving(service)
    await drive.write(journal.done, entry.key, made)


async def latest(service: Service, step: StepName) -> Entry | None:
    """The step's last intent in the service's present generation."""
    drive = driving(service)
    return await journal.latest(drive.ledger, service.service_id, service.generation, step)
