import asyncio
import time

import pytest

from dcimanager.errors import PanelRefused
from flows.reconcile import reconcile
from runtime import alerts
from runtime.connections import connections
from runtime.errors import PrefectUnreachable
from tasks.each_panel import OverBudget, of_each_panel, side_by_side
from tests.harness import PANEL, Harness
from tests.stories.scenario import one_line


async def test_a_panel_that_is_slow_or_away_holds_up_nobody_else(harness: Harness) -> None:
    done: dict[str, float] = {}
    began = time.monotonic()

    async def names() -> list[str]:
        return ["dead", "good", "hostile", "slow"]

    async def work(name: str) -> None:
        if name == "slow":
            await asyncio.sleep(30)
        if name == "dead":
            await asyncio.sleep(0.2)
            raise PanelRefused("no")
        if name == "hostile":
            raise PanelRefused("no")
        done[name] = time.monotonic() - began

    connections().name_panels = names
    assert await of_each_panel(None, work, budget_seconds=0.3) == ["dead", "hostile", "slow"]
    assert done["good"] < 0.2
    assert time.monotonic() - began < 2


async def test_what_is_not_a_panels_fault_ends_the_run_once_all_are_done() -> None:
    done = []

    async def work(name: str) -> None:
        if name == "a":
            raise PrefectUnreachable("away")
        await asyncio.sleep(0.05)
        done.append(name)

    with pytest.raises(PrefectUnreachable):
        await side_by_side(["a", "b"], work, budget_seconds=5, expected=(PanelRefused,))
    assert done == ["b"]


async def test_a_panel_that_is_over_its_budget_is_named_with_it() -> None:
    async def work(name: str) -> None:
        await asyncio.sleep(30)

    failed = await side_by_side(["a"], work, budget_seconds=0.03, expected=())
    assert isinstance(failed["a"], OverBudget)
    assert str(failed["a"]).startswith("Panel a was not done within 0.0005 minutes")


async def test_a_reconciliation_over_its_budget_is_told_and_may_begin_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.sleep(30)

    with monkeypatch.context() as slow:
        slow.setattr("flows.reconcile.BUDGET_SECONDS", 0.05)
        slow.setattr("flows.reconcile.compare", never)
        line = await one_line(reconcile.fn(panel=PANEL))
    assert line.startswith(f"Not reconciled: {PANEL}: Panel {PANEL} was not done within")
    assert [event for event, _, _ in harness.events] == [alerts.RECONCILIATION_STOPPED]
    await reconcile.fn(panel=PANEL)
