from collections.abc import Callable

import pytest

from flows.activate import activate
from flows.terminate import terminate
from ledger import permits
from ledger.lifecycle import State
from simulator.things import SimServer
from simulator.variants import Variants
from tests.conftest import StageMaker
from tests.flows.play import activated, is_held, let_go_on, one_line, only_fit, promised, sent, written
from tests.stage import QUICK, Stage


async def used_and_deleted(stage: Stage) -> tuple[int, SimServer]:
    """A client's service with something on its disks; its deletion comes next."""
    service_id, server = await activated(stage)
    stage.panel.write_tenant_data(server.id, "the client's photographs")
    return service_id, server


async def is_released(stage: Stage, service_id: int, server: SimServer) -> None:
    """The server is clean and nobody's, and nothing bad happened on the way."""
    assert (await stage.service(service_id)).state is State.RELEASED
    assert await promised(stage) == {}
    assert server.owner_id is None
    assert server.disk.is_clear
    assert stage.panel.incidents == []


async def test_a_server_that_is_somebody_elses_now_is_not_touched_at_all(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    before = len(stage.panel.writes())
    line = await one_line(stage.run(terminate, service_id))
    assert "HELD (owner-changed)" in line
    assert "other@example.com" not in line
    held = await is_held(stage, service_id, "owner-changed")
    assert held.held_from is State.ACTIVE
    assert "other@example.com" not in (held.held_evidence or "")
    assert len(stage.panel.writes()) == before
    assert not server.disk.is_clear


async def test_a_server_that_lost_its_owner_by_hand_is_not_touched_either(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.by_hand.set_owner(server.id, None)
    before = len(stage.panel.writes())
    await one_line(stage.run(terminate, service_id))
    await is_held(stage, service_id, "owner-changed")
    assert len(stage.panel.writes()) == before


async def test_other_hardware_in_the_servers_place_is_not_touched(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.by_hand.swap_hardware(server.id)
    before = len(stage.panel.writes())
    line = await one_line(stage.run(terminate, service_id))
    assert "HELD (hardware-changed)" in line
    held = await is_held(stage, service_id, "hardware-changed")
    assert server.serial in (held.held_evidence or "")
    assert len(stage.panel.writes()) == before


async def test_a_server_that_is_gone_from_the_panel_needs_a_person(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.by_hand.remove_server(server.id)
    line = await one_line(stage.run(terminate, service_id))
    assert f"Server {server.id} is no longer on panel main" in line
    await is_held(stage, service_id, "server-vanished")


async def test_a_held_service_is_not_touched_by_another_deletion(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.by_hand.set_owner(server.id, None)
    await one_line(stage.run(terminate, service_id))
    before = len(stage.panel.requests)
    line = await one_line(stage.run(terminate, service_id))
    assert f"Service {service_id} is HELD (owner-changed): a person has to decide first" in line
    assert len(stage.panel.requests) == before


async def test_a_person_who_gave_the_server_back_to_its_client_lets_the_deletion_go_on(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    await one_line(stage.run(terminate, service_id))
    stage.panel.by_hand.set_owner(server.id, stage.client.email)
    await let_go_on(stage, service_id, State.RELEASING)
    await stage.run(terminate, service_id)
    await is_released(stage, service_id, server)


def _fail(stage: Stage, server: SimServer) -> None:
    stage.panel.fail_next("diagnostics")


def _hang(stage: Stage, server: SimServer) -> None:
    stage.panel.hang_next("diagnostics")


def _end_by_hand(stage: Stage, server: SimServer) -> None:
    stage.panel.hang_next("diagnostics")
    stage.panel.world.later(stage.clock.simulated.now() + 300, lambda: stage.panel.by_hand.end_operation(server.id))


@pytest.mark.parametrize("spoil", [_fail, _hang, _end_by_hand])
async def test_a_wipe_without_proof_gives_the_server_to_nobody_until_a_second_one_is_proved(
    stage: Stage, spoil: Callable[[Stage, SimServer], None]
) -> None:
    service_id, server = await used_and_deleted(stage)
    only_fit(stage, server.id)
    spoil(stage, server)
    line = await one_line(stage.run(terminate, service_id))
    assert f"The disk clearing on server {server.id}" in line
    assert "HELD (wipe-unproven)" in line
    await is_held(stage, service_id, "wipe-unproven")
    assert not server.disk.is_clear

    server.operations[-1].status = "canceled"  # even if somebody tidies up, the claim keeps the server from others
    second = stage.buy("web2.example.com")
    assert "1 promised to another service" in await one_line(stage.run(activate, second, order=stage.order()))

    await let_go_on(stage, service_id, State.ERASING)
    await stage.run(terminate, service_id)
    await is_released(stage, service_id, server)
    assert len(sent(stage, "diagnostics")) == 2
    await stage.run(activate, second)
    assert await stage.server(second) is server
    assert stage.panel.incidents == []


async def test_a_wipe_that_the_panel_kills_after_its_hour_is_no_proof(make_stage: StageMaker) -> None:
    stage = make_stage(
        QUICK.model_copy(update={"diagnostics_seconds": 7200.0}), Variants(diagnostics_killed_as="canceled")
    )
    service_id, server = await used_and_deleted(stage)
    line = await one_line(stage.run(terminate, service_id))
    assert "ended as canceled" in line
    await is_held(stage, service_id, "wipe-unproven")
    assert not server.disk.is_clear


async def test_a_wipe_that_vanished_from_the_panel_is_no_proof(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)

    def forget() -> None:
        operation = server.operations.pop()
        del stage.panel.world.operations[operation.id]

    stage.faults.admin_acts_after("diagnostics", 1, forget)
    line = await one_line(stage.run(terminate, service_id))
    assert "is gone from the panel" in line
    await is_held(stage, service_id, "wipe-unproven")


@pytest.mark.parametrize("new_owner", ["other@example.com", "anna+dc@example.com"])
@pytest.mark.parametrize("moment", ["before its permit", "after its permit"])
async def test_a_server_that_gets_an_owner_by_hand_before_its_wipe_is_not_wiped(
    stage: Stage, moment: str, new_owner: str
) -> None:
    service_id, server = await used_and_deleted(stage)

    def give() -> None:
        stage.panel.by_hand.set_owner(server.id, new_owner)

    if moment == "after its permit":
        stage.ledger.after_commit.append(lambda: give() if server.owner_id is None else None)
    else:
        # The first list after the clearing is the read-back, which still shows no owner.
        stage.faults.admin_acts_after("owner_clear", 1, lambda: stage.faults.admin_acts_after("server_list", 1, give))
    await one_line(stage.run(terminate, service_id))
    stage.ledger.after_commit.clear()
    permit = await permits.current(stage.ledger, service_id, 1)
    assert (permit is None) is (moment == "before its permit")
    assert permit is None or permit.used_at is None
    assert (await stage.service(service_id)).held_reason == "owner-changed"
    assert sent(stage, "diagnostics") == []
    assert not server.disk.is_clear
    assert server.owner_id is not None
    assert stage.panel.incidents == []


async def test_a_protected_server_keeps_owner_and_addresses_until_the_protection_is_off(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.protect(server.id)
    before = len(stage.panel.writes())
    line = await one_line(stage.run(terminate, service_id))
    assert "switch the protection off and press Retry" in line
    assert len(stage.panel.writes()) == before
    stage.panel.by_hand.protect(server.id, on=False)
    await stage.run(terminate, service_id)
    assert server.disk.is_clear


async def test_a_wipe_that_the_panel_refuses_is_told_and_a_re_run_wipes(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.world.deallocation_pools, marked = [], stage.panel.world.deallocation_pools
    line = await one_line(stage.run(terminate, service_id))
    assert "No pool for deallocation of servers has a free address" in line
    assert list(await promised(stage)) == [server.id]
    stage.panel.world.deallocation_pools = marked
    await stage.run(terminate, service_id)
    await is_released(stage, service_id, server)


async def test_diagnostics_run_by_hand_after_a_refused_wipe_are_no_proof(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.world.deallocation_pools, marked = [], stage.panel.world.deallocation_pools
    await one_line(stage.run(terminate, service_id))
    stage.panel.world.deallocation_pools = marked
    stage.panel.by_hand.start_operation(server.id)  # "let me see whether diagnostics work now"
    await stage.clock.sleep(600)
    await stage.run(terminate, service_id)
    await is_released(stage, service_id, server)


async def test_diagnostics_run_by_hand_after_a_wipe_that_never_started_are_no_proof(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.faults.refuse_before("diagnostics")
    line = await one_line(stage.run(terminate, service_id))
    assert f"The wipe of server {server.id} did not start" in line
    stage.panel.by_hand.start_operation(server.id)
    await stage.clock.sleep(600)
    await stage.run(terminate, service_id)
    await is_released(stage, service_id, server)


class Died(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("asked", [True, False], ids=["after it was asked for", "before it was asked for"])
async def test_diagnostics_run_by_hand_after_a_worker_died_at_the_wipe_are_no_proof(stage: Stage, asked: bool) -> None:
    service_id, server = await used_and_deleted(stage)

    def die() -> None:
        raise Died

    (stage.faults.admin_acts_after if asked else stage.faults.admin_acts_before)("diagnostics", 1, die)
    with pytest.raises(Died):
        await stage.run(terminate, service_id)
    stage.panel.by_hand.end_operation(server.id)
    stage.panel.by_hand.start_operation(server.id)
    await stage.clock.sleep(600)
    stage.connect()
    await stage.run(terminate, service_id)
    await is_released(stage, service_id, server)


async def test_every_wipe_has_a_permit_of_its_own_that_names_the_server(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    client = server.owner_id
    stage.panel.fail_next("diagnostics")
    await one_line(stage.run(terminate, service_id))
    failed = await permits.current(stage.ledger, service_id, 1)
    await let_go_on(stage, service_id, State.ERASING)
    await stage.run(terminate, service_id)
    proved = await permits.current(stage.ledger, service_id, 1)
    assert failed is not None
    assert proved is not None
    assert (failed.attempt, failed.outcome) == (1, "unproven") != (proved.attempt, proved.outcome) == (2, "proved")
    assert (proved.server_id, proved.owner_before, proved.serial) == (server.id, client, server.serial)


async def test_a_deleted_service_that_is_ordered_again_begins_its_second_generation(stage: Stage) -> None:
    service_id, first = await used_and_deleted(stage)
    await stage.run(terminate, service_id)
    stage.panel.by_hand.protect(first.id)
    stage.billed(service_id).status = "Pending"
    await stage.run(activate, service_id)
    service = await stage.service(service_id)
    assert (service.state, service.generation) == (State.ACTIVE, 2)
    second = await stage.server(service_id)
    assert second is not first
    assert len(sent(stage, "user_create")) == 1
    assert len(sent(stage, "os_install")) == 2
    assert stage.billed(service_id).dedicated_ip == second.addresses[0].address
    await stage.run(terminate, service_id)
    await is_released(stage, service_id, second)


async def test_a_suspended_service_is_deleted_with_its_ports_on(stage: Stage) -> None:
    service_id, server = await used_and_deleted(stage)
    stage.panel.by_hand.switch_port(server.id, "down")
    before = len(stage.panel.writes())
    await stage.run(terminate, service_id)
    assert written(stage, before)[0] == "port_on"
    assert all(port.admin_up for port in server.network_ports)
    await is_released(stage, service_id, server)
