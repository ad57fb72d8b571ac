"""A payment that overtakes a suspension whose powering off is still on its way: the server is on at the end."""

from datetime import timedelta
from unittest.mock import AsyncMock

import pytest

from flows.suspend import suspend
from flows.unsuspend import unsuspend
from ledger import requests, suspensions
from runtime.connections import panel_named
from runtime.heartbeat import STALLED_AFTER
from tests.conftest import HarnessMaker
from tests.harness import PANEL, QUICK, Harness
from tests.stories.scenario import activated, sent
from tests.stories.test_suspension_modes import MODE, has_power, is_on_network, noted


async def overtaken(harness: Harness, service_id: int) -> None:
    """A suspension stands where its power is about to be switched off, and will be overtaken."""
    driver, _ = await requests.open(
        harness.ledger,
        service_id=service_id,
        panel=PANEL,
        action="suspend",
        flow_run_id="a suspension",
        requested_by="cron",
        silent_after=STALLED_AFTER,
        now=harness.clock.now(),
    )
    await suspensions.note_power(harness.ledger, driver, harness.clock.now(), is_off=True)


async def test_a_power_off_that_arrives_after_the_payment_does_not_leave_the_client_off(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await overtaken(harness, service_id)
    late = harness.clock.simulated.now() + 30
    harness.panel.world.later(late, lambda: harness.panel.admin.power(server.id, "off"))
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=harness.clock.now())
    assert (is_on_network(server), has_power(harness, server)) == (True, True)


async def test_a_power_off_that_takes_effect_minutes_after_the_payment_does_not_leave_the_client_off(
    make_harness: HarnessMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = make_harness(QUICK.model_copy(update={"power_seconds": 240.0}))
    service_id, server = await activated(harness, suspension_mode=MODE)
    await overtaken(harness, service_id)
    await (await panel_named(PANEL)).servers.power_off(server.id)
    monkeypatch.setattr("flows._request.is_over", AsyncMock(return_value=True))  # its run is over, its call is not
    on_network: list[bool] = []
    harness.panel.world.later(harness.clock.simulated.now() + 90, lambda: on_network.append(is_on_network(server)))
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=harness.clock.now())
    harness.clock.simulated.advance(3600)
    harness.panel.settle()
    assert on_network == [True], "who has paid does not wait for the network"
    assert has_power(harness, server)
    assert not await noted(harness, service_id)


async def test_a_power_off_that_was_never_sent_is_waited_for_ten_minutes_and_no_longer(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await overtaken(harness, service_id)
    harness.clock.simulated.advance(120)
    began, before = harness.clock.now(), len(sent(harness, "power_on"))
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=harness.clock.now())
    assert timedelta(minutes=8) < harness.clock.elapsed(began) < timedelta(minutes=12)
    assert has_power(harness, server)
    assert len(sent(harness, "power_on")) == before
    assert not await noted(harness, service_id)


async def test_a_payment_right_after_a_suspension_that_was_seen_off_waits_for_nothing(harness: Harness) -> None:
    service_id, server = await activated(harness, suspension_mode=MODE)
    await harness.run(suspend, service_id)
    began = harness.clock.now()
    await harness.run(unsuspend, service_id)
    assert has_power(harness, server)
    assert harness.clock.elapsed(began) < timedelta(minutes=1)
