"""The end of a request, kept for good: written once more when the commit's answer was lost."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

from ledger import requests
from ledger.errors import LedgerError, Outage, Superseded
from ledger.lifecycle import State
from ledger.snapshots import Driver
from tasks.clock import clock
from tasks.connections import ledger
from tasks.outcomes import Held


async def finish(driver: Driver, *, to: State | None) -> None:
    """Close the request as done and, in the same commit, move the service to `to` if given.

    Raises LedgerError as `requests.close`; Outage: the ledger is away, and the request may still be open.
    """
    await _for_good(lambda: requests.close(ledger(), driver, outcome="done", message="", to=to, now=clock().now()))


async def close_as(driver: Driver, outcome: Literal["done", "failed", "cancelled"], message: str) -> None:
    """Close the request unless somebody else drives the service by now, whose it is then, or the ledger is away."""
    with suppress(LedgerError):
        await _for_good(lambda: requests.close(ledger(), driver, outcome=outcome, message=message, now=clock().now()))


async def hold(driver: Driver, held: Held) -> None:
    """Put the service on HELD and close the request. Raises LedgerError as `requests.hold_and_close`; Outage."""
    reason, evidence = str(held.reason), held.evidence
    await _for_good(
        lambda: requests.hold_and_close(ledger(), driver, reason=reason, evidence=evidence, now=clock().now())
    )


async def _for_good(close: Callable[[], Awaitable[None]]) -> None:
    try:
        await close()
    except Outage:
        with suppress(Superseded):  # the request is closed, so it was kept the first time
            await close()
