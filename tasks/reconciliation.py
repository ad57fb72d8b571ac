"""One comparison of a panel with WHMCS and the ledger: who makes it, what it found, and what it leaves for the next."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from dcimanager.turns import caller
from ledger import overview, requests
from ledger.errors import LedgerError
from ledger.overview import DifferenceKey, Known, Remembered
from tasks.cases import cases
from tasks.clock import clock
from tasks.connections import connections, ledger
from tasks.differences import Difference, Drift, Limits, classify
from tasks.effects import ensures, reads
from tasks.log import run_log
from tasks.run import run_id
from tasks.sides import read_sides

LEASE = timedelta(minutes=3)
"""As long as a run without a request may go on unseen (tasks/silent_runs.py): one that died is driven again then."""

RENEWED_SECONDS = 30.0
"""How often a live run renews its lease, in real seconds: five times in vain, and it is still there."""

CASES_AT_ONCE = 500
"""Cases without a pause, in which every other run of the worker stands still."""

ACTION = "reconcile"
"""What a repair's request is called in the ledger."""


class Comparison(BaseModel):
    """What was found on one panel."""

    model_config = ConfigDict(frozen=True)

    panel: str
    flow_run_id: str
    at: datetime
    list_lengths: dict[str, int]
    products: frozenset[int]
    differences: list[Difference]
    """Each with its `since`; by class, then longest known first."""
    known: dict[DifferenceKey, Known]
    """What the comparison before this one found."""

    @property
    def counts(self) -> dict[str, int]:
        """How many differences there are of each class that has any, in the classes' order."""
        found = Counter(difference.drift for difference in self.differences)
        return {drift.value: found[drift] for drift in Drift if found[drift]}

    def repairs(self, difference: Difference) -> int:
        """How often the difference was repaired already and came back, or did not go."""
        known = self.known.get(difference.key)
        return 0 if known is None else known.repairs


@reads("the panels that Prefect has credentials of", run_name="list the panels")
async def panels_to_compare(panel: str | None) -> list[str]:
    """The panel that was asked for, or all that are stored. Raises PrefectUnreachable."""
    return [panel] if panel is not None else await connections().name_panels()


@asynccontextmanager
async def comparing(panel: str) -> AsyncIterator[Remembered]:
    """Be the only run that compares this panel while the block runs, whatever Prefect thinks of other runs.

    Raises LedgerError: another run does.
    """
    me = run_id()
    caller.set(f"{ACTION} {panel}")
    remembered = await overview.begin(ledger(), panel, me, lease=LEASE, now=clock().now())
    renewing = asyncio.create_task(_renew(panel, me))
    try:
        await _close_what_was_left_open(panel, me)
        yield remembered
    finally:
        renewing.cancel()
        await overview.give_up(ledger(), panel, me)


async def _renew(panel: str, me: str) -> None:
    while True:
        await asyncio.sleep(RENEWED_SECONDS)
        with suppress(LedgerError):  # who has lost it learns so before he repairs anything, and when he finishes
            await overview.keep(ledger(), panel, me, lease=LEASE, now=clock().now())


async def _close_what_was_left_open(panel: str, me: str) -> None:
    """A run that died while it repaired, and is driven again, must not wait for its own requests."""
    for request in await requests.open_requests(ledger(), panel):
        if request.flow_run_id == me and request.action == ACTION:
            line = "Its run broke off and compares again."
            await requests.abandon(ledger(), request, outcome="abandoned", message=line, now=clock().now())


@reads("where WHMCS, ledger and panel differ", run_name="compare panel {panel} with WHMCS and the ledger")
async def compare(panel: str, remembered: Remembered) -> Comparison:
    """Read the three sides as whole lists and classify every service and every server.

    Refused: a list is empty, or shrank by more than the set share. Raises PanelError, WhmcsError, LedgerError: a side
    cannot be reached or does not add up. Whatever is raised, nothing was concluded (safety rules 8 and 9).
    """
    sides = await read_sides(panel, remembered)
    now, limits = clock().now(), Limits()
    found = []
    for number, case in enumerate(cases(sides)):
        if number % CASES_AT_ONCE == 0:
            await asyncio.sleep(0)
        difference = classify(case, now, limits)
        if difference is not None:
            found.append(_since(difference, remembered, now))
    order = {drift: place for place, drift in enumerate(Drift)}
    found.sort(key=lambda one: (order[one.drift], one.since or now, one.service_id or 0, one.server_id or 0))
    lengths = ", ".join(f"{count} {what}" for what, count in sides.counts.items())
    run_log().info("panel %s: %s compared, %s difference(s)", panel, lengths, len(found))
    return Comparison(
        panel=panel,
        flow_run_id=remembered.flow_run_id,
        at=now,
        list_lengths=sides.counts,
        products=sides.products,
        differences=found,
        known=remembered.differences,
    )


def _since(difference: Difference, remembered: Remembered, now: datetime) -> Difference:
    if difference.since is not None:
        return difference
    known = remembered.differences.get(difference.key)
    return difference.model_copy(update={"since": now if known is None else known.since})


@ensures("the next comparison knows this one", run_name="keep what was found on panel {comparison.panel}")
async def keep_findings(comparison: Comparison, tried: Collection[DifferenceKey]) -> None:
    """Leave counts, products and differences in the ledger, with how often the repair of each was tried."""
    await overview.finish(
        ledger(),
        comparison.panel,
        comparison.flow_run_id,
        counts=comparison.list_lengths,
        products=comparison.products,
        differences={
            one.key: Known(one.since or comparison.at, comparison.repairs(one) + (one.key in tried))
            for one in comparison.differences
        },
        now=clock().now(),
    )
