import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest_asyncio

from flows.activate import activate
from flows.terminate import terminate
from ledger import claims
from ledger.database import Ledger
from ledger.states import State
from runtime.errors import StepRefused
from simulator.panel.profile import XEON, Batch
from tests.harness import PANEL, QUICK, Harness

SERVERS = 30
ORDERS = 40
CLIENTS = 7


@pytest_asyncio.fixture(loop_scope="session")
async def rush(empty_ledger: Ledger) -> AsyncIterator[Harness]:
    """A panel with 30 free servers of one configuration, and a ledger on either database."""
    fleet = (
        Batch(configuration=XEON, location="Riga", servers=SERVERS // 2),
        Batch(configuration=XEON, location="Vilnius", servers=SERVERS // 2),
    )
    harness = Harness(
        empty_ledger, QUICK.model_copy(update={"fleet": fleet, "ports_down_every": 0, "stale_address_every": 0})
    )
    for server_id in harness.panel.servers:
        harness.panel.admin.power(server_id, "on")
    opened = harness.connect()
    yield harness
    for panel in opened.panels.values():
        await panel.aclose()


async def test_forty_orders_at_once_on_thirty_free_servers(rush: Harness) -> None:
    clients = [rush.whmcs.add_client(f"client{number}@example.com", "A", "B") for number in range(CLIENTS)]
    bought = {
        rush.buy(f"web{number}.example.com", clients[number % CLIENTS].id): clients[number % CLIENTS]
        for number in range(ORDERS)
    }

    ends = await asyncio.gather(
        *(
            rush.run(activate, service_id, order=rush.order(client_id=client.id))
            for service_id, client in bought.items()
        ),
        return_exceptions=True,
    )

    refusals = [str(end) for end in ends if isinstance(end, StepRefused)]
    assert Counter(type(end) for end in ends) == {type(None): SERVERS, StepRefused: ORDERS - SERVERS}
    assert all(line.startswith(f"No free server of configuration {XEON}") for line in refusals)
    assert all("press Retry" in line for line in refusals)

    promised = await claims.claimed(rush.ledger, PANEL)
    assert len(promised) == len(set(promised.values())) == SERVERS
    for server_id, service_id in promised.items():
        server = rush.panel.server(server_id)
        assert rush.panel.owner_of(server_id) == bought[service_id].email
        assert len(server.addresses) == 1
        assert [operation.type for operation in server.operations].count("os_install") == 1
        assert rush.billed(service_id).dedicated_ip == server.addresses[0].address
        assert (await rush.service(service_id)).state is State.ACTIVE
    given = [address.address for server in rush.panel.servers.values() for address in server.addresses]
    assert len(given) == len(set(given))
    # One user for each client who got a server, beside the administrator; none for one whose orders were all refused.
    got_one = {bought[service_id].email for service_id in promised.values()}
    assert sorted(user.email for user in rush.panel.world.users.values() if user.id != 1) == sorted(got_one)
    assert rush.panel.incidents == []

    await _one_gives_back_and_one_of_the_refused_gets_it(rush, next(iter(promised.values())), ends, list(bought))


async def _one_gives_back_and_one_of_the_refused_gets_it(
    rush: Harness, leaver: int, ends: list[BaseException | None], bought: list[int]
) -> None:
    waiting = [service_id for service_id, end in zip(bought, ends, strict=True) if end is not None]
    await rush.run(terminate, leaver)
    retried = await asyncio.gather(*(rush.run(activate, one) for one in waiting[:3]), return_exceptions=True)
    assert [end is None for end in retried].count(True) == 1
    assert len(await claims.claimed(rush.ledger, PANEL)) == SERVERS
    assert rush.panel.incidents == []
