"""A suspension that switches the power off, too, and the unsuspension that undoes exactly that."""

import logging
from collections.abc import Callable

import pytest

from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from runtime.heartbeat import STALLED_AFTER
from simulator.panel.models import SimServer
from simulator.whmcs.model import IDENTIFIER, NEEDED, SECRET
from tasks.held.decisions import bring_back
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness, forget_proofs, trust_panel
from tests.stories.scenario import activated, is_held, let_go_on, midway, one_line, sent, taken_over, written
from tests.tasks.reconciliation.scenario import look, reconcile_once

MODE = "ports-and-power"


def has_power(harness: Harness, server: SimServer) -> bool:
    return harness.panel.power_of(server.id) == "on"


def is_on_network(server: SimServer) -> bool:
    return all(port.admin_up for port in server.network_ports)


async def noted(harness: Harness, service_id: int) -> bool:
    """Whether an unsuspension will switch the server on."""
    claim = (await harness.service(service_id)).claim
    assert claim is not None
    return claim.powered_off_at is not None


def stick(harness: Harness, *, stuck: bool) -> None:
    """Whether what the panel is asked about power has no effect."""
    profile = harness.panel.world.profile
    failures = profile.failures.model_copy(update={"power_stuck": stuck})
    harness.panel.world.profile = profile.model_copy(update={"failures": failures})


def told(harness: Harness, since: int) -> list[str]:
    return [line.description for line in harness.whmcs.activities[since:]]


async def test_the_power_goes_off_after_the_ports_and_comes_back_with_them(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    before = len(harness.panel.writes())
    await harness.run(suspend, service_id)
    assert written(harness, before) == ["port_off", "power_off"]
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert (is_on_network(server), has_power(harness, server)) == (False, False)

    before = len(harness.panel.writes())
    await harness.run(unsuspend, service_id)
    assert written(harness, before) == ["port_on", "power_on"]
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert (is_on_network(server), has_power(harness, server)) == (True, True)
    assert not await noted(harness, service_id)


@pytest.mark.parametrize("order", [{}, {"suspension_mode": "ports"}])
async def test_by_default_the_server_keeps_its_power_and_nothing_is_asked_about_it(
    harness: Harness, order: dict[str, str]
) -> None:
    service_id, server = await activated(harness, **order)
    await harness.run(suspend, service_id)
    assert has_power(harness, server)
    harness.panel.admin.power(server.id, "off")  # the client, at the console
    before = len(sent(harness, "power_on"))
    await harness.run(unsuspend, service_id)
    assert not has_power(harness, server)
    assert sent(harness, "power_off") == []
    assert len(sent(harness, "power_on")) == before


async def test_a_server_that_was_off_before_its_suspension_stays_off_after_it(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    harness.panel.admin.power(server.id, "off")
    before = len(harness.panel.writes())
    await harness.run(suspend, service_id)
    await harness.run(unsuspend, service_id)
    assert written(harness, before) == ["port_off", "port_on"]
    assert not has_power(harness, server)
    assert is_on_network(server)


async def test_a_server_of_unknown_power_is_suspended_by_its_ports_with_one_warning(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    server.bmc = None
    with caplog.at_level(logging.WARNING):
        await harness.run(suspend, service_id)
    assert [record.getMessage() for record in caplog.records if "power" in record.getMessage()] == [
        f"the power of server {server.id} is unknown to the panel: service {service_id} is suspended by its ports only"
    ]
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert sent(harness, "power_off") == []
    before = len(harness.panel.writes())
    await harness.run(unsuspend, service_id)
    assert written(harness, before) == ["port_on"]


def _refused(harness: Harness, server: SimServer) -> None:
    server.is_protected = True


def _stuck(harness: Harness, server: SimServer) -> None:
    stick(harness, stuck=True)


def _away(harness: Harness, server: SimServer) -> None:
    for nth in range(1, 20):
        harness.faults.refuse_before("power_off", nth)


@pytest.mark.parametrize("fails", [_refused, _stuck, _away])
async def test_power_that_does_not_go_off_fails_no_suspension_and_staff_read_one_line(
    harness: Harness, fails: Callable[[Harness, SimServer], None]
) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    lines = len(harness.whmcs.activities)
    fails(harness, server)
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert not is_on_network(server)
    [line] = told(harness, lines)
    assert line.startswith(f"Service {service_id} is off the network, but its server has power: ")
    server.is_protected = False
    stick(harness, stuck=False)
    harness.faults.clear()
    await harness.run(unsuspend, service_id)
    assert (is_on_network(server), has_power(harness, server)) == (True, True)


async def test_a_whmcs_that_does_not_take_the_line_fails_no_suspension(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    server.is_protected = True
    harness.whmcs.allow(IDENTIFIER, SECRET, NEEDED - {"LogActivity"})
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED


async def test_power_calls_that_nobody_answers_for_are_not_made_and_the_ports_are_off(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await forget_proofs(harness.ledger)
    await trust_panel(harness.ledger, without="power_off")
    harness.connect()
    lines = len(harness.whmcs.activities)
    await harness.run(suspend, service_id)
    assert sent(harness, "power_off") == []
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert not is_on_network(server)
    [line] = told(harness, lines)
    assert "power_off is neither proved nor trusted, so powering off was not begun" in line


async def test_a_server_that_is_given_away_meanwhile_is_not_switched_off(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    harness.faults.admin_acts_after(
        "port_off", 1, lambda: harness.panel.admin.set_owner(server.id, "other@example.com")
    )
    await one_line(harness.run(suspend, service_id))
    await is_held(harness, service_id, "owner-changed")
    assert sent(harness, "power_off") == []


async def test_a_suspension_that_is_asked_for_again_switches_off_what_was_switched_on_by_hand(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await harness.run(suspend, service_id)
    harness.panel.admin.power(server.id, "on")
    await harness.run(suspend, service_id)
    assert not has_power(harness, server)
    await harness.run(unsuspend, service_id)
    assert has_power(harness, server)


async def test_a_payment_that_overtakes_the_suspension_finds_the_server_on(make_harness: HarnessMaker) -> None:
    harness = make_harness(QUICK.model_copy(update={"power_seconds": 20.0}))
    service_id, server = await activated(harness, suspension_mode=MODE)
    async with midway(harness, harness.run(suspend, service_id, requested_by="cron")) as under_way:
        assert await noted(harness, service_id), "it is noted before the panel is asked"
        await taken_over(harness, service_id, "unsuspend")
    await one_line(under_way)
    harness.clock.simulated.advance(STALLED_AFTER.total_seconds() + 1)
    assert not has_power(harness, server)
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=harness.clock.now())
    assert (is_on_network(server), has_power(harness, server)) == (True, True)


async def test_a_client_whose_server_does_not_come_on_is_a_failed_unsuspension_and_a_retry_mends_it(
    harness: Harness,
) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await harness.run(suspend, service_id)
    stick(harness, stuck=True)
    line = await one_line(harness.run(unsuspend, service_id))
    assert "did not power on within ten minutes" in line
    assert await noted(harness, service_id)
    stick(harness, stuck=False)
    await harness.run(unsuspend, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert has_power(harness, server)


async def test_a_service_that_is_brought_back_from_its_deletion_has_its_power_again(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE, wipe_delay_hours=3)
    await harness.run(suspend, service_id)
    async with midway(harness, harness.run(terminate, service_id)) as deletion:
        await bring_back(service_id, who="anna", why="he paid")
    await one_line(deletion)
    assert not has_power(harness, server)
    await harness.run(unsuspend, service_id)
    assert (is_on_network(server), has_power(harness, server)) == (True, True)


async def test_a_server_that_was_switched_off_is_deleted_like_any_other(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await harness.run(suspend, service_id)
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear


async def test_reconciliation_says_what_runs_though_it_should_not_and_switches_nothing_off(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await harness.run(suspend, service_id)
    harness.billed(service_id).status = "Suspended"
    assert await differences(harness) == []
    harness.panel.admin.power(server.id, "on")
    before = len(harness.panel.writes())
    assert await differences(harness) == ["suspended-power-on"]
    assert written(harness, before) == []
    assert has_power(harness, server)


async def test_a_suspension_that_stopped_on_its_way_is_undone_whole_by_the_repair(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    owner = harness.client.email
    harness.faults.admin_acts_after(
        "power_off", 1, lambda: harness.panel.admin.set_owner(server.id, "other@example.com")
    )
    await one_line(harness.run(suspend, service_id))
    harness.panel.admin.set_owner(server.id, owner)
    await let_go_on(harness, service_id, State.ACTIVE)
    assert (is_on_network(server), has_power(harness, server)) == (False, False)
    await reconcile_once(harness)
    assert (is_on_network(server), has_power(harness, server)) == (True, True)
    assert not await noted(harness, service_id)


async def differences(harness: Harness) -> list[str]:
    """The classes of what the reconciliation finds."""
    return [str(one.drift) for one in (await look(harness)).differences]
