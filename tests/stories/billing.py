"""What WHMCS shows of a service, and what changes there while a run waits."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ledger.wishes import ServiceWish
from simulator.panel.models import SimServer
from tests.harness import Harness
from tests.stories.scenario import activated

MONTH = timedelta(days=30)
HOURS = timedelta(hours=3)


def on_network(server: SimServer) -> bool:
    return all(port.admin_up for port in server.ports if not port.is_bmc)


def billed_as(harness: Harness, service_id: int, status: str, next_due: str = "2027-01-01") -> ServiceWish:
    """WHMCS shows this from now on; returned as the module would send it with a command of this moment."""
    row = harness.billed(service_id)
    row.status, row.next_due = status, next_due
    return ServiceWish(status=status, next_due=next_due, told_at_end=False)


def pay(harness: Harness, service_id: int) -> None:
    billed_as(harness, service_id, "Active", "2027-02-28")


def after(harness: Harness, seconds: float, act: Callable[[], object]) -> None:
    """It happens in WHMCS so much later, as soon as a run waits."""
    at, sleep = harness.clock.now() + timedelta(seconds=seconds), harness.clock.sleep
    done = []

    async def until(seconds: float) -> None:
        await sleep(seconds)
        if not done and harness.clock.now() >= at:
            done.append(act())

    harness.clock.sleep = until  # type: ignore[method-assign]


async def used(harness: Harness, **order: Any) -> tuple[int, SimServer]:
    service_id, server = await activated(harness, **order)
    harness.panel.write_tenant_data(server.id, "the client's photographs")
    return service_id, server
