"""How often a client may ask for what changes their server after the sale, and what such a request has to say."""

from dataclasses import dataclass
from datetime import timedelta

from flows._request import Asked, OpenRequest
from ledger.errand_counts import TOO_OFTEN, counted
from ledger.snapshots import FIRST_LEFTOVER
from runtime.driver import current_drive
from runtime.errors import StepRefused

DAY = timedelta(days=1)


@dataclass(frozen=True)
class ClientLimit:
    """How often a client may ask for one errand. Staff are not counted."""

    apart: timedelta
    """Between two of one service."""
    a_day: int
    """Within 24 hours, for one service."""
    of_client_a_day: int
    """The same for all services of one client."""


def check_asked(asked: Asked) -> None:
    """Raises StepRefused: the number is no service of WHMCS, or a client's request does not say whose service it is."""
    if not 0 < asked.service_id < FIRST_LEFTOVER:
        raise StepRefused(f"{asked.service_id} is no service of WHMCS: {asked.action} is for those only.")
    if asked.requested_by == "client" and asked.identity is None:
        raise StepRefused(f"A client's {asked.action} has to name whose service it is. Nothing was touched.")


class OftenCheck:
    """The count of one run's wish: a run that starts again, as after an outage, does not count against itself."""

    def __init__(self, limit: ClientLimit) -> None:
        self.limit = limit
        self._passed = False

    async def check(self, request: OpenRequest) -> None:
        """Raises StepRefused: the client has asked for it too often; staff may."""
        if request.requested_by != "client" or self._passed:
            return
        drive = current_drive()
        found = await counted(
            drive.ledger,
            request.service.service_id,
            request.action,
            since=drive.now() - DAY,
            but=request.driver.request_id,
        )
        apart = self.limit.apart
        if found.last_at is not None and drive.now() - found.last_at < apart:
            wait = apart - (drive.now() - found.last_at)
            raise StepRefused(
                f"{TOO_OFTEN}it was asked for a moment ago. Try again in {wait.total_seconds():.0f} seconds."
            )
        if found.of_service >= self.limit.a_day or found.of_client >= self.limit.of_client_a_day:
            raise StepRefused(f"{TOO_OFTEN}no more of it today. It is possible again tomorrow, or ask our staff.")
        self._passed = True
