"""IPv6 addresses after the sale: more of them, named ones back, and what keeps both from the server."""

from typing import Any

import pytest

from flows.change_addresses import change_addresses
from runtime.connections import panel_named
from simulator.panel.models import SimServer
from simulator.panel.variants import Variants
from tasks.panel_trust import trust
from tests.conftest import HarnessMaker
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, one_line, sent, written


async def trusted(harness: Harness, **more: Any) -> tuple[int, SimServer]:
    found = await activated(harness, **more)
    await trust(await panel_named(PANEL), ["address_add_ipv6"], who="anna", why="tried by hand")
    return found


async def change(harness: Harness, service_id: int, ipv6: int | None, *back: str, ipv4: int = 1) -> None:
    asked = {"ipv4_count": ipv4, "ipv6_count": ipv6, "give_back": ", ".join(back), "requested_by": "admin"}
    await harness.run(change_addresses, service_id, **asked)


def addresses(server: SimServer) -> list[str]:
    return [address.address for address in server.addresses]


async def test_ipv6_addresses_are_given_once_and_written_to_whmcs(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, server = await trusted(harness)
    [main] = addresses(server)
    await change(harness, service_id, 2)
    await change(harness, service_id, 2)
    assert [":" in one for one in addresses(server)] == [False, True, True]
    assert len(sent(harness, "address_add_ipv6")) == 1
    billed = harness.billed(service_id)
    assert (billed.dedicated_ip, billed.assigned_ips.split()) == (main, addresses(server))
    order = (await harness.service(service_id)).order
    assert order is not None
    assert order.ipv4_count == 1


async def test_both_families_are_counted_apart(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, server = await trusted(harness, ipv4_count=2)
    main, second = addresses(server)
    await change(harness, service_id, 1, second)
    assert [":" in one for one in addresses(server)] == [False, True]
    six = addresses(server)[1]
    await change(harness, service_id, 0, six, ipv4=2)
    assert [":" in one for one in addresses(server)] == [False, False]
    assert addresses(server)[0] == main


async def test_without_a_number_the_ipv6_addresses_stay(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, server = await trusted(harness)
    await change(harness, service_id, 1)
    await change(harness, service_id, None, ipv4=2)
    assert sorted(":" in one for one in addresses(server)) == [False, False, True]
    assert harness.billed(service_id).assigned_ips.split()[-1] == addresses(server)[1]  # IPv4 first


@pytest.mark.parametrize("how", ["none", "too many", "without a number"])
async def test_what_goes_back_is_named_exactly(make_harness: HarnessMaker, how: str) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, server = await trusted(harness)
    await change(harness, service_id, 2)
    before = len(harness.panel.writes())
    names = {"none": [], "too many": addresses(server)[1:], "without a number": addresses(server)[1:2]}[how]
    line = await one_line(change(harness, service_id, None if how == "without a number" else 1, *names))
    assert "IPv6 address(es)" in line
    assert written(harness, before) == []


async def test_the_main_address_never_goes(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, server = await trusted(harness, ipv4_count=2)
    await change(harness, service_id, 1, ipv4=2)
    line = await one_line(change(harness, service_id, 0, addresses(server)[0], addresses(server)[2], ipv4=1))
    assert "cannot be given back" in line
    assert len(addresses(server)) == 3


async def test_nobody_has_answered_for_it(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, server = await activated(harness)
    await trust(await panel_named(PANEL), [], who="anna", why="all")
    line = await one_line(change(harness, service_id, 1))
    assert "dciflow panel trust main --entry address_add_ipv6" in line
    await change(harness, service_id, None, ipv4=2)
    assert sent(harness, "address_add_ipv6") == []
    assert len(addresses(server)) == 2


async def test_a_pool_without_ipv6_gives_none(make_harness: HarnessMaker) -> None:
    harness = make_harness()
    service_id, server = await trusted(harness)
    line = await one_line(change(harness, service_id, 1))
    assert "gave no 1 IPv6 address(es)" in line
    assert len(addresses(server)) == 1


async def test_a_lost_answer_never_gives_two(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, server = await trusted(harness)
    harness.faults.lose_answer("address_add_ipv6", 1)
    await change(harness, service_id, 1)
    assert len(addresses(server)) == 2
    assert len(sent(harness, "address_add_ipv6")) == 1


@pytest.mark.parametrize("count", [-1, 257])
async def test_a_number_out_of_bounds_is_refused(make_harness: HarnessMaker, count: int) -> None:
    harness = make_harness(variants=Variants(ipv6_pools=True))
    service_id, _ = await trusted(harness)
    assert "ask for 0 to 256" in await one_line(change(harness, service_id, count))
    assert sent(harness, "address_add_ipv6") == []
