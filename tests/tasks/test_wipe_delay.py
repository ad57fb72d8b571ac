"""Between a deletion and its wipe a product may want hours, in which the service can be brought back."""

from datetime import timedelta

import pytest

from flows import terminate as module
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.errors import IllegalMove
from ledger.snapshots import Service
from ledger.states import State
from simulator.panel.models import SimServer
from tasks.held.decisions import bring_back
from tests.harness import Harness
from tests.stories.scenario import activated, is_held, let_go_on, midway, one_line, sent, written

HOURS = 3


async def kept_for_a_while(harness: Harness) -> tuple[int, SimServer]:
    """A client's service of a product with a wipe delay, with something on its disks."""
    service_id, server = await activated(harness, wipe_delay_hours=HOURS)
    harness.panel.write_tenant_data(server.id, "the client's photographs")
    return service_id, server


async def test_the_server_is_wiped_when_the_delay_is_over_and_off_the_network_until_then(harness: Harness) -> None:
    service_id, server = await kept_for_a_while(harness)
    addresses, began, before = list(server.addresses), harness.clock.now(), len(harness.panel.writes())
    seen: list[tuple[bool, bool, bool, bool]] = []
    harness.panel.world.later(
        harness.clock.simulated.now() + timedelta(hours=HOURS - 1).total_seconds(),
        lambda: seen.append(
            (
                any(port.admin_up for port in server.network_ports),
                server.owner_id is not None,
                server.addresses == addresses,
                "photographs" in server.disk.content,
            )
        ),
    )
    await harness.run(terminate, service_id)
    assert seen == [(False, True, True, True)]
    assert written(harness, before)[:2] == ["port_off", "port_on"]
    assert harness.clock.elapsed(began) >= timedelta(hours=HOURS)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    assert harness.panel.incidents == []


async def test_without_a_delay_the_ports_are_never_off(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    began = harness.clock.now()
    await harness.run(terminate, service_id)
    assert sent(harness, "port_off") == []
    assert harness.clock.elapsed(began) < timedelta(hours=1)


class DoesMeanwhile:
    """Does something once, when the waiting run has slept so long."""

    def __init__(self, harness: Harness, hours: float) -> None:
        self.harness = harness
        self.due = harness.clock.now() + timedelta(hours=hours)
        self.said: list[str] = []

    def brings_back(self, service_id: int) -> None:
        sleep = self.harness.clock.sleep

        async def and_then(seconds: float) -> None:
            await sleep(seconds)
            if not self.said and self.harness.clock.now() >= self.due:
                self.said.append(await bring_back(service_id, who="anna", why="he paid"))

        self.harness.clock.sleep = and_then  # type: ignore[method-assign]


async def test_a_service_is_brought_back_with_its_data_its_owner_and_its_addresses(harness: Harness) -> None:
    service_id, server = await kept_for_a_while(harness)
    addresses, owner = list(server.addresses), server.owner_id
    meanwhile = DoesMeanwhile(harness, HOURS - 0.5)
    meanwhile.brings_back(service_id)
    line = await one_line(harness.run(terminate, service_id))
    assert f"Service {service_id} was brought back: its server is left to it" in line
    assert "unsuspend is started" in meanwhile.said[0]
    assert harness.started[-1][0] == "unsuspend/whmcs"
    assert (await harness.service(service_id)).state is State.SUSPENDED

    await harness.run(unsuspend, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert all(port.admin_up for port in server.network_ports)
    assert (server.addresses, server.owner_id) == (addresses, owner)
    assert "photographs" in server.disk.content
    assert sent(harness, "diagnostics") == []

    await harness.run(terminate, service_id)  # a later deletion has a whole delay of its own
    assert server.disk.is_clear


async def test_a_run_that_broke_off_in_the_delay_does_not_begin_it_anew(harness: Harness) -> None:
    service_id, server = await kept_for_a_while(harness)
    began, sleep = harness.clock.now(), harness.clock.sleep

    async def dies(seconds: float) -> None:
        await sleep(seconds)
        if harness.clock.elapsed(began) > timedelta(hours=HOURS / 2):
            raise KeyboardInterrupt

    harness.clock.sleep = dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await harness.run(terminate, service_id)
    harness.clock.sleep = sleep  # type: ignore[method-assign]
    harness.clock.simulated.advance(200)
    await harness.run(terminate, service_id)
    assert timedelta(hours=HOURS) <= harness.clock.elapsed(began) < timedelta(hours=HOURS + 1)
    assert server.disk.is_clear


async def test_a_server_given_away_during_the_delay_is_not_wiped(harness: Harness) -> None:
    service_id, server = await kept_for_a_while(harness)
    harness.panel.world.later(
        harness.clock.simulated.now() + 3600, lambda: harness.panel.admin.set_owner(server.id, "other@example.com")
    )
    await one_line(harness.run(terminate, service_id))
    held = await is_held(harness, service_id, "owner-changed")
    assert held.held_from is State.RELEASING
    with pytest.raises(IllegalMove, match="decide on that first"):
        await bring_back(service_id, who="anna", why="-")
    harness.panel.admin.set_owner(server.id, harness.client.email)
    await let_go_on(harness, service_id, State.RELEASING)
    await bring_back(service_id, who="anna", why="it was a mistake")
    assert (await harness.service(service_id)).state is State.SUSPENDED


@pytest.mark.parametrize(("status", "started"), [("Suspended", False), ("Active", True), ("Terminated", True)])
@pytest.mark.parametrize("answers", [True, False])
async def test_what_whmcs_has_suspended_by_now_is_brought_back_and_stays_off_the_network(
    harness: Harness, status: str, started: bool, answers: bool
) -> None:
    service_id, server = await kept_for_a_while(harness)
    harness.started.clear()
    async with midway(harness, harness.run(terminate, service_id)) as run:
        harness.billed(service_id).status = status
        harness.whmcs.unavailable(0 if answers else 1000)
        said = await bring_back(service_id, who="anna", why="he paid")
        harness.whmcs.unavailable(0)
    with pytest.raises(Exception, match="was brought back"):
        await run
    begun = [name for name, *_ in harness.started]
    assert begun == (["unsuspend/whmcs"] if started or not answers else [])
    assert ("stays SUSPENDED" in said) is not bool(begun)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert "photographs" in server.disk.content


async def test_after_the_delay_there_is_no_way_back(harness: Harness) -> None:
    service_id, _ = await kept_for_a_while(harness)

    async def breaks_off(service: Service) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "release_addresses", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASING
    with pytest.raises(IllegalMove, match="its wipe delay is over, or it has none"):
        await bring_back(service_id, who="anna", why="too late")


async def test_a_server_without_switch_ports_waits_on_the_network(harness: Harness) -> None:
    service_id, server = await kept_for_a_while(harness)
    server.ports = [port for port in server.ports if port not in server.network_ports]
    began = harness.clock.now()
    await harness.run(terminate, service_id)
    assert harness.clock.elapsed(began) >= timedelta(hours=HOURS)
    assert server.disk.is_clear


async def test_a_decided_deletion_has_its_delay_from_the_decision_on_and_no_way_back(harness: Harness) -> None:
    service_id, _ = await kept_for_a_while(harness)
    harness.panel.admin.set_owner((await harness.server(service_id)).id, None)
    await one_line(harness.run(terminate, service_id))
    harness.panel.admin.set_owner((await harness.server(service_id)).id, harness.client.email)
    await let_go_on(harness, service_id, State.RELEASING)
    with pytest.raises(IllegalMove):
        await bring_back(service_id, who="anna", why="-")
    began = harness.clock.now()
    await harness.run(terminate, service_id)
    assert harness.clock.elapsed(began) < timedelta(hours=1)
