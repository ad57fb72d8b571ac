"""A decision on all services that a burst of deletions put on HELD, in a person's name."""

from collections.abc import AsyncIterator
from typing import Literal

from ledger import services
from ledger.errors import LedgerError
from ledger.hold_reasons import HoldReason
from runtime.connections import ledger
from runtime.errors import PrefectUnreachable, StepRefused
from tasks.held.decisions import DecisionRequest, carry_out


async def decide_burst(choice: Literal["retry", "release"], *, who: str, why: str) -> AsyncIterator[str]:
    """Let every service that is HELD as a burst past it (retry), or back to where it was (release); yields a line each.

    One that cannot be decided keeps nobody else waiting. Refused: there is none. Raises PrefectUnreachable, with the
    service whose deletion was let past and is not started.
    """
    held = [one for one in await services.held(ledger()) if one.held_reason == HoldReason.BURST]
    if not held:
        raise StepRefused("No service is HELD as a burst: there is nothing to decide.")
    for service in held:
        verdict = DecisionRequest(
            choice=choice, who=who, why=why, past_cap=choice == "retry", held_at=service.held_at
        )  # the hold that was listed: who is HELD anew meanwhile is looked at anew
        try:
            yield await carry_out(service.service_id, verdict)
        except PrefectUnreachable as away:
            raise PrefectUnreachable(
                f"{away} Service {service.service_id} was let past and its deletion is not started: start terminate "
                "for it, then this command again for the others."
            ) from None
        except (LedgerError, StepRefused) as refused:
            yield f"Service {service.service_id}: {refused}"
