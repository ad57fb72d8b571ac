from collections.abc import Callable

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from ledger.states import State
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness
from tests.stories.moments import decide
from tests.stories.scenario import activated, is_held, let_go_on, one_line, only_fit, promised, sent


async def has_gone_back(harness: Harness, service_id: int) -> None:
    """Nothing of the service is left on the panel or in the ledger's claims."""
    assert (await harness.service(service_id)).state in (State.NEW, State.RELEASED)
    assert await promised(harness) == {}
    assert all(server.owner_id is None and server.disk.is_clear for server in harness.panel.servers.values())
    assert harness.panel.incidents == []


async def test_a_panel_administrators_email_is_refused_and_the_re_run_goes_through(harness: Harness) -> None:
    harness.client.email = "Admin@panel.example"
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "belongs to an administrator of panel main" in line
    assert "Change the client's e-mail in WHMCS" in line
    assert "admin@panel.example" not in line.lower()
    assert harness.panel.writes() == []
    harness.client.email = "anna@example.com"
    await harness.run(activate, service_id)
    assert harness.panel.owner_of((await harness.server(service_id)).id) == "anna@example.com"


async def test_a_server_promised_to_an_administrators_email_goes_back_untouched(harness: Harness) -> None:
    harness.client.email = "admin@panel.example"
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order()))
    assert len(await promised(harness)) == 1
    await harness.run(terminate, service_id)
    await has_gone_back(harness, service_id)
    assert harness.panel.writes() == []


def runs_short(harness: Harness) -> None:
    """The pool has three addresses when the server is claimed, and two when it is to get them."""
    pool = harness.panel.pool("small-v4")
    pool.total = 3
    harness.faults.admin_acts_before("owner_set", 1, lambda: setattr(pool, "total", 2))


async def test_a_pool_with_too_few_addresses_is_told_and_the_re_run_goes_through(harness: Harness) -> None:
    service_id = harness.buy()
    runs_short(harness)
    line = await one_line(harness.run(activate, service_id, order=harness.order(ip_pool="small-v4", ipv4_count=3)))
    assert "Pool small-v4 gave no 3 address(es)" in line
    assert "Not enough free addresses in the pool" in line
    assert line.endswith("Add addresses to the pool and press Retry.")
    assert ".." not in line
    server = await harness.server(service_id)
    assert server.addresses == []
    await harness.run(activate, service_id, order=harness.order(ip_pool="small-v4", ipv4_count=2))
    assert await harness.server(service_id) is server
    assert len(server.addresses) == 2
    assert len(sent(harness, "user_create")) == 1


async def test_a_service_that_ran_out_of_addresses_is_terminated(harness: Harness) -> None:
    service_id = harness.buy()
    runs_short(harness)
    await one_line(harness.run(activate, service_id, order=harness.order(ip_pool="small-v4", ipv4_count=3)))
    await harness.run(terminate, service_id)
    await has_gone_back(harness, service_id)
    assert harness.panel.pool("small-v4").used == 0


async def test_a_template_that_does_not_fit_the_server_is_told_and_another_one_is_installed(harness: Harness) -> None:
    service_id = harness.buy()
    order = {"configuration": "Ryzen9-7950X-128Gb-2x1920NVMe", "os_template": "CentOS-7-x86_64"}
    line = await one_line(harness.run(activate, service_id, order=harness.order(**order)))
    assert "6 that boots by EFI, which the OS template does not support" in line
    assert await promised(harness) == {}
    await harness.run(activate, service_id, order=harness.order(**{**order, "os_template": "Debian-12-x86_64"}))
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_an_installation_that_was_refused_has_its_full_time_when_it_runs_at_last(harness: Harness) -> None:
    server = only_fit(harness, 1)
    harness.faults.admin_acts_before("os_install", 1, lambda: harness.panel.admin.protect(server.id))
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order(os_install_timeout_minutes=10)))
    assert "Server is protected" in line
    await harness.clock.sleep(3600)
    harness.panel.admin.protect(server.id, on=False)
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert sent(harness, "operation_end") == []


async def test_an_installation_by_hand_after_a_refused_one_is_not_taken_for_ours(harness: Harness) -> None:
    server = only_fit(harness, 1)
    harness.faults.admin_acts_before("os_install", 1, lambda: harness.panel.admin.protect(server.id))
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order()))
    harness.panel.admin.protect(server.id, on=False)
    harness.panel.admin.start_operation(server.id, "os_install", template="Ubuntu-24.04-x86_64")
    assert "did not ask for" in await one_line(harness.run(activate, service_id))
    await decide(service_id, "retry")
    await harness.run(activate, service_id)
    assert server.disk.content.startswith("os Debian-12-x86_64")


async def test_a_server_without_switch_ports_is_not_suspended(harness: Harness) -> None:
    service_id, server = await activated(harness)
    server.ports[:] = [port for port in server.ports if port.is_bmc]
    before = len(harness.panel.writes())
    line = await one_line(harness.run(suspend, service_id))
    assert f"Server {server.id} has no switch ports on the panel" in line
    assert "press Retry" in line
    assert len(harness.panel.writes()) == before
    assert server.ports[0].admin_up
    assert (await harness.service(service_id)).state is State.ACTIVE


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("ports_stuck", "went on in five minutes"),
        ("power_stuck", "did not power on within ten minutes"),
        ("addresses_stuck", "do not go away"),
    ],
)
async def test_a_data_centre_in_which_nothing_moves_is_waited_for_only_so_long(
    make_harness: HarnessMaker, failure: str, said: str
) -> None:
    failures = QUICK.failures.model_copy(update={failure: True})
    harness = make_harness(QUICK.model_copy(update={"failures": failures}))
    only_fit(harness, 6)
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert said in line
    harness.panel.world.profile = QUICK
    server = harness.panel.server(6)
    for address in list(server.addresses):
        harness.panel.addresses.drop(server, address)
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE


def _remove(harness: Harness, server_id: int) -> None:
    harness.panel.admin.remove_server(server_id)


def _protect(harness: Harness, server_id: int) -> None:
    harness.panel.admin.protect(server_id)


def _give_away(harness: Harness, server_id: int) -> None:
    harness.panel.admin.set_owner(server_id, "other@example.com")


@pytest.mark.parametrize("lose", [_remove, _protect, _give_away])
async def test_a_promised_server_that_is_lost_before_the_re_run_is_exchanged(
    harness: Harness, lose: Callable[[Harness, int], None]
) -> None:
    harness.client.email = "admin@panel.example"
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order()))
    lost = (await harness.server(service_id)).id
    lose(harness, lost)
    harness.client.email = "anna@example.com"
    await harness.run(activate, service_id)
    assert (await harness.server(service_id)).id != lost
    assert harness.panel.incidents == []


async def test_a_promised_server_that_is_gone_from_the_panel_does_not_keep_its_service_from_ending(
    harness: Harness,
) -> None:
    harness.client.email = "admin@panel.example"
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order()))
    harness.panel.admin.remove_server((await harness.server(service_id)).id)
    await harness.run(terminate, service_id)
    await has_gone_back(harness, service_id)


async def test_a_promised_server_whose_service_was_held_goes_back_when_a_person_says_so(harness: Harness) -> None:
    server = only_fit(harness, 1)
    harness.faults.admin_acts_before("owner_set", 1, lambda: harness.panel.admin.swap_hardware(server.id))
    harness.faults.refuse_before("owner_set")
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order()))
    await one_line(harness.run(activate, service_id))
    await is_held(harness, service_id, "hardware-changed")
    await let_go_on(harness, service_id, State.RELEASING)
    await harness.run(terminate, service_id)
    await has_gone_back(harness, service_id)


# The second look is the one that waits until old addresses are gone: a new one there is refused in a line.
@pytest.mark.parametrize("look", [1, 3, 4, 5, 6])
async def test_an_address_that_somebody_gives_between_two_looks_is_no_fault(harness: Harness, look: int) -> None:
    service_id = harness.buy()
    server = only_fit(harness, 5)

    def give() -> None:
        harness.panel.addresses.add(server, harness.panel.pool("public-v4"), 1)

    harness.faults.admin_acts_before("address_list", look, give)
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert server.addresses
