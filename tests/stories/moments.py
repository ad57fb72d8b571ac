"""Five moments at which a back-up is taken, and what happens since: the rows of docs/operate.md, "Back-ups"."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.snapshots import Choice
from ledger.states import State
from runtime.incarnation import LATE_WRITES
from simulator.panel.models import SimServer
from tasks.held.decisions import DecisionRequest, bring_back, carry_out
from tests.harness import Harness
from tests.stories.restoring import BackUps
from tests.stories.scenario import activated, one_line

PHOTOGRAPHS = "anna's photographs"
DELAY_HOURS = 72


async def decide(service_id: int, choice: Choice) -> str:
    """A person decides by the command."""
    return await carry_out(service_id, DecisionRequest(choice=choice, who="shift", why="looked"))


async def annas(harness: Harness, **order: object) -> tuple[int, SimServer]:
    """Anna's service, with her photographs on its disks."""
    service_id, server = await activated(harness, **order)
    harness.panel.write_tenant_data(server.id, PHOTOGRAPHS)
    return service_id, server


async def brought_back_since(harness: Harness, backups: BackUps) -> tuple[int, SimServer]:
    """The back-up is of a wipe delay; since then Anna has paid and was brought back."""
    service_id, server = await annas(harness, wipe_delay_hours=DELAY_HOURS)
    await backups.work_goes_on()

    async def pays() -> None:
        backups.take("terminate")
        await bring_back(service_id, who="anna", why="she paid")
        harness.billed(service_id).status = "Active"

    harness.billed(service_id).status = "Terminated"
    _meanwhile(harness, timedelta(hours=1), pays)
    await one_line(harness.run(terminate, service_id))
    await harness.run(unsuspend, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    await _days_pass(harness, backups)
    return service_id, server


async def delivered_since(harness: Harness, backups: BackUps) -> tuple[int, SimServer]:
    """The back-up is of an activation, right before its OS is installed; since then Anna uses the server."""
    await backups.work_goes_on()
    harness.faults.admin_acts_before("os_install", 1, lambda: backups.take("activate"))
    service_id, server = await annas(harness)
    await _days_pass(harness, backups)
    return service_id, server


async def owner_cleared_since(harness: Harness, backups: BackUps) -> tuple[int, SimServer]:
    """The back-up is older than Anna's service; since then its deletion has cleared the owner, and nothing is wiped."""
    await activated(harness)  # somebody else's, that the ledger knows
    await backups.work_goes_on()
    backups.take()
    service_id, server = await annas(harness)
    harness.billed(service_id).status = "Terminated"
    harness.faults.unavailable(1_000, "diagnostics")
    await one_line(harness.run(terminate, service_id))
    harness.faults.clear()
    assert server.owner_id is None
    assert PHOTOGRAPHS in server.disk.content
    await _days_pass(harness, backups)
    return service_id, server


async def sold_again_since(harness: Harness, backups: BackUps) -> tuple[int, SimServer, int]:
    """The back-up is of Anna's service; since then it was deleted, and her second service has the same server."""
    await activated(harness)  # somebody else's: one of the product's services that all know
    service_id, server = await annas(harness)
    await backups.work_goes_on()
    backups.take()
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id)
    second = await _sold_to_anna(harness, server)
    await _days_pass(harness, backups)
    return service_id, server, second


async def decided_since(harness: Harness, backups: BackUps) -> tuple[int, SimServer]:
    """The back-up is of a hold; since then the owner was set right, a person decided, and Anna uses the server."""
    service_id, server = await annas(harness)
    await backups.work_goes_on()
    harness.panel.admin.set_owner(server.id, "bob@example.com")
    await one_line(harness.run(suspend, service_id))
    backups.take("decide-held")
    harness.panel.admin.set_owner(server.id, harness.client.email)
    await decide(service_id, "release")
    await _days_pass(harness, backups)
    return service_id, server


async def _sold_to_anna(harness: Harness, server: SimServer) -> int:
    for other in harness.panel.servers.values():
        if other.id != server.id and other.owner_id is None:
            harness.panel.admin.protect(other.id)
    second = harness.buy("web2.example.com")
    await harness.run(activate, second, order=harness.order())
    for other in harness.panel.servers.values():
        harness.panel.admin.protect(other.id, on=False)
    assert (await harness.server(second)).id == server.id
    harness.panel.write_tenant_data(server.id, PHOTOGRAPHS)
    return second


async def _days_pass(harness: Harness, backups: BackUps) -> None:
    harness.clock.simulated.advance(timedelta(days=5).total_seconds())
    for _ in range(LATE_WRITES + 1):
        await backups.work_goes_on()


def _meanwhile(harness: Harness, after: timedelta, act: Callable[[], Awaitable[None]]) -> None:
    """Do something once, when a run has waited so long."""
    began, sleep = harness.clock.now(), harness.clock.sleep

    async def and_then(seconds: float) -> None:
        await sleep(seconds)
        if harness.clock.elapsed(began) >= after:
            harness.clock.sleep = sleep  # type: ignore[method-assign]
            await act()

    harness.clock.sleep = and_then  # type: ignore[method-assign]
