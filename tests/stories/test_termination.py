from collections.abc import Callable
from typing import Any

import pytest

from flows.activate import activate
from flows.terminate import terminate
from ledger import permits
from ledger.states import State
from simulator.panel.models import SimOperation, SimServer
from simulator.panel.serializers import Serializers
from simulator.panel.variants import Variants
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness
from tests.stories.scenario import activated, is_held, let_go_on, one_line, only_fit, promised, sent, written


async def used_and_deleted(harness: Harness) -> tuple[int, SimServer]:
    """A client's service with something on its disks; its deletion comes next."""
    service_id, server = await activated(harness)
    harness.panel.write_tenant_data(server.id, "the client's photographs")
    return service_id, server


async def is_released(harness: Harness, service_id: int, server: SimServer) -> None:
    """The server is clean and nobody's, and nothing bad happened on the way."""
    assert (await harness.service(service_id)).state is State.RELEASED
    assert await promised(harness) == {}
    assert server.owner_id is None
    assert server.disk.is_clear
    assert harness.panel.incidents == []


async def test_a_server_that_is_somebody_elses_now_is_not_touched_at_all(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    before = len(harness.panel.writes())
    line = await one_line(harness.run(terminate, service_id))
    assert "HELD (owner-changed)" in line
    assert "other@example.com" not in line
    held = await is_held(harness, service_id, "owner-changed")
    assert held.held_from is State.ACTIVE
    assert "other@example.com" not in (held.held_evidence or "")
    assert len(harness.panel.writes()) == before
    assert not server.disk.is_clear


async def test_a_server_that_lost_its_owner_by_hand_is_not_touched_either(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.admin.set_owner(server.id, None)
    before = len(harness.panel.writes())
    await one_line(harness.run(terminate, service_id))
    await is_held(harness, service_id, "owner-changed")
    assert len(harness.panel.writes()) == before


async def test_other_hardware_in_the_servers_place_is_not_touched(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.admin.swap_hardware(server.id)
    before = len(harness.panel.writes())
    line = await one_line(harness.run(terminate, service_id))
    assert "HELD (hardware-changed)" in line
    held = await is_held(harness, service_id, "hardware-changed")
    assert server.serial in (held.held_evidence or "")
    assert len(harness.panel.writes()) == before


async def test_a_server_that_is_gone_from_the_panel_needs_a_person(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.admin.remove_server(server.id)
    line = await one_line(harness.run(terminate, service_id))
    assert f"Server {server.id} is no longer on panel main" in line
    await is_held(harness, service_id, "server-vanished")


async def test_a_held_service_is_not_touched_by_another_deletion(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.admin.set_owner(server.id, None)
    await one_line(harness.run(terminate, service_id))
    before = len(harness.panel.requests)
    line = await one_line(harness.run(terminate, service_id))
    assert f"Service {service_id} is HELD (owner-changed): a person has to decide first" in line
    assert len(harness.panel.requests) == before


async def test_a_person_who_gave_the_server_back_to_its_client_lets_the_deletion_go_on(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    await one_line(harness.run(terminate, service_id))
    harness.panel.admin.set_owner(server.id, harness.client.email)
    await let_go_on(harness, service_id, State.RELEASING)
    await harness.run(terminate, service_id)
    await is_released(harness, service_id, server)


def _fail(harness: Harness, server: SimServer) -> None:
    harness.panel.fail_next("diagnostics")


def _hang(harness: Harness, server: SimServer) -> None:
    harness.panel.hang_next("diagnostics")


def _end_by_hand(harness: Harness, server: SimServer) -> None:
    harness.panel.hang_next("diagnostics")
    harness.panel.world.later(harness.clock.simulated.now() + 300, lambda: harness.panel.admin.end_operation(server.id))


@pytest.mark.parametrize("spoil", [_fail, _hang, _end_by_hand])
async def test_a_wipe_without_proof_gives_the_server_to_nobody_until_a_second_one_is_proved(
    harness: Harness, spoil: Callable[[Harness, SimServer], None]
) -> None:
    service_id, server = await used_and_deleted(harness)
    only_fit(harness, server.id)
    spoil(harness, server)
    line = await one_line(harness.run(terminate, service_id))
    assert f"The disk clearing on server {server.id}" in line
    assert "HELD (wipe-unproven)" in line
    await is_held(harness, service_id, "wipe-unproven")
    assert not server.disk.is_clear

    server.operations[-1].status = "canceled"  # even if somebody tidies up, the claim keeps the server from others
    second = harness.buy("web2.example.com")
    assert "1 promised to another service" in await one_line(harness.run(activate, second, order=harness.order()))

    await let_go_on(harness, service_id, State.ERASING)
    await harness.run(terminate, service_id)
    await is_released(harness, service_id, server)
    assert len(sent(harness, "diagnostics")) == 2
    await harness.run(activate, second)
    assert await harness.server(second) is server
    assert harness.panel.incidents == []


async def test_a_wipe_that_the_panel_kills_after_its_hour_is_no_proof(make_harness: HarnessMaker) -> None:
    harness = make_harness(
        QUICK.model_copy(update={"diagnostics_seconds": 7200.0}), Variants(diagnostics_killed_as="canceled")
    )
    service_id, server = await used_and_deleted(harness)
    line = await one_line(harness.run(terminate, service_id))
    assert "ended as cancel" in line
    await is_held(harness, service_id, "wipe-unproven")
    assert not server.disk.is_clear


async def test_a_wipe_that_vanished_from_the_panel_is_no_proof(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)

    def forget() -> None:
        operation = server.operations.pop()
        del harness.panel.world.operations[operation.id]

    harness.faults.admin_acts_after("diagnostics", 1, forget)
    line = await one_line(harness.run(terminate, service_id))
    assert "is gone from the panel" in line
    await is_held(harness, service_id, "wipe-unproven")


@pytest.mark.parametrize("new_owner", ["other@example.com", "anna+dc@example.com"])
@pytest.mark.parametrize("moment", ["before its permit", "after its permit"])
async def test_a_server_that_gets_an_owner_by_hand_before_its_wipe_is_not_wiped(
    harness: Harness, moment: str, new_owner: str
) -> None:
    service_id, server = await used_and_deleted(harness)

    def give() -> None:
        harness.panel.admin.set_owner(server.id, new_owner)

    if moment == "after its permit":
        harness.ledger.after_commit.append(lambda: give() if server.owner_id is None else None)
    else:
        # The first list after the clearing is the read-back, which still shows no owner.
        harness.faults.admin_acts_after(
            "owner_clear", 1, lambda: harness.faults.admin_acts_after("server_list", 1, give)
        )
    await one_line(harness.run(terminate, service_id))
    harness.ledger.after_commit.clear()
    permit = await permits.current(harness.ledger, service_id, 1)
    assert (permit is None) is (moment == "before its permit")
    assert permit is None or permit.used_at is None
    assert (await harness.service(service_id)).held_reason == "owner-changed"
    assert sent(harness, "diagnostics") == []
    assert not server.disk.is_clear
    assert server.owner_id is not None
    assert harness.panel.incidents == []


async def test_a_protected_server_keeps_owner_and_addresses_until_the_protection_is_off(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.protect(server.id)
    before = len(harness.panel.writes())
    line = await one_line(harness.run(terminate, service_id))
    assert "switch the protection off and press Retry" in line
    assert len(harness.panel.writes()) == before
    harness.panel.admin.protect(server.id, on=False)
    await harness.run(terminate, service_id)
    assert server.disk.is_clear


async def test_a_wipe_that_the_panel_refuses_is_told_and_a_re_run_wipes(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.world.deallocation_pools, marked = [], harness.panel.world.deallocation_pools
    line = await one_line(harness.run(terminate, service_id))
    assert "No pool for deallocation of servers has a free address" in line
    assert list(await promised(harness)) == [server.id]
    harness.panel.world.deallocation_pools = marked
    await harness.run(terminate, service_id)
    await is_released(harness, service_id, server)


async def test_diagnostics_run_by_hand_after_a_refused_wipe_are_no_proof(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.world.deallocation_pools, marked = [], harness.panel.world.deallocation_pools
    await one_line(harness.run(terminate, service_id))
    harness.panel.world.deallocation_pools = marked
    harness.panel.admin.start_operation(server.id)  # "let me see whether diagnostics work now"
    await harness.clock.sleep(600)
    await harness.run(terminate, service_id)
    await is_released(harness, service_id, server)


async def test_diagnostics_run_by_hand_after_a_wipe_that_never_started_are_no_proof(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.faults.refuse_before("diagnostics")
    line = await one_line(harness.run(terminate, service_id))
    assert f"The wipe of server {server.id} did not start" in line
    harness.panel.admin.start_operation(server.id)
    await harness.clock.sleep(600)
    await harness.run(terminate, service_id)
    await is_released(harness, service_id, server)


class WorkerDied(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("asked", [True, False], ids=["after it was asked for", "before it was asked for"])
async def test_diagnostics_run_by_hand_after_a_worker_died_at_the_wipe_are_no_proof(
    harness: Harness, asked: bool
) -> None:
    service_id, server = await used_and_deleted(harness)

    def die() -> None:
        raise WorkerDied

    (harness.faults.admin_acts_after if asked else harness.faults.admin_acts_before)("diagnostics", 1, die)
    with pytest.raises(WorkerDied):
        await harness.run(terminate, service_id)
    harness.panel.admin.end_operation(server.id)
    harness.panel.admin.start_operation(server.id)
    await harness.clock.sleep(600)
    harness.connect()
    await harness.run(terminate, service_id)
    await is_released(harness, service_id, server)


async def test_every_wipe_has_a_permit_of_its_own_that_names_the_server(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    client = server.owner_id
    harness.panel.fail_next("diagnostics")
    await one_line(harness.run(terminate, service_id))
    failed = await permits.current(harness.ledger, service_id, 1)
    await let_go_on(harness, service_id, State.ERASING)
    await harness.run(terminate, service_id)
    proved = await permits.current(harness.ledger, service_id, 1)
    assert failed is not None
    assert proved is not None
    assert (failed.attempt, failed.outcome) == (1, "unproven") != (proved.attempt, proved.outcome) == (2, "proved")
    assert (proved.server_id, proved.owner_before, proved.hardware.serial) == (server.id, client, server.serial)


async def test_a_deleted_service_that_is_ordered_again_begins_its_second_generation(harness: Harness) -> None:
    service_id, first = await used_and_deleted(harness)
    await harness.run(terminate, service_id)
    harness.panel.admin.protect(first.id)
    harness.billed(service_id).status = "Pending"
    await harness.run(activate, service_id)
    service = await harness.service(service_id)
    assert (service.state, service.generation) == (State.ACTIVE, 2)
    second = await harness.server(service_id)
    assert second is not first
    assert len(sent(harness, "user_create")) == 1
    assert len(sent(harness, "os_install")) == 2
    assert harness.billed(service_id).dedicated_ip == second.addresses[0].address
    await harness.run(terminate, service_id)
    await is_released(harness, service_id, second)


async def test_a_suspended_service_is_deleted_with_its_ports_on(harness: Harness) -> None:
    service_id, server = await used_and_deleted(harness)
    harness.panel.admin.switch_port(server.id, "down")
    before = len(harness.panel.writes())
    await harness.run(terminate, service_id)
    assert written(harness, before)[0] == "port_on"
    assert all(port.admin_up for port in server.network_ports)
    await is_released(harness, service_id, server)


async def test_finished_diagnostics_with_a_step_that_failed_prove_no_wipe(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, server = await activated(harness)
    shown = Serializers.operation

    def with_a_failed_step(self: Serializers, operation: SimOperation) -> dict[str, Any]:
        view = shown(self, operation)
        if operation.type == "diagnostics" and operation.status == "finished":
            view["progress_info"][-1]["status"] = "failed"
        return view

    monkeypatch.setattr(Serializers, "operation", with_a_failed_step)
    line = await one_line(harness.run(terminate, service_id))
    assert "but its step complete is failed" in line
    held = await is_held(harness, service_id, "wipe-unproven")
    assert held.claim is not None and held.claim.server_id == server.id
