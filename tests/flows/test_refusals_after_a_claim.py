from collections.abc import Callable

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from ledger.lifecycle import State
from tests.conftest import StageMaker
from tests.flows.play import activated, is_held, let_go_on, one_line, only_fit, promised, sent
from tests.stage import QUICK, Stage


async def has_gone_back(stage: Stage, service_id: int) -> None:
    """Nothing of the service is left on the panel or in the ledger's claims."""
    assert (await stage.service(service_id)).state in (State.NEW, State.RELEASED)
    assert await promised(stage) == {}
    assert all(server.owner_id is None and server.disk.is_clear for server in stage.panel.servers.values())
    assert stage.panel.incidents == []


async def test_a_panel_administrators_email_is_refused_and_the_re_run_goes_through(stage: Stage) -> None:
    stage.client.email = "Admin@panel.example"
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert "belongs to an administrator of panel main" in line
    assert "Change the client's e-mail in WHMCS" in line
    assert "admin@panel.example" not in line.lower()
    assert stage.panel.writes() == []
    stage.client.email = "anna@example.com"
    await stage.run(activate, service_id)
    assert stage.panel.owner_of((await stage.server(service_id)).id) == "anna@example.com"


async def test_a_server_promised_to_an_administrators_email_goes_back_untouched(stage: Stage) -> None:
    stage.client.email = "admin@panel.example"
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order()))
    assert len(await promised(stage)) == 1
    await stage.run(terminate, service_id)
    await has_gone_back(stage, service_id)
    assert stage.panel.writes() == []


async def test_a_pool_with_too_few_addresses_is_told_and_the_re_run_goes_through(stage: Stage) -> None:
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order(ip_pool="small-v4", ipv4_count=3)))
    assert "Pool small-v4 gave no 3 address(es)" in line
    assert "Not enough free addresses in the pool" in line
    assert line.endswith("Add addresses to the pool and press Retry.")
    assert ".." not in line
    server = await stage.server(service_id)
    assert server.addresses == []
    await stage.run(activate, service_id, order=stage.order(ip_pool="small-v4", ipv4_count=2))
    assert await stage.server(service_id) is server
    assert len(server.addresses) == 2
    assert len(sent(stage, "user_create")) == 1


async def test_a_service_that_ran_out_of_addresses_is_terminated(stage: Stage) -> None:
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order(ip_pool="small-v4", ipv4_count=3)))
    await stage.run(terminate, service_id)
    await has_gone_back(stage, service_id)
    assert stage.panel.pool("small-v4").used == 0


async def test_a_template_that_does_not_fit_the_server_is_told_and_another_one_is_installed(stage: Stage) -> None:
    service_id = stage.buy()
    order = {"configuration": "Ryzen9-7950X-128Gb-2x1920NVMe", "os_template": "CentOS-7-x86_64"}
    line = await one_line(stage.run(activate, service_id, order=stage.order(**order)))
    assert "does not support EFI" in line
    await stage.run(activate, service_id, order=stage.order(**{**order, "os_template": "Debian-12-x86_64"}))
    assert (await stage.service(service_id)).state is State.ACTIVE


async def test_an_installation_that_was_refused_has_its_full_time_when_it_runs_at_last(stage: Stage) -> None:
    server = only_fit(stage, 1)
    stage.faults.admin_acts_before("os_install", 1, lambda: stage.panel.by_hand.protect(server.id))
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order(os_install_timeout_minutes=10)))
    assert "Server is protected" in line
    await stage.clock.sleep(3600)
    stage.panel.by_hand.protect(server.id, on=False)
    await stage.run(activate, service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert sent(stage, "operation_end") == []


async def test_an_installation_by_hand_after_a_refused_one_is_not_taken_for_ours(stage: Stage) -> None:
    server = only_fit(stage, 1)
    stage.faults.admin_acts_before("os_install", 1, lambda: stage.panel.by_hand.protect(server.id))
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order()))
    stage.panel.by_hand.protect(server.id, on=False)
    stage.panel.by_hand.start_operation(server.id, "os_install", template="Ubuntu-24.04-x86_64")
    await stage.run(activate, service_id)
    assert server.disk.content.startswith("os Debian-12-x86_64")


async def test_a_server_without_switch_ports_is_not_suspended(stage: Stage) -> None:
    service_id, server = await activated(stage)
    server.ports[:] = [port for port in server.ports if port.is_bmc]
    before = len(stage.panel.writes())
    line = await one_line(stage.run(suspend, service_id))
    assert f"Server {server.id} has no switch ports on the panel" in line
    assert "press Retry" in line
    assert len(stage.panel.writes()) == before
    assert server.ports[0].admin_up
    assert (await stage.service(service_id)).state is State.ACTIVE


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("ports_stuck", "went on in five minutes"),
        ("power_stuck", "did not power on within ten minutes"),
        ("addresses_stuck", "do not go away"),
    ],
)
async def test_a_data_centre_in_which_nothing_moves_is_waited_for_only_so_long(
    make_stage: StageMaker, failure: str, said: str
) -> None:
    failures = QUICK.failures.model_copy(update={failure: True})
    stage = make_stage(QUICK.model_copy(update={"failures": failures}))
    only_fit(stage, 6)
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert said in line
    stage.panel.world.profile = QUICK
    server = stage.panel.server(6)
    for address in list(server.addresses):
        stage.panel.addresses.drop(server, address)
    await stage.run(activate, service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE


def _remove(stage: Stage, server_id: int) -> None:
    stage.panel.by_hand.remove_server(server_id)


def _protect(stage: Stage, server_id: int) -> None:
    stage.panel.by_hand.protect(server_id)


def _give_away(stage: Stage, server_id: int) -> None:
    stage.panel.by_hand.set_owner(server_id, "other@example.com")


@pytest.mark.parametrize("lose", [_remove, _protect, _give_away])
async def test_a_promised_server_that_is_lost_before_the_re_run_is_exchanged(
    stage: Stage, lose: Callable[[Stage, int], None]
) -> None:
    stage.client.email = "admin@panel.example"
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order()))
    lost = (await stage.server(service_id)).id
    lose(stage, lost)
    stage.client.email = "anna@example.com"
    await stage.run(activate, service_id)
    assert (await stage.server(service_id)).id != lost
    assert stage.panel.incidents == []


async def test_a_promised_server_that_is_gone_from_the_panel_does_not_keep_its_service_from_ending(
    stage: Stage,
) -> None:
    stage.client.email = "admin@panel.example"
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order()))
    stage.panel.by_hand.remove_server((await stage.server(service_id)).id)
    await stage.run(terminate, service_id)
    await has_gone_back(stage, service_id)


async def test_a_promised_server_whose_service_was_held_goes_back_when_a_person_says_so(stage: Stage) -> None:
    server = only_fit(stage, 1)
    stage.faults.admin_acts_before("owner_set", 1, lambda: stage.panel.by_hand.swap_hardware(server.id))
    stage.faults.refuse_before("owner_set")
    service_id = stage.buy()
    await one_line(stage.run(activate, service_id, order=stage.order()))
    await one_line(stage.run(activate, service_id))
    await is_held(stage, service_id, "hardware-changed")
    await let_go_on(stage, service_id, State.RELEASING)
    await stage.run(terminate, service_id)
    await has_gone_back(stage, service_id)
