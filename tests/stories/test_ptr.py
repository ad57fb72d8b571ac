"""Reverse names: set where the name leads back, read afresh, and cleared when the server goes back."""

from collections.abc import Iterator
from typing import Any

import pytest

from flows.change_addresses import change_addresses
from flows.set_ptr import set_ptr
from flows.suspend import suspend
from flows.terminate import terminate
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from ledger.tables import ProofRow
from runtime import resolver
from simulator.panel.models import SimServer
from simulator.panel.variants import Variants
from tests.conftest import HarnessMaker
from tests.harness import Harness, forget_proofs
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, by_client, is_held, one_line, sent, take_panel_down

NAME = "web1.example.com"

ZONE: dict[str, frozenset[str]] = {}
"""What the resolver of these stories knows."""


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    async def resolve(name: str) -> frozenset[str]:
        return ZONE.get(name, frozenset())

    ZONE.clear()
    resolver.set_resolver(resolve)
    yield
    resolver.set_resolver(resolver.ask_this_machine)


async def ask(harness: Harness, service_id: int, address: str, name: str = NAME, **more: Any) -> None:
    asked = {"address": address, "name": name, **by_client(harness, service_id), **more}
    await harness.run(set_ptr, service_id, **asked)


async def leading_back(harness: Harness) -> tuple[int, SimServer, str]:
    """A service whose main address the name leads to."""
    service_id, server = await activated(harness)
    address = server.addresses[0].address
    ZONE[NAME] = frozenset({address, "203.0.113.77"})
    return service_id, server, address


async def test_a_name_that_leads_back_is_set_once(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    await ask(harness, service_id, address)
    assert server.addresses[0].domain == NAME
    harness.clock.simulated.advance(60)
    await ask(harness, service_id, address)
    assert len(sent(harness, "ptr_set")) == 1
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_name_is_taken_as_people_type_it(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    await ask(harness, service_id, f" {address} ", "http://WEB1.example.com./")
    assert server.addresses[0].domain == NAME


async def test_an_empty_name_takes_it_away(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    await ask(harness, service_id, address)
    harness.clock.simulated.advance(60)
    await ask(harness, service_id, address, "")
    assert server.addresses[0].domain == ""


@pytest.mark.parametrize(("zone", "word"), [(frozenset(), "nowhere"), (frozenset({"203.0.113.5"}), "to 203.0.113.5")])
async def test_a_name_that_leads_elsewhere_is_refused(harness: Harness, zone: frozenset[str], word: str) -> None:
    service_id, _, address = await leading_back(harness)
    ZONE[NAME] = zone
    line = await one_line(ask(harness, service_id, address))
    assert f"leads {word} and not to {address}" in line
    assert sent(harness, "ptr_set") == []


@pytest.mark.parametrize(
    "name",
    ["web1", "web 1.example.com", "192.0.2.7", "7.2.0.192.in-addr.arpa", "{{ flow }}", "a" * 300, "-x.example.com"],
)
async def test_what_is_no_full_host_name_is_refused_and_not_looked_up(harness: Harness, name: str) -> None:
    service_id, _, address = await leading_back(harness)
    ZONE[name.lower()] = frozenset({address})
    assert "Nothing was changed" in await one_line(ask(harness, service_id, address, name))
    assert sent(harness, "ptr_set") == []


@pytest.mark.parametrize("address", ["", "all", "::1", "203.0.113.99"])
async def test_an_address_that_is_not_the_servers_is_refused(harness: Harness, address: str) -> None:
    service_id, _, _ = await leading_back(harness)
    ZONE[NAME] = frozenset({address})
    assert "Nothing was changed" in await one_line(ask(harness, service_id, address))
    assert sent(harness, "ptr_set") == []


async def test_another_servers_address_is_refused(harness: Harness) -> None:
    service_id, _, _ = await leading_back(harness)
    _, other = await activated(harness)
    theirs = other.addresses[0].address
    ZONE[NAME] = frozenset({theirs})
    assert "no IPv4 address of this service's server" in await one_line(ask(harness, service_id, theirs))
    assert other.addresses[0].domain is None


async def test_another_clients_service_is_left_alone(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    stranger = {"identity": ServiceIdentity(installation="whmcs", client_id=999)}
    assert "names another client" in await one_line(ask(harness, service_id, address, **stranger))
    assert server.addresses[0].domain is None


async def test_a_strangers_server_is_held(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    harness.panel.admin.set_owner(server.id, "admin@example.com")
    await one_line(ask(harness, service_id, address))
    await is_held(harness, service_id, "owner-changed")
    assert sent(harness, "ptr_set") == []


async def test_a_client_of_a_suspended_service_is_refused_and_staff_are_not(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    assert "is not for it by its client now" in await one_line(ask(harness, service_id, address))
    await ask(harness, service_id, address, requested_by="admin")
    assert server.addresses[0].domain == NAME


async def test_two_presses_at_once_are_one_and_a_refusal(harness: Harness) -> None:
    service_id, _, address = await leading_back(harness)
    await ask(harness, service_id, address)
    harness.clock.simulated.advance(1)
    assert (await one_line(ask(harness, service_id, address, ""))).startswith("Too often: ")


async def test_a_lost_answer_is_looked_at_again(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    harness.faults.lose_answer("ptr_set", 1)
    await ask(harness, service_id, address)
    assert server.addresses[0].domain == NAME
    assert len(sent(harness, "ptr_set")) == 1


async def test_a_panel_without_the_module_says_so(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(reverse_names="absent"))
    service_id, _, address = await leading_back(harness)
    assert "needs the module Integration with DNSmanager 6" in await one_line(ask(harness, service_id, address))


async def test_a_panel_that_does_not_do_what_it_says_is_found_out(make_harness: HarnessMaker) -> None:
    harness = make_harness(variants=Variants(reverse_names="ignored"))
    service_id, _, address = await leading_back(harness)
    assert "accepted the name of address" in await one_line(ask(harness, service_id, address))


async def test_a_panel_that_is_away_ends_it_in_one_line(harness: Harness) -> None:
    service_id, _, address = await leading_back(harness)
    take_panel_down(harness)
    await one_line(ask(harness, service_id, address))
    harness.faults.clear()
    assert (await last_request(harness.ledger, service_id)).outcome == "failed"


async def test_without_a_proof_it_is_off(harness: Harness) -> None:
    service_id, _, address = await leading_back(harness)
    await forget_proofs(harness.ledger)
    harness.clock.simulated.advance(120)
    assert "ptr_set" in await one_line(ask(harness, service_id, address))
    assert sent(harness, "ptr_set") == []


async def test_a_deleted_services_names_are_cleared_before_its_addresses_go(harness: Harness) -> None:
    service_id, server, address = await leading_back(harness)
    [row] = server.addresses
    await ask(harness, service_id, address)
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id, requested_by="admin")
    assert row.domain == ""
    calls = [call.endpoint for call in harness.panel.writes()]
    last = {name: len(calls) - calls[::-1].index(name) for name in ("ptr_set", "address_remove")}
    assert last["ptr_set"] < last["address_remove"]
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_an_address_that_goes_back_loses_its_name_and_the_others_keep_theirs(harness: Harness) -> None:
    service_id, server = await activated(harness, ipv4_count=2)
    main, second = server.addresses
    ZONE[NAME] = frozenset({main.address, second.address})
    for address in (main, second):
        await ask(harness, service_id, address.address, requested_by="admin")
    await harness.run(change_addresses, service_id, ipv4_count=1, give_back=second.address, requested_by="admin")
    assert (main.domain, second.domain) == (NAME, "")
    assert server.addresses == [main]


async def test_a_service_without_names_of_its_own_has_none_cleared(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id, requested_by="admin")
    assert sent(harness, "ptr_set") == []


@pytest.mark.parametrize("why", ["unproved", "refused", "away"])
async def test_names_that_cannot_be_cleared_never_stop_a_deletion(harness: Harness, why: str) -> None:
    service_id, _, address = await leading_back(harness)
    await ask(harness, service_id, address)
    harness.billed(service_id).status = "Terminated"
    match why:
        case "unproved":
            async with harness.ledger.transaction() as session:
                table = ProofRow.__table__  # type: ignore[attr-defined]
                await (await session.connection()).execute(table.delete().where(table.c.entry == "ptr_set"))
            harness.clock.simulated.advance(120)
        case "refused":
            harness.panel.world.variants = Variants(reverse_names="absent")
        case _:
            for nth in range(1, 20):
                harness.faults.refuse_before("ptr_set", nth)
    await harness.run(terminate, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.RELEASED
