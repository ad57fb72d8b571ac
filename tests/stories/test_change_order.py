"""A product or its options changed after the sale: what is delivered, what counts from now on, and what is refused."""

from typing import Any

import pytest

from flows.change_order import change_order
from tests.harness import Harness
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, one_line, take_panel_down, written
from tests.stories.test_change_addresses import addresses, change, ordered, whmcs_shows

OTHER_CONFIGURATION = "2xE5-2620v4-64Gb-4x960SSD"


async def reorder(harness: Harness, service_id: int, **order: Any) -> None:
    await harness.run(change_order, service_id, order=harness.order(**order), requested_by="cron")


async def test_an_upgraded_option_gives_the_further_addresses(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await reorder(harness, service_id, ipv4_count=3)
    assert len(addresses(server)) == 3
    assert whmcs_shows(harness, service_id)[1] == addresses(server)
    assert await ordered(harness, service_id) == 3


async def test_settings_are_taken_over_and_no_server_is_touched(harness: Harness) -> None:
    service_id, _ = await activated(harness, wipe_delay_hours=4)
    before = len(harness.panel.writes())
    await reorder(harness, service_id, os_template="Ubuntu-24.04-x86_64", ip_pool="other", wipe_delay_hours=2)
    order = (await harness.service(service_id)).order
    assert order is not None
    assert (order.os_template, order.ip_pool) == ("Ubuntu-24.04-x86_64", "other")
    assert order.wipe_delay_hours == 4, "a delay that was promised is not shortened"
    assert written(harness, before) == []


@pytest.mark.parametrize(
    ("changed", "word"), [({"configuration": OTHER_CONFIGURATION}, "configuration"), ({"location_id": 2}, "location")]
)
async def test_another_configuration_or_location_is_refused_whole(
    harness: Harness, changed: dict[str, Any], word: str
) -> None:
    service_id, server = await activated(harness)
    line = await one_line(reorder(harness, service_id, ipv4_count=2, os_template="Ubuntu-24.04-x86_64", **changed))
    assert word in line
    assert "invoice" in line
    assert (len(addresses(server)), await ordered(harness, service_id)) == (1, 1)


async def test_a_downgraded_option_waits_for_names_and_goes_through_when_they_were_given(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    _, second = addresses(server)
    line = await one_line(reorder(harness, service_id, ipv4_count=1))
    assert f"Those that can be named: {second}." in line
    assert len(addresses(server)) == 2
    await change(harness, service_id, 1, second)
    await reorder(harness, service_id, ipv4_count=1, os_template="Ubuntu-24.04-x86_64")
    assert await ordered(harness, service_id) == 1
    assert len(addresses(server)) == 1


async def test_another_clients_order_is_refused(harness: Harness) -> None:
    service_id, server = await activated(harness)
    other = harness.whmcs.add_client("other@example.com", "Bob", "Liepa")
    assert await one_line(reorder(harness, service_id, ipv4_count=2, client_id=other.id))
    assert len(addresses(server)) == 1


async def test_a_panel_that_is_away_ends_it_in_one_line(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    take_panel_down(harness)
    await one_line(change(harness, service_id, 2))
    harness.faults.clear()
    assert (await last_request(harness.ledger, service_id)).outcome == "failed"
