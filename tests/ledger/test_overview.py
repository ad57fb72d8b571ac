from datetime import timedelta

import pytest

from ledger import overview, reconciliation, requests, services
from ledger.database import Ledger
from ledger.errors import LedgerError
from ledger.reconciliation import DifferenceKey, Known
from tests.ledger.scenario import LedgerScenario

LEASE = timedelta(minutes=30)
PORTS = DifferenceKey("active-ports-off", 1042, 7)
FREE = DifferenceKey("dirty-free-server", 0, 8)


async def begin(ledger: Ledger, story: LedgerScenario, run: str) -> reconciliation.Remembered:
    return await reconciliation.begin(ledger, "main", run, lease=LEASE, now=story.now)


async def finish(ledger: Ledger, story: LedgerScenario, run: str, **differences: Known) -> None:
    keys = {"ports": PORTS, "free": FREE}
    await reconciliation.finish(
        ledger,
        "main",
        run,
        counts={"servers": 12},
        products={2},
        differences={keys[name]: known for name, known in differences.items()},
        now=story.now,
    )


async def test_the_first_comparison_finds_nothing_remembered(ledger: Ledger, story: LedgerScenario) -> None:
    first = await begin(ledger, story, "a")
    assert (first.counts, first.products, first.differences) == ({}, frozenset(), {})


async def test_a_comparison_remembers_what_the_last_one_found(ledger: Ledger, story: LedgerScenario) -> None:
    await begin(ledger, story, "a")
    await finish(ledger, story, "a", ports=Known(story.now, 1), free=Known(story.now, 0))
    second = await begin(ledger, story, "b")
    assert second.counts == {"servers": 12}
    assert second.products == {2}
    assert second.differences == {PORTS: Known(story.now, 1), FREE: Known(story.now, 0)}
    await finish(ledger, story, "b", ports=Known(story.now, 2))
    assert (await begin(ledger, story, "c")).differences == {PORTS: Known(story.now, 2)}


async def test_only_one_run_compares_a_panel_until_its_time_is_over(ledger: Ledger, story: LedgerScenario) -> None:
    await begin(ledger, story, "a")
    with pytest.raises(LedgerError, match="Flow run a reconciles panel main until"):
        await begin(ledger, story, "b")
    await begin(ledger, story, "a")  # the same run, driven again
    await reconciliation.begin(ledger, "main", "b", lease=LEASE, now=story.now + LEASE)
    with pytest.raises(LedgerError, match="Another run reconciles"):
        await reconciliation.keep(ledger, "main", "a", lease=LEASE, now=story.now)
    with pytest.raises(LedgerError, match="Another run reconciles"):
        await finish(ledger, story, "a")


async def test_who_gives_up_lets_the_next_one_in_and_leaves_what_was_remembered(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await begin(ledger, story, "a")
    await finish(ledger, story, "a", ports=Known(story.now, 0))
    await begin(ledger, story, "b")
    await reconciliation.give_up(ledger, "main", "a")  # not the one who compares
    with pytest.raises(LedgerError):
        await begin(ledger, story, "c")
    await reconciliation.give_up(ledger, "main", "b")
    assert (await begin(ledger, story, "c")).differences == {PORTS: Known(story.now, 0)}


async def test_counts_are_forgotten_and_nothing_else(ledger: Ledger, story: LedgerScenario) -> None:
    assert not await reconciliation.forget_counts(ledger, "main")
    await begin(ledger, story, "a")
    await finish(ledger, story, "a", ports=Known(story.now, 0))
    assert await reconciliation.forget_counts(ledger, "main")
    remembered = await begin(ledger, story, "b")
    assert remembered.counts == {}
    assert len(remembered.differences) == 1


async def test_all_services_are_read_page_by_page(
    ledger: Ledger, story: LedgerScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "PAGE", 2)
    for number in range(1, 6):
        await services.remember(ledger, service_id=number, panel="main" if number != 3 else "other", now=story.now)
    first = await overview.services_of(ledger, "main")
    second = await overview.services_of(ledger, "main", after=first[-1].service_id)
    assert [one.service_id for one in [*first, *second]] == [1, 2, 4, 5]
    assert await overview.services_of(ledger, "main", after=5) == []
    assert await overview.elsewhere(ledger, "main") == {3}


async def test_what_was_driven_since_a_moment_is_what_is_open_or_was_closed_after_it(
    ledger: Ledger, story: LedgerScenario
) -> None:
    later = story.now + timedelta(hours=1)
    for number in (1, 2, 3):
        await services.remember(ledger, service_id=number, panel="main", now=story.now)
        driver, _ = await requests.open(
            ledger,
            service_id=number,
            panel="main",
            action="suspend",
            flow_run_id=f"run-{number}",
            requested_by="cron",
            now=story.now,
            silent_after=timedelta(seconds=90),
        )
        if number > 1:
            at = later if number == 2 else story.now
            await requests.close(ledger, driver, outcome="done", message=None, now=at)
    found = await overview.driven_since(ledger, "main", later)
    assert {one.service_id for one in found} == {1, 2}
