"""Work that a flow does for each panel, side by side: one that is slow or away holds up its own part only.

Source: safety rules 18 and 25.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from dcimanager.errors import PanelError
from runtime.connections import connections
from runtime.errors import StepRefused
from runtime.polling import gather_all
from runtime.run_log import run_log

MINUTE = 60.0


class OverBudget(StepRefused):
    """A panel's part of the work was not done within its time."""


async def of_each_panel(
    panel: str | None, work: Callable[[str], Awaitable[None]], *, budget_seconds: float
) -> list[str]:
    """Do the work for the panel, or for all that are stored; the names of those it failed for, in their order.

    What a panel or its block says no to is logged, and so is a panel that takes longer than its budget, in real
    seconds. Raises PrefectUnreachable.
    """
    names = [panel] if panel else await connections().name_panels()
    failed = await side_by_side(names, work, budget_seconds=budget_seconds, expected=(PanelError, StepRefused))
    for name, error in failed.items():
        run_log().warning("panel %s: %s", name, error)
    return list(failed)


async def side_by_side(
    names: Collection[str],
    work: Callable[[str], Awaitable[None]],
    *,
    budget_seconds: float,
    expected: tuple[type[Exception], ...],
) -> dict[str, Exception]:
    """Do the work for each panel at the same time; the expected error of each one that has one, in the panels' order.

    A panel that takes longer than the budget, in real seconds, ends with OverBudget. Raises the first other error, once
    all have ended.
    """

    failed: dict[str, Exception] = {}

    async def one(name: str) -> None:
        try:
            async with asyncio.timeout(budget_seconds):
                await work(name)
        except TimeoutError:
            failed[name] = OverBudget(
                f"Panel {name} was not done within {budget_seconds / MINUTE:g} minutes, which is its share: "
                "look whether it answers slowly."
            )
        except expected as error:
            failed[name] = error

    await gather_all(*(one(name) for name in names))
    return {name: failed[name] for name in names if name in failed}
