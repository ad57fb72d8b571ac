"""A dciflow that is scaled out, on one machine: docs/scale-out.md as processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from dciflow.demo.stack import Stack, environment
from dciflow.registration import POOL
from simulator.processes import free_port
from tests.proxy import proxy

WORKERS = ("worker-1", "worker-2")
API_SERVERS = ("api-1", "api-2")


def shared_by_servers(database: str, redis: str) -> dict[str, str]:
    """What all processes of Prefect's server have to agree on."""
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
        "PREFECT_SERVER_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
        "PREFECT_SERVER_DOCKET_URL": redis,
        "PREFECT_REDIS_MESSAGING_URL": redis,
        "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": redis,
    }


@asynccontextmanager
async def scaled_stack(home: Path, *, speed: float, database: str, ledger: str, redis: str) -> AsyncIterator[Stack]:
    """Two API servers behind a proxy, Prefect's services by themselves, two workers; all stopped at the end.

    Raises StepRefused: something did not start; the text shows the end of its log.
    """
    ports = {name: free_port() for name in API_SERVERS}
    async with proxy(*(("127.0.0.1", port) for port in ports.values())) as front:
        prefect, simulator_port = f"http://127.0.0.1:{front.port}", free_port()
        settings = {"DCIFLOW_LEDGER_URL": ledger}
        stack = Stack(
            f"http://127.0.0.1:{simulator_port}", prefect, home, {**environment(home, prefect, speed), **settings}
        )
        servers = shared_by_servers(database, redis)

        async def start_api(name: str) -> None:
            command = ("prefect", "server", "start", "--no-services", "--host", "127.0.0.1", "--port", str(ports[name]))
            await stack.start(name, *command, settings=servers)

        async def api_answers(name: str) -> None:
            await stack.answers(name, f"http://127.0.0.1:{ports[name]}/api/ready")

        try:
            await stack.start("simulator", "dciflow", "simulate", "--port", str(simulator_port), "--speed", str(speed))
            await stack.run("prefect", "server", "database", "upgrade", "-y", secrets=servers)
            await stack.start("services", "prefect", "server", "services", "start", settings=servers)
            await start_api(API_SERVERS[0])
            await api_answers(API_SERVERS[0])
            # Only now: each registers Prefect's own blocks when it starts, and two at once trip over each other.
            await start_api(API_SERVERS[1])
            await stack.answers("simulator", f"{stack.simulator}/control/state")
            await stack.register()
            await api_answers(API_SERVERS[1])
            for name in WORKERS:
                await stack.start_worker(name)
            await _until_known(prefect)
            yield stack
        finally:
            await stack.stop_all(kill=True)  # the databases go with it: nobody has to be told


async def _until_known(prefect: str) -> None:
    """Wait until both workers have said that they live."""
    async with httpx.AsyncClient(base_url=prefect) as http:
        for _ in range(240):
            answer = await http.post(f"/api/work_pools/{POOL}/workers/filter", json={})
            if {worker["name"] for worker in answer.raise_for_status().json()} == set(WORKERS):
                return
            await asyncio.sleep(0.25)
    raise AssertionError("Prefect does not know both workers")
