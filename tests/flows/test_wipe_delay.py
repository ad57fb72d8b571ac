"""Between a deletion and its wipe a product may want hours, in which the service can be brought back."""

from datetime import timedelta

import pytest

from flows import terminate as module
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.errors import IllegalMove
from ledger.lifecycle import State
from ledger.snapshots import Service
from simulator.things import SimServer
from tasks.decisions import bring_back
from tests.flows.play import activated, is_held, let_go_on, one_line, sent, written
from tests.stage import Stage

HOURS = 3


async def kept_for_a_while(stage: Stage) -> tuple[int, SimServer]:
    """A client's service of a product with a wipe delay, with something on its disks."""
    service_id, server = await activated(stage, wipe_delay_hours=HOURS)
    stage.panel.write_tenant_data(server.id, "the client's photographs")
    return service_id, server


async def test_the_server_is_wiped_when_the_delay_is_over_and_off_the_network_until_then(stage: Stage) -> None:
    service_id, server = await kept_for_a_while(stage)
    addresses, began, before = list(server.addresses), stage.clock.now(), len(stage.panel.writes())
    seen: list[tuple[bool, bool, bool, bool]] = []
    stage.panel.world.later(
        stage.clock.simulated.now() + timedelta(hours=HOURS - 1).total_seconds(),
        lambda: seen.append(
            (
                any(port.admin_up for port in server.network_ports),
                server.owner_id is not None,
                server.addresses == addresses,
                "photographs" in server.disk.content,
            )
        ),
    )
    await stage.run(terminate, service_id)
    assert seen == [(False, True, True, True)]
    assert written(stage, before)[:2] == ["port_off", "port_on"]
    assert stage.clock.elapsed(began) >= timedelta(hours=HOURS)
    assert (await stage.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    assert stage.panel.incidents == []


async def test_without_a_delay_the_ports_are_never_off(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    began = stage.clock.now()
    await stage.run(terminate, service_id)
    assert sent(stage, "port_off") == []
    assert stage.clock.elapsed(began) < timedelta(hours=1)


class Meanwhile:
    """Does something once, when the waiting run has slept so long."""

    def __init__(self, stage: Stage, hours: float) -> None:
        self.stage = stage
        self.due = stage.clock.now() + timedelta(hours=hours)
        self.said: list[str] = []

    def brings_back(self, service_id: int) -> None:
        sleep = self.stage.clock.sleep

        async def and_then(seconds: float) -> None:
            await sleep(seconds)
            if not self.said and self.stage.clock.now() >= self.due:
                self.said.append(await bring_back(service_id, who="anna", why="he paid"))

        self.stage.clock.sleep = and_then  # type: ignore[method-assign]


async def test_a_service_is_brought_back_with_its_data_its_owner_and_its_addresses(stage: Stage) -> None:
    service_id, server = await kept_for_a_while(stage)
    addresses, owner = list(server.addresses), server.owner_id
    meanwhile = Meanwhile(stage, HOURS - 0.5)
    meanwhile.brings_back(service_id)
    line = await one_line(stage.run(terminate, service_id))
    assert f"Service {service_id} was brought back: its server is left to it" in line
    assert "unsuspend is started" in meanwhile.said[0]
    assert stage.started[-1][0] == "unsuspend/whmcs"
    assert (await stage.service(service_id)).state is State.SUSPENDED

    await stage.run(unsuspend, service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert all(port.admin_up for port in server.network_ports)
    assert (server.addresses, server.owner_id) == (addresses, owner)
    assert "photographs" in server.disk.content
    assert sent(stage, "diagnostics") == []

    await stage.run(terminate, service_id)  # a later deletion has a whole delay of its own
    assert server.disk.is_clear


async def test_a_run_that_broke_off_in_the_delay_does_not_begin_it_anew(stage: Stage) -> None:
    service_id, server = await kept_for_a_while(stage)
    began, sleep = stage.clock.now(), stage.clock.sleep

    async def dies(seconds: float) -> None:
        await sleep(seconds)
        if stage.clock.elapsed(began) > timedelta(hours=HOURS / 2):
            raise KeyboardInterrupt

    stage.clock.sleep = dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await stage.run(terminate, service_id)
    stage.clock.sleep = sleep  # type: ignore[method-assign]
    stage.clock.simulated.advance(200)
    await stage.run(terminate, service_id)
    assert timedelta(hours=HOURS) <= stage.clock.elapsed(began) < timedelta(hours=HOURS + 1)
    assert server.disk.is_clear


async def test_a_server_given_away_during_the_delay_is_not_wiped(stage: Stage) -> None:
    service_id, server = await kept_for_a_while(stage)
    stage.panel.world.later(
        stage.clock.simulated.now() + 3600, lambda: stage.panel.by_hand.set_owner(server.id, "other@example.com")
    )
    await one_line(stage.run(terminate, service_id))
    held = await is_held(stage, service_id, "owner-changed")
    assert held.held_from is State.RELEASING
    with pytest.raises(IllegalMove, match="decide on that first"):
        await bring_back(service_id, who="anna", why="-")
    stage.panel.by_hand.set_owner(server.id, stage.client.email)
    await let_go_on(stage, service_id, State.RELEASING)
    await bring_back(service_id, who="anna", why="it was a mistake")
    assert (await stage.service(service_id)).state is State.SUSPENDED


async def test_after_the_delay_there_is_no_way_back(stage: Stage) -> None:
    service_id, _ = await kept_for_a_while(stage)

    async def breaks_off(service: Service) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "release_addresses", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            await stage.run(terminate, service_id)
    assert (await stage.service(service_id)).state is State.RELEASING
    with pytest.raises(IllegalMove, match="its wipe delay is over, or it has none"):
        await bring_back(service_id, who="anna", why="too late")


async def test_a_server_without_switch_ports_waits_on_the_network(stage: Stage) -> None:
    service_id, server = await kept_for_a_while(stage)
    server.ports = [port for port in server.ports if port not in server.network_ports]
    began = stage.clock.now()
    await stage.run(terminate, service_id)
    assert stage.clock.elapsed(began) >= timedelta(hours=HOURS)
    assert server.disk.is_clear


async def test_a_decided_deletion_has_its_delay_from_the_decision_on_and_no_way_back(stage: Stage) -> None:
    service_id, _ = await kept_for_a_while(stage)
    stage.panel.by_hand.set_owner((await stage.server(service_id)).id, None)
    await one_line(stage.run(terminate, service_id))
    stage.panel.by_hand.set_owner((await stage.server(service_id)).id, stage.client.email)
    await let_go_on(stage, service_id, State.RELEASING)
    with pytest.raises(IllegalMove):
        await bring_back(service_id, who="anna", why="-")
    began = stage.clock.now()
    await stage.run(terminate, service_id)
    assert stage.clock.elapsed(began) < timedelta(hours=1)
