"""The number of addresses after the sale: further ones, named ones back, and what must keep both from the server."""

import asyncio
from typing import Any

import pytest

from flows.change_addresses import change_addresses
from flows.suspend import suspend
from ledger import claims, journal
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from ledger.step_names import StepName
from ledger.tables import JournalRow
from simulator.panel.models import SimServer
from tasks.held.decisions import DecisionRequest, carry_out
from tests.harness import Harness, forget_proofs
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, by_client, is_held, one_line, sent, written


async def change(harness: Harness, service_id: int, count: int, *back: str, **more: Any) -> None:
    asked = {"ipv4_count": count, "give_back": ", ".join(back), "requested_by": "admin", **more}
    await harness.run(change_addresses, service_id, **asked)


def addresses(server: SimServer) -> list[str]:
    return [address.address for address in server.addresses]


def whmcs_shows(harness: Harness, service_id: int) -> tuple[str, list[str]]:
    billed = harness.billed(service_id)
    return billed.dedicated_ip, billed.assigned_ips.split()


async def ordered(harness: Harness, service_id: int) -> int:
    order = (await harness.service(service_id)).order
    assert order is not None
    return order.ipv4_count


async def test_a_further_address_that_was_paid_for_is_given_and_written_to_whmcs(harness: Harness) -> None:
    service_id, server = await activated(harness)
    [main] = addresses(server)
    await change(harness, service_id, 2, **by_client(harness, service_id))
    assert len(addresses(server)) == 2
    assert whmcs_shows(harness, service_id) == (main, addresses(server))
    assert await ordered(harness, service_id) == 2
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert (await last_request(harness.ledger, service_id)).outcome == "done"


async def test_asked_twice_it_is_given_once(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await change(harness, service_id, 2)
    await change(harness, service_id, 2)
    assert len(addresses(server)) == 2
    assert len(sent(harness, "address_add")) == 2  # the activation's and this one


async def test_a_second_change_is_no_cached_one_of_the_first(harness: Harness) -> None:
    service_id, server = await activated(harness)
    for count in (2, 2, 4):
        await change(harness, service_id, count)
    attempts = [
        entry.attempt
        for entry in await journal.entries(harness.ledger, service_id, 1)
        if entry.step == StepName.MORE_ADDRESSES
    ]
    assert sorted(attempts) == [1, 2, 3]
    assert len(addresses(server)) == 4


async def test_a_lost_answer_never_gives_two(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.faults.lose_answer("address_add", 1)
    await change(harness, service_id, 2)
    assert len(addresses(server)) == 2


async def test_a_pool_that_has_too_few_gives_none_and_the_order_stays(harness: Harness) -> None:
    service_id, server = await activated(harness)
    pool = harness.panel.world.pools[server.addresses[0].pool_id]
    pool.total = pool.used + 1
    line = await one_line(change(harness, service_id, 3))
    assert "gave no 2 address(es)" in line
    assert (len(addresses(server)), await ordered(harness, service_id)) == (1, 1)


async def test_the_named_address_goes_back_and_the_others_stay(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=3)
    main, second, third = addresses(server)
    await change(harness, service_id, 2, second)
    assert addresses(server) == [main, third]
    assert whmcs_shows(harness, service_id) == (main, [main, third])
    assert await ordered(harness, service_id) == 2


async def test_an_address_that_was_given_later_can_be_named_too(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await change(harness, service_id, 2)
    main, later = addresses(server)
    await change(harness, service_id, 1, later)
    assert addresses(server) == [main]


async def test_without_names_nothing_goes_back_and_the_line_says_which_can(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=3)
    main, second, third = addresses(server)
    before = len(harness.panel.writes())
    line = await one_line(change(harness, service_id, 1))
    assert "Name exactly 2" in line
    assert f"Those that can be named: {second}, {third}." in line
    assert main not in line
    assert written(harness, before) == []


@pytest.mark.parametrize("count", [1, 2])
async def test_exactly_as_many_are_named_as_are_too_many(harness: Harness, count: int) -> None:
    service_id, server = await activated(harness, ipv4_count=3)
    _, second, third = addresses(server)
    before = len(harness.panel.writes())
    named = (second,) if count == 1 else (second, third)
    assert "Nothing was touched" in await one_line(change(harness, service_id, count, *named))
    assert written(harness, before) == []


async def test_names_are_refused_where_the_number_goes_up(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    line = await one_line(change(harness, service_id, 3, addresses(server)[1]))
    assert "none goes back, and 1 are named" in line
    assert len(addresses(server)) == 2


async def test_the_main_address_never_goes(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    main, second = addresses(server)
    before = len(harness.panel.writes())
    line = await one_line(change(harness, service_id, 1, main))
    assert f"Address {main} cannot be given back" in line
    assert second in line
    assert written(harness, before) == []


async def test_the_main_address_is_the_one_that_whmcs_shows(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    first, second = addresses(server)
    harness.billed(service_id).dedicated_ip = second
    assert "cannot be given back" in await one_line(change(harness, service_id, 1, second))
    await change(harness, service_id, 1, first)
    assert addresses(server) == [second]


async def test_where_whmcs_shows_no_main_address_of_the_server_none_goes(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    harness.billed(service_id).dedicated_ip = "203.0.113.250"
    line = await one_line(change(harness, service_id, 1, addresses(server)[1]))
    assert "none of its server's IPv4 addresses" in line
    assert len(addresses(server)) == 2


async def test_an_address_of_another_server_cannot_be_named(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    _, other = await activated(harness)
    before = len(harness.panel.writes())
    await one_line(change(harness, service_id, 1, addresses(other)[0]))
    assert written(harness, before) == []
    assert len(addresses(server)) == 2


async def test_an_address_that_was_added_by_hand_is_not_ours_to_give_back(harness: Harness) -> None:
    service_id, server = await activated(harness)
    world = harness.panel
    world.addresses.add(server, world.addresses.usual_pool(server), 1)
    by_hand = addresses(server)[1]
    assert "not one of those that service" in await one_line(change(harness, service_id, 1, by_hand))
    assert by_hand in addresses(server)


@pytest.mark.parametrize("typed", ["all", "192.0.2.1/24", "192.0.2.1; 192.0.2.2", "*", "192.0.2.7 and more"])
async def test_a_forged_list_of_names_is_refused(harness: Harness, typed: str) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    assert "not a list of IP addresses" in await one_line(change(harness, service_id, 1, typed))
    assert len(addresses(server)) == 2


@pytest.mark.parametrize("count", [0, -1, 257, 10**9])
async def test_a_forged_number_is_refused(harness: Harness, count: int) -> None:
    service_id, server = await activated(harness)
    assert "ask for 1 to 256" in await one_line(change(harness, service_id, count))
    assert len(addresses(server)) == 1


async def test_a_change_whose_end_was_lost_is_so_already(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    main, second = addresses(server)
    await change(harness, service_id, 1, second)
    before = len(harness.panel.writes())
    await change(harness, service_id, 1, second)
    assert written(harness, before) == []
    assert addresses(server) == [main]


async def test_an_address_that_comes_again_is_given_back_again(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    _, second = addresses(server)
    await change(harness, service_id, 1, second)
    await change(harness, service_id, 2)
    again = server.addresses[1]
    again.address = second  # the pool gives the one again that came back
    harness.billed(service_id).assigned_ips = "\n".join(addresses(server))
    await change(harness, service_id, 1, second)
    assert len(addresses(server)) == 1


async def test_a_service_that_whmcs_has_ended_is_left_as_it_is(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.billed(service_id).status = "Cancelled"
    assert "is Cancelled in WHMCS" in await one_line(change(harness, service_id, 2))
    assert len(addresses(server)) == 1


async def test_a_client_of_a_suspended_service_is_refused_and_staff_are_not(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    line = await one_line(change(harness, service_id, 2, **by_client(harness, service_id)))
    assert "is not for it by its client now" in line
    await change(harness, service_id, 2)
    assert len(addresses(server)) == 2


async def test_another_clients_service_is_left_alone(harness: Harness) -> None:
    service_id, server = await activated(harness)
    stranger = {**by_client(harness, service_id), "identity": ServiceIdentity(installation="whmcs", client_id=999)}
    assert "names another client" in await one_line(change(harness, service_id, 2, **stranger))
    assert len(addresses(server)) == 1


async def test_a_strangers_server_is_held_and_nothing_is_given_or_taken(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    harness.panel.admin.set_owner(server.id, "admin@example.com")
    before = len(harness.panel.writes())
    await one_line(change(harness, service_id, 1, addresses(server)[1]))
    await is_held(harness, service_id, "owner-changed")
    assert written(harness, before) == []


async def test_a_change_that_was_held_is_asked_for_again_and_not_retried_without_its_number(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "admin@example.com")
    await one_line(change(harness, service_id, 2))
    line = await one_line(carry_out(service_id, DecisionRequest(choice="retry", who="shift", why="it is right again")))
    assert "release it, then ask for it again" in line
    assert harness.started == []


async def test_a_server_that_changes_hands_between_look_and_removal_keeps_its_address(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=3)
    _, second, third = addresses(server)
    harness.faults.admin_acts_after(
        "address_remove", 1, lambda: harness.panel.admin.set_owner(server.id, "admin@example.com")
    )
    await one_line(change(harness, service_id, 1, second, third))
    await is_held(harness, service_id, "owner-changed")
    assert third in addresses(server)


async def test_a_removal_whose_answer_was_lost_ends_right(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    main, second = addresses(server)
    before = len(sent(harness, "address_remove"))  # the activation may have taken an old one off
    harness.faults.lose_answer("address_remove", 1)
    await change(harness, service_id, 1, second)
    assert addresses(server) == [main]
    assert len(sent(harness, "address_remove")) == before + 1


async def test_two_changes_at_once_are_one_and_a_refusal(harness: Harness) -> None:
    service_id, server = await activated(harness)
    ends = await asyncio.gather(change(harness, service_id, 2), change(harness, service_id, 2), return_exceptions=True)
    assert len(addresses(server)) == 2
    assert sum(end is None for end in ends) >= 1


async def test_without_a_proof_nothing_is_given(harness: Harness) -> None:
    service_id, server = await activated(harness)
    await forget_proofs(harness.ledger)
    harness.clock.simulated.advance(120)
    assert "neither proved nor trusted" in await one_line(change(harness, service_id, 2))
    assert len(addresses(server)) == 1


async def test_a_change_that_only_whmcs_did_not_hear_of_is_finished_by_the_next_run(harness: Harness) -> None:
    service_id, server = await activated(harness)
    [main] = addresses(server)
    await change(harness, service_id, 2)
    harness.billed(service_id).assigned_ips = main
    await change(harness, service_id, 2)
    assert whmcs_shows(harness, service_id) == (main, addresses(server))


async def test_a_server_that_was_adopted_has_its_own_addresses_and_can_give_named_ones_back(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    await forget_journal(harness)
    main, second = addresses(server)
    await change(harness, service_id, 3)
    assert len(addresses(server)) == 3
    await change(harness, service_id, 2, second)
    assert second not in addresses(server)
    assert main in addresses(server)


async def forget_journal(harness: Harness) -> None:
    """As an adoption leaves it: a claim and no journal."""
    async with harness.ledger.transaction() as session:
        await (await session.connection()).execute(JournalRow.__table__.delete())  # type: ignore[attr-defined]
    assert await claims.claimed(harness.ledger, "main")
