"""One comparison of a panel with WHMCS and the ledger: who makes it, what it found, and what it leaves for the next."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from dcimanager.errors import one_line
from dcimanager.fair_queue import queue_key
from ledger import reconciliation, rehearsals, requests, server_notes
from ledger.errors import LedgerError
from ledger.reconciliation import DifferenceKey, Known, Remembered
from ledger.snapshots import ServerNote, Service
from runtime.clock import clock
from runtime.connections import connections, ledger, panel_named
from runtime.flow_run import run_id
from runtime.gate import EntryStatus, entries_of, needed
from runtime.run_log import run_log
from runtime.steps import ensures, reads
from tasks.reconciliation.differences import Difference, Drift, Limits
from tasks.reconciliation.drift import classify
from tasks.reconciliation.matching import join_sources, odd_rows
from tasks.reconciliation.sources import read_sources
from tasks.reconciliation.unrecorded import Unrecorded, unrecorded

LEASE = timedelta(minutes=3)
"""As long as a run without a request may go on unseen (tasks/stalled_runs.py): one that died is re-queued then."""

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
    unrecorded: list[Unrecorded] = []
    """Services without a difference of which it was not recorded whose they are."""
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
    queue_key.set(f"{ACTION} {panel}")
    remembered = await reconciliation.begin(ledger(), panel, me, lease=LEASE, now=clock().now())
    renewing = asyncio.create_task(_renew(panel, me))
    try:
        await _close_what_was_left_open(panel, me)
        yield remembered
    finally:
        renewing.cancel()
        await reconciliation.give_up(ledger(), panel, me)


async def _renew(panel: str, me: str) -> None:
    while True:
        await asyncio.sleep(RENEWED_SECONDS)
        with suppress(LedgerError):  # whoever has lost it learns so before any repair, and at the end
            await reconciliation.keep(ledger(), panel, me, lease=LEASE, now=clock().now())


async def _close_what_was_left_open(panel: str, me: str) -> None:
    """A re-queued run that died during a repair must not wait for its own requests."""
    for request in await requests.open_requests(ledger(), panel):
        if request.flow_run_id == me and request.action == ACTION:
            line = "Its run was interrupted and compares again."
            await requests.abandon(ledger(), request, outcome="abandoned", message=line, now=clock().now())


@reads("where WHMCS, ledger and panel differ", run_name="compare panel {panel} with WHMCS and the ledger")
async def compare(panel: str, remembered: Remembered) -> Comparison:
    """Read the three sources as whole lists and classify every service and every server.

    Refused: a list is empty, or shrank by more than the set share. Raises PanelError, WhmcsError, LedgerError: a side
    cannot be reached or does not add up. Whatever is raised, nothing was concluded (safety rules 8 and 9).
    """
    sources = await read_sources(panel, remembered)
    now, limits = clock().now(), Limits()
    found, quiet = [], []
    for number, case in enumerate(join_sources(sources)):
        if number % CASES_AT_ONCE == 0:
            await asyncio.sleep(0)
        difference = classify(case, now, limits)
        if difference is not None:
            found.append(_since(difference, remembered, now))
        elif (one := unrecorded(case)) is not None:
            quiet.append(one)
    found += [_since(difference, remembered, now) for difference in odd_rows(sources)]
    for note in (await server_notes.aside(ledger(), panel)).values():
        found.append(_since(difference_of_set_aside(note), remembered, now))
    found += [difference_of_rehearsal(one) for one in await rehearsals.unfinished(ledger(), panel)]
    if any(service.claim is not None for service in sources.services):
        dialect = difference_of_dialect((await entries_of(await panel_named(panel))).values())
        if dialect is not None:
            found.append(_since(dialect, remembered, now))
    found = tell_of_lost_numbers(found, sources.whmcs)
    order = {drift: place for place, drift in enumerate(Drift)}
    found.sort(key=lambda one: (order[one.drift], one.since or now, one.service_id or 0, one.server_id or 0))
    lengths = ", ".join(f"{count} {what}" for what, count in sources.counts.items())
    run_log().info("panel %s: %s compared, %s difference(s)", panel, lengths, len(found))
    return Comparison(
        panel=panel,
        flow_run_id=remembered.flow_run_id,
        at=now,
        list_lengths=sources.counts,
        products=sources.products,
        differences=found,
        unrecorded=quiet,
        known=remembered.differences,
    )


def tell_of_lost_numbers(found: Iterable[Difference], shown: Collection[int]) -> list[Difference]:
    """Say of services that WHMCS does not show what that may mean, where it shows no number as high as theirs.

    WHMCS counts its services up, so one that it does not know any more, and knew, is newer than a back-up of it.
    """
    highest = max(shown, default=0)
    hint = f", nor any as new as that (up to {highest}): if WHMCS was restored, type dciflow restored whmcs"
    return [
        one.model_copy(update={"what": one.what + hint})
        if one.drift is Drift.NOT_IN_WHMCS and highest and (one.service_id or 0) > highest
        else one
        for one in found
    ]


def difference_of_dialect(entries: Iterable[EntryStatus]) -> Difference | None:
    """The difference of a whole panel with clients' servers, until each entry is proved or trusted.

    It has no repair: a rehearsal makes proofs, and a person gives their word (safety rule 22).
    """
    required = needed()  # without what is optional: a suspension that would use it says so itself
    uncertain = [one for one in entries if one.entry in required and not one.is_certain]
    refused = [one.entry for one in uncertain if one.status == "unproved"]
    tolerated = [one.entry for one in uncertain if one.status == "sold-before"]
    told = (("refused for clients' servers", refused), ("used because it sold before proofs were kept", tolerated))
    what = "; ".join(f"{how}: {', '.join(names)}" for how, names in told if names)
    if not what:
        return None
    return Difference(drift=Drift.DIALECT_UNPROVED, what=what, service_id=None, server_id=None, client_id=None)


def difference_of_set_aside(note: ServerNote) -> Difference:
    """The difference of a server that is sold to nobody. It has no repair: a person looks and allows it."""
    what = one_line(f"by {note.who}: {note.reason}", longest=300)
    return Difference(
        drift=Drift.SET_ASIDE,
        what=what,
        service_id=None,
        server_id=note.server_id,
        client_id=None,
        since=note.set_aside_at,
    )


def difference_of_rehearsal(service: Service) -> Difference:
    """The difference of a rehearsal that stopped on its way. It has no repair: started again, it goes on."""
    why = f" ({service.held_reason})" if service.held_reason else ""
    return Difference(
        drift=Drift.REHEARSAL_UNFINISHED,
        what=f"stopped at {service.state}{why}; its server is sold to nobody",
        service_id=None,
        server_id=service.claim.server_id if service.claim else None,
        client_id=None,
        since=service.updated_at,
    )


def _since(difference: Difference, remembered: Remembered, now: datetime) -> Difference:
    if difference.since is not None:
        return difference
    known = remembered.differences.get(difference.key)
    return difference.model_copy(update={"since": now if known is None else known.since})


@ensures("the next comparison knows this one", run_name="keep what was found on panel {comparison.panel}")
async def keep_findings(comparison: Comparison, tried: Collection[DifferenceKey]) -> None:
    """Leave counts, products and differences in the ledger, with how often the repair of each was tried."""
    await reconciliation.finish(
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
