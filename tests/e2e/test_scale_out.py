"""Two API servers, two workers, PostgreSQL and Redis: one of each pair stops and nobody has to do anything."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from dciflow.demo.prefect_api import RunEnd
from dciflow.demo.stack import Stack
from simulator.panel.profile import RYZEN, XEON
from tests.e2e.scaled import WORKERS, scaled_stack
from tests.e2e.whmcs_clients import WhmcsClients, again, whmcs_clients
from tests.postgres import POSTGRES, new_database
from tests.proxy import Proxy, postgres_proxy
from tests.redis_database import new_redis_database

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),  # ends the whole process: the stories' own limit comes first and leaves nothing running
]

ORDERS = 8
"""All servers of their configuration: each order has to find the one that the others left."""

BETWEEN_ORDERS = 0.4
"""Seconds: all at once would mostly go to the worker that asks first."""

SPEED = 60.0
STORY_SECONDS = 240.0
"""A killed worker's runs are silent for 90 s before they count as dead, and are looked for every 30 s."""

RESTARTS = 5
AWAY_SECONDS = 2.0
BACK_SECONDS = 1.5
"""A database that restarts is away for a moment; in between everybody just gets to the next commit."""

RESTARTS_SECONDS = 500.0
"""A run that could not even be handed back counts as dead after three minutes."""


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """Where Prefect, the ledger and Prefect's messages have databases of their own."""
    with new_database() as database, new_database() as ledger, new_redis_database() as redis:
        yield {"database": database, "ledger": ledger, "redis": redis}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[Proxy]:
    """The way to PostgreSQL, which a story can cut."""
    async with postgres_proxy(POSTGRES) as between:
        yield between


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scaled(
    addresses: dict[str, str], postgres: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """The whole of it, started once."""
    began = time.monotonic()
    through = {name: postgres.instead_of(addresses[name]) for name in ("database", "ledger")}
    home = tmp_path_factory.mktemp("scaled")
    async with scaled_stack(home, speed=SPEED, redis=addresses["redis"], **through) as stack:
        print(f"everything started in {time.monotonic() - began:.0f} s")
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def customers(scaled: Stack) -> AsyncIterator[WhmcsClients]:
    """WHMCS's side of it."""
    async with whmcs_clients(scaled) as customers:
        yield customers


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def orders(customers: WhmcsClients) -> list[dict[str, Any]]:
    """What is sold in the first story and given back in the second."""
    return await _buy(customers, XEON)


async def test_the_orders_of_a_killed_worker_become_active_without_a_person(
    scaled: Stack, customers: WhmcsClients, orders: list[dict[str, Any]]
) -> None:
    async with asyncio.timeout(STORY_SECONDS):
        for _ in orders:  # an installation that lasts until the worker is dead
            await customers.http.post("/control/hang-next", json={"type": "os_install"})
        runs = []
        for order in orders:
            runs.append(await customers.prefect.start("activate", order))
            await asyncio.sleep(BETWEEN_ORDERS)
        servers = await asyncio.gather(*(customers.until_it_installs(order["service_id"]) for order in orders))
        assert len({server["id"] for server in servers}) == ORDERS, "a server was sold twice"

        players = await _players(customers, runs)
        print(f"taken: {Counter(player for [player] in players.values())}")
        victim = Counter(player for [player] in players.values()).most_common(1)[0][0]
        await scaled.stop(victim, kill=True)
        killed = time.monotonic()
        for server in servers:
            await customers.by_hand("end_operation", server, status="finished")
        ends = await asyncio.gather(*(customers.prefect.wait(run) for run in runs))
        print(f"all orders done {time.monotonic() - killed:.0f} s after the kill")

        assert _not_completed(ends) == []
        assert await _statuses(customers, orders) == {"Active"}
        after = {server["id"]: server for server in (await _state(customers))["servers"]}
        assert [after[server["id"]]["owner"] for server in servers] == [server["owner"] for server in servers]
        writes = (await customers.http.get("/control/writes")).json()
        installed = Counter(call["path"] for call in writes if call["endpoint"] == "os_install")
        assert sorted(installed.values()) == [1] * ORDERS, installed
        players = await _players(customers, runs)
        survivor = next(name for name in WORKERS if name != victim)
        assert {last for *_, last in players.values()} == {survivor}
        assert {first for first, *_ in players.values()} >= {victim}
        await scaled.start_worker(victim)


async def test_services_are_suspended_and_given_back_while_an_api_server_stops(
    scaled: Stack, customers: WhmcsClients, orders: list[dict[str, Any]]
) -> None:
    async with asyncio.timeout(STORY_SECONDS):
        ends = await asyncio.gather(*(customers.ask("suspend", again(order)) for order in orders))
        assert _not_completed(ends) == []
        sold = [server for server in (await _state(customers))["servers"] if server["owner"]]
        assert [server["ports_up"] for server in sold] == [False] * ORDERS

        runs = await asyncio.gather(*(customers.prefect.start("terminate", again(order)) for order in orders))
        await _until_one_is_wiped(customers)
        stopped = time.monotonic()
        await scaled.stop("api-1")
        ends = await asyncio.gather(*(customers.prefect.wait(run) for run in runs))
        print(f"all terminations done {time.monotonic() - stopped:.0f} s after an API server stopped")

        assert _not_completed(ends) == []
        state = await _state(customers)
        assert [server["name"] for server in state["servers"] if server["owner"] or not server["disk_clear"]] == []
        assert state["incidents"] == []


async def test_a_database_that_restarts_again_and_again_costs_nobody_anything(
    scaled: Stack, customers: WhmcsClients, postgres: Proxy
) -> None:
    async with asyncio.timeout(RESTARTS_SECONDS):
        bought = await _buy(customers, RYZEN)
        runs = await asyncio.gather(*(customers.prefect.start("activate", order) for order in bought))
        await _restart(postgres)
        ends = await asyncio.gather(*(customers.prefect.wait(run) for run in runs))
        assert _not_completed(ends) == []
        assert await _statuses(customers, bought) == {"Active"}
        servers = [await customers.server_of(order["service_id"]) for order in bought]
        sold = {server["id"] for server in servers if server}
        assert len(sold) == ORDERS
        assert await _sent(customers, "os_install", sold) == [1] * ORDERS

        runs = await asyncio.gather(*(customers.prefect.start("terminate", again(order)) for order in bought))
        await _restart(postgres)
        ends = await asyncio.gather(*(customers.prefect.wait(run) for run in runs))
        assert _not_completed(ends) == []
        assert await _sent(customers, "diagnostics", sold) == [1] * ORDERS
        state = await _state(customers)
        freed = [server for server in state["servers"] if server["id"] in sold]
        assert [server["name"] for server in freed if server["owner"] or not server["disk_clear"]] == []
        assert state["incidents"] == []


async def test_a_step_is_shown_as_done_whichever_server_its_events_came_in_by(customers: WhmcsClients) -> None:
    end = await customers.ask("check-panel", {"panel": "main"})
    assert end.state == "COMPLETED", end.message
    for _ in range(120):
        rows = await customers.of_run("task_runs", end.run_id)
        if len(rows) == 3 and all(row["state_type"] == "COMPLETED" for row in rows):
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"{[(row['name'], row['state_type']) for row in rows]}")


async def _buy(customers: WhmcsClients, configuration: str) -> list[dict[str, Any]]:
    bought = [await customers.buy(configuration) for _ in range(ORDERS)]
    for order in bought:
        order["order"]["os_install_timeout_minutes"] = 1440  # the stories are about other failures
    return bought


async def _restart(database: Proxy) -> None:
    for _ in range(RESTARTS):
        await asyncio.sleep(BACK_SECONDS)
        database.cut()
        await asyncio.sleep(AWAY_SECONDS)
        database.mend()


async def _sent(customers: WhmcsClients, endpoint: str, servers: set[int]) -> list[int]:
    """How often each of the servers got such a call."""
    writes = (await customers.http.get("/control/writes")).raise_for_status().json()
    paths = [f"/{call['path']}/" for call in writes if call["endpoint"] == endpoint]
    return [sum(f"/server/{number}/" in path for path in paths) for number in servers]


def _not_completed(ends: list[RunEnd]) -> list[RunEnd]:
    return [end for end in ends if end.state != "COMPLETED"]


async def _state(customers: WhmcsClients) -> dict[str, Any]:
    state: dict[str, Any] = (await customers.http.get("/control/state")).raise_for_status().json()
    return state


async def _statuses(customers: WhmcsClients, orders: list[dict[str, Any]]) -> set[str]:
    ids = {order["service_id"] for order in orders}
    return {service["status"] for service in (await _state(customers))["services"] if service["id"] in ids}


async def _players(customers: WhmcsClients, runs: list[str]) -> dict[str, list[str]]:
    """The workers that took each run, in order; waits until the runs' states name one for each."""
    words = "Taken by worker "
    for _ in range(120):
        found = []
        for run in runs:
            answer = await customers.prefect.http.get("/flow_run_states/", params={"flow_run_id": run})
            states = sorted((row["timestamp"], row["message"] or "") for row in answer.raise_for_status().json())
            taken = [text for _, text in states if text.startswith(words)]
            found.append([text.removeprefix(words).removesuffix(".") for text in taken])
        if all(found):
            return dict(zip(runs, found, strict=True))
        await asyncio.sleep(0.25)
    raise AssertionError("the runs' states do not say which worker took them")


async def _until_one_is_wiped(customers: WhmcsClients) -> None:
    while True:
        for server in (await _state(customers))["servers"]:
            operation = server["operation"]
            if operation and operation["type"] == "diagnostics" and operation["status"] == "in_progress":
                return
        await asyncio.sleep(0.25)
