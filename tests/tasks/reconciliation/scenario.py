"""What the tests of the reconciliation share: one comparison, one scheduled run, and what a run changed."""

from collections.abc import Awaitable
from typing import Literal

from flows.reconcile import reconcile
from ledger import requests
from ledger.snapshots import Driver
from runtime.heartbeat import STALLED_AFTER
from simulator.panel.profile import XEON, Batch
from tasks.reconciliation.comparison import Comparison, compare, comparing
from tasks.reconciliation.differences import Difference
from tests.harness import PANEL, QUICK, Harness

ENOUGH = QUICK.model_copy(update={"fleet": (Batch(configuration=XEON, location="Riga", servers=30),)})


async def look(harness: Harness) -> Comparison:
    """One comparison that repairs nothing and leaves nothing."""
    harness.clock.simulated.advance(10)
    async with comparing(PANEL) as remembered:
        return await compare(PANEL, remembered)


async def reconcile_once(harness: Harness, repair: Literal["report", "safe"] = "safe") -> None:
    """One scheduled run, a while after whatever was done last."""
    harness.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair=repair)


async def only(harness: Harness) -> Difference:
    """The one difference that there is."""
    (difference,) = (await look(harness)).differences
    return difference


def told(harness: Harness) -> int:
    """How often WHMCS was told something."""
    return sum(request.action == "UpdateClientProduct" for request in harness.whmcs.requests)


async def changes(harness: Harness, run: Awaitable[object]) -> tuple[int, int]:
    """How many changes a run made on the panel and in WHMCS."""
    panel, billing = len(harness.panel.writes()), told(harness)
    await run
    return len(harness.panel.writes()) - panel, told(harness) - billing


async def open_request(
    harness: Harness, service_id: int, flow_run_id: str = "run-9", action: str = "suspend"
) -> Driver:
    driver, _ = await requests.open(
        harness.ledger,
        service_id=service_id,
        panel=PANEL,
        action=action,
        flow_run_id=flow_run_id,
        requested_by="api",
        now=harness.clock.now(),
        silent_after=STALLED_AFTER,
    )
    return driver
