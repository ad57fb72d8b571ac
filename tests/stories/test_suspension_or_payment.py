"""A suspension that waited, and a payment that overtakes it (safety rule 17)."""

from datetime import timedelta
from typing import Any

import pytest

from flows.suspend import suspend
from flows.unsuspend import unsuspend
from ledger import requests
from ledger.states import State
from ledger.wishes import ServiceWish
from runtime.errors import Overtaken
from runtime.heartbeat import STALLED_AFTER
from tests.conftest import HarnessMaker
from tests.harness import PANEL, QUICK, Harness
from tests.stories.billing import HOURS, MONTH, billed_as, on_network, pay
from tests.stories.scenario import activated, midway, one_line, taken_over, written


async def test_a_suspension_that_waited_leaves_a_client_who_paid_online(harness: Harness) -> None:
    service_id, server = await activated(harness)
    wish = billed_as(harness, service_id, "Active")
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(HOURS.total_seconds())
    pay(harness, service_id)
    line = await one_line(harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at, wish=wish))
    assert line.startswith("Overtaken")
    assert "is paid in WHMCS until 2027-02-28" in line
    assert on_network(server)


@pytest.mark.parametrize(
    ("row", "online"),
    [
        ({"status": "Suspended"}, False),
        ({}, False),
        ({"never_suspended": True}, True),
        ({"never_suspended": True, "not_suspended_until": "2027-06-01"}, True),
        ({"never_suspended": True, "not_suspended_until": "2026-12-31"}, False),
        ({"next_due": "2026-12-25"}, True),  # the older of two invoices was paid
        ({"next_due": "0000-00-00"}, True),
        ({"status": "Cancelled"}, True),
    ],
)  # fmt: skip
async def test_a_suspension_that_waited_weighs_all_that_whmcs_weighs(
    harness: Harness, row: dict[str, Any], online: bool
) -> None:
    service_id, server = await activated(harness)
    wish = ServiceWish(status="Active", next_due="2026-12-20", told_at_end=False)
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(120)
    for name, value in {"next_due": "2026-12-20", **row}.items():
        setattr(harness.billed(service_id), name, value)
    run = harness.run(suspend, service_id, requested_by="api", asked_at=asked_at, wish=wish)
    if online:
        with pytest.raises(Overtaken):
            await run
    else:
        await run
    assert on_network(server) is online


async def test_what_staff_asked_for_by_hand_needs_whmcss_own_word_when_it_comes_late(harness: Harness) -> None:
    service_id, server = await activated(harness)
    billed_as(harness, service_id, "Active", "2026-12-20")
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(120)
    line = await one_line(harness.run(suspend, service_id, requested_by="admin", asked_at=asked_at))
    assert "press Suspend there once more" in line
    assert on_network(server)


async def test_a_fresh_suspension_asks_whmcs_whose_the_service_is_and_no_more(harness: Harness) -> None:
    service_id, server = await activated(harness)
    before = len(harness.whmcs.requests)
    await harness.run(suspend, service_id, requested_by="cron", asked_at=harness.clock.now())
    assert [call.action for call in harness.whmcs.requests[before:]] == ["GetClientsProducts"]
    assert not on_network(server)


async def test_an_unsuspension_goes_over_a_suspension_that_is_under_way(make_harness: HarnessMaker) -> None:
    harness = make_harness(QUICK.model_copy(update={"port_seconds": 12.0}))
    service_id, _ = await activated(harness)
    asked_at = harness.clock.now()
    async with midway(harness, harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at)) as under_way:
        await taken_over(harness, service_id, "unsuspend")
    line = await one_line(under_way)
    assert line.startswith("Overtaken by unsuspend")
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_whoever_pays_while_a_suspension_is_open_is_not_told_to_wait(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await requests.open(
        harness.ledger,
        service_id=service_id,
        panel=PANEL,
        action="suspend",
        flow_run_id="a suspension",
        requested_by="cron",
        silent_after=STALLED_AFTER,
        now=harness.clock.now(),
    )
    for port in server.ports:
        port.admin_up = port.is_bmc
    pay(harness, service_id)
    began = harness.clock.now()
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=harness.clock.now())
    assert on_network(server)
    assert harness.clock.now() - began <= timedelta(seconds=75)
    closed = [one for one in await requests.newest(harness.ledger, service_id, "suspend") if one.closed_at]
    assert [(one.outcome, one.message) for one in closed] == [("cancelled", "Overtaken by unsuspend.")]


async def test_a_suspension_that_begins_after_a_later_unsuspension_is_overtaken(harness: Harness) -> None:
    service_id, server = await activated(harness)
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(10)
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=harness.clock.now())
    harness.clock.simulated.advance(10)
    before = len(written(harness))
    line = await one_line(harness.run(suspend, service_id, requested_by="cron", asked_at=asked_at))
    assert line.startswith("Overtaken by unsuspend")
    assert len(written(harness)) == before
    assert on_network(server)


async def test_a_suspension_does_not_go_over_an_open_unsuspension(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await requests.open(
        harness.ledger,
        service_id=service_id,
        panel=PANEL,
        action="unsuspend",
        flow_run_id="an unsuspension",
        requested_by="client",
        silent_after=STALLED_AFTER,
        now=harness.clock.now(),
    )
    harness.clock.simulated.advance(5)
    line = await one_line(harness.run(suspend, service_id, requested_by="cron", asked_at=harness.clock.now()))
    assert "busy with unsuspend" in line
    assert on_network(server)


async def test_a_payment_goes_before_several_suspensions_that_waited_with_it(harness: Harness) -> None:
    service_id, server = await activated(harness)
    wish = billed_as(harness, service_id, "Active")
    asked = []
    for _ in range(4):
        asked.append(harness.clock.now())
        harness.clock.simulated.advance(1)
    pay(harness, service_id)
    paid_at = harness.clock.now()
    harness.clock.simulated.advance(HOURS.total_seconds())  # no worker
    back = harness.clock.now()
    for moment in asked[:2]:
        await one_line(harness.run(suspend, service_id, requested_by="cron", asked_at=moment, wish=wish))
    await harness.run(unsuspend, service_id, requested_by="client", asked_at=paid_at)
    for moment in asked[2:]:
        await one_line(harness.run(suspend, service_id, requested_by="cron", asked_at=moment, wish=wish))
    assert on_network(server)
    assert harness.clock.now() - back < timedelta(minutes=1)


async def test_an_old_unsuspension_brings_back_no_service_that_has_ended(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    asked_at = harness.clock.now()
    harness.clock.simulated.advance(MONTH.total_seconds())
    billed_as(harness, service_id, "Terminated")
    line = await one_line(harness.run(unsuspend, service_id, asked_at=asked_at))
    assert "stays off the network" in line
    assert not on_network(server)


async def test_a_service_that_a_person_brought_back_comes_online_however_late(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    billed_as(harness, service_id, "Terminated")
    created = harness.clock.now()
    harness.clock.simulated.advance(HOURS.total_seconds())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("flows._request.created_at", lambda: created)
        await harness.run(unsuspend, service_id, requested_by="admin")
    assert on_network(server)


async def test_what_prefect_has_for_long_is_late_though_nobody_said_when_it_was_asked(harness: Harness) -> None:
    service_id, server = await activated(harness)
    billed_as(harness, service_id, "Active", "2027-02-28")
    created = harness.clock.now()
    harness.clock.simulated.advance(120)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("flows._request.created_at", lambda: created)
        line = await one_line(harness.run(suspend, service_id))
    assert line.startswith("Overtaken")
    assert on_network(server)
