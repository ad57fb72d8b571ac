from datetime import timedelta

import pytest

from ledger import incarnation
from ledger.database import Ledger
from ledger.errors import NothingRuns
from tests.ledger.scenario import LedgerScenario

EVERY = timedelta(seconds=15)


async def test_a_ledger_gets_one_and_keeps_it(ledger: Ledger, story: LedgerScenario) -> None:
    assert await incarnation.current(ledger) is None
    first = await incarnation.begin(ledger, now=story.now)
    assert await incarnation.begin(ledger, now=story.now) == first == await incarnation.current(ledger)


async def test_it_counts_once_in_a_while_and_only_from_what_was_seen(ledger: Ledger, story: LedgerScenario) -> None:
    first = await incarnation.begin(ledger, now=story.now)
    later = story.now + EVERY
    assert (await incarnation.advance(ledger, first, not_within=EVERY, now=story.now)).count == first.count
    second = await incarnation.advance(ledger, first, not_within=EVERY, now=later)
    assert second.count == first.count + 1
    assert (await incarnation.advance(ledger, first, not_within=EVERY, now=later + EVERY)).count == second.count


async def test_no_request_is_opened_while_a_restoration_is_gone_through(ledger: Ledger, story: LedgerScenario) -> None:
    await story.ask(1)
    begun = await incarnation.begin_restoring(ledger, "whmcs", now=story.now)
    with pytest.raises(NothingRuns, match="dciflow restored whmcs"):
        await story.ask(2, run="run-2")
    again = await incarnation.begin_restoring(ledger, "whmcs", now=story.now + EVERY)
    assert again.restoring_since == begun.restoring_since  # the second try goes on with the first
    assert (await incarnation.advance(ledger, again, not_within=EVERY, now=story.now + 2 * EVERY)).count == begun.count
    await incarnation.renew(ledger, name="new", count=9, now=story.now)
    await story.ask(2, run="run-2")


async def test_a_ledger_is_empty_until_it_knows_a_service(ledger: Ledger, story: LedgerScenario) -> None:
    assert await incarnation.is_empty(ledger)
    await story.ask(1)
    assert not await incarnation.is_empty(ledger)
