"""kill -9 of the worker at random times during 30 activations, through a real Prefect server: nothing is lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from dciflow.demo.stack import Stack, running_stack
from ledger import claims, requests, services
from ledger.database import Ledger
from ledger.states import State
from tests.e2e.whmcs_clients import WhmcsClients, whmcs_clients
from tests.postgres import new_database

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.postgres,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
]

ORDERS = 30
SERVERS = 400
"""Of ten configurations: forty of the one that is sold."""
CONFIGURATION = "EPYC-9000-64Gb-2x1920NVMe"

SPEED = 60.0
"""An installation takes 15 s."""

KILLS = 2
BETWEEN_KILLS = (2.0, 12.0)
"""Seconds; in that time a worker is in the midst of all kinds of steps."""


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    """Where Prefect and the ledger have databases of their own: SQLite would be busy with itself."""
    with new_database() as prefect, new_database() as ledger:
        yield prefect, ledger


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def many(addresses: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WhmcsClients]:
    """A stack of its own with servers enough."""
    home: Path = tmp_path_factory.mktemp("kill")
    settings = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": addresses[0], "DCIFLOW_LEDGER_URL": addresses[1]}
    async with (
        running_stack(home, print, speed=SPEED, servers=SERVERS, keep=lambda: True, settings=settings) as stack,
        whmcs_clients(stack) as customers,
    ):
        yield customers


async def test_thirty_activations_end_right_whenever_the_worker_is_killed(many: WhmcsClients) -> None:
    stack, dice = many.stack, random.SystemRandom()
    orders = [await many.buy(CONFIGURATION) for _ in range(ORDERS)]
    runs = await asyncio.gather(*(many.prefect.start("activate", order) for order in orders))
    for _ in range(KILLS):
        seconds = dice.uniform(*BETWEEN_KILLS)
        print(f"killing the worker after {seconds:.2f} s")
        await asyncio.sleep(seconds)
        await stack.stop("worker", kill=True)
        await stack.start_worker()
    ends = await asyncio.gather(*(many.prefect.wait(run_id) for run_id in runs))
    assert Counter(end.state for end in ends) == {"COMPLETED": ORDERS}, [e.message for e in ends if e.message]
    await _everybody_has_one_server(many, stack, [order["service_id"] for order in orders])


async def _everybody_has_one_server(many: WhmcsClients, stack: Stack, service_ids: list[int]) -> None:
    ledger = Ledger(stack.environment["DCIFLOW_LEDGER_URL"])
    claimed = await claims.claimed(ledger, "main")
    assert sorted(claimed.values()) == sorted(service_ids)
    known = [await services.get(ledger, service_id) for service_id in service_ids]
    assert {service.state for service in known if service is not None} == {State.ACTIVE}
    assert await requests.open_requests(ledger) == []
    await ledger.dispose()

    state = (await many.http.get("/control/state")).json()
    assert state["incidents"] == []
    owned = {server["id"]: server for server in state["servers"] if server["owner"]}
    assert set(owned) == set(claimed)
    assert len({server["owner"] for server in owned.values()}) == ORDERS
    for server in owned.values():
        assert server["operation"]["status"] == "finished"
        assert len(server["addresses"]) == 1
        assert server["ports_up"]
    billed = [service for service in state["services"] if service["id"] in service_ids]
    assert {service["status"] for service in billed} == {"Active"}
    assert {(s["dedicated_ip"]) for s in billed} == {server["addresses"][0] for server in owned.values()}
    writes = (await many.http.get("/control/writes")).json()
    installed = Counter(call["path"] for call in writes if call["endpoint"] == "os_install" and call["status"] == 200)
    assert set(installed.values()) == {1}, installed
