"""`make bench-door`: what `dciflow door` adds to a call of the module, without nginx; printed.

One caller with one connection, direct and through the door in turns: a start of a suspension, and a look at its run.
No worker takes the runs.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import httpx
import typer

from bench.__main__ import say
from bench.figures import percentile
from dciflow.demo.stack import START_SECONDS, Stack, environment
from door.installations import add
from door.shapes import FLOWS
from simulator.processes import free_port, until_it_answers
from tests.door.bodies import start_of

CALLS = 400
WARM = 20
"""Calls that are no part of it: imports, first connections, ids that are kept."""

BUSY_SECONDS = 0.3

Attempt = Callable[[], Awaitable[httpx.Response]]


def main(calls: Annotated[int, typer.Option(help="How many calls of each kind and way.")] = CALLS) -> None:
    """Measure the door."""
    asyncio.run(measure(calls))


async def measure(calls: int) -> None:
    """Print lines for each kind of call. A busy Prefect (503) is asked again: the answer that comes is what counts."""
    async with both() as (direct, through, deployment):
        deployments = {direct: deployment, through: FLOWS["suspend"].id}
        runs = {client: str((await answered(_start(client, deployments[client])))[1]["id"]) for client in deployments}
        kinds: dict[str, Callable[[httpx.AsyncClient], Attempt]] = {
            "start a run": lambda client: _start(client, deployments[client]),
            "look at a run": lambda client: lambda: client.get(f"/flow_runs/{runs[client]}"),
        }
        for what, call in kinds.items():
            took: dict[httpx.AsyncClient, list[float]] = {direct: [], through: []}
            for number in range(calls + WARM):
                for client in deployments:
                    milliseconds, _ = await answered(call(client))
                    if number >= WARM:
                        took[client].append(milliseconds)
            for name, client in (("direct", direct), ("door", through)):
                figures = ", ".join(
                    f"p{percent} {percentile(took[client], percent):.1f} ms" for percent in (50, 95, 99)
                )
                say(f"{what}, {name}: {figures}")
            added = [percentile(took[through], percent) - percentile(took[direct], percent) for percent in (50, 99)]
            say(f"{what}: the door adds {added[0]:.1f} ms at p50 and {added[1]:.1f} ms at p99")
    say(f"load of the machine over the last 15 minutes: {os.getloadavg()[2]:.1f}")


async def answered(attempt: Attempt) -> tuple[float, Any]:
    """The milliseconds of the first answer that is not 503, and its body. Raises httpx.HTTPStatusError."""
    while True:
        began = time.perf_counter()
        answer = await attempt()
        milliseconds = (time.perf_counter() - began) * 1000
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return milliseconds, answer.raise_for_status().json()
        await asyncio.sleep(BUSY_SECONDS)


@asynccontextmanager
async def both() -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient, str]]:
    """Clients of a new Prefect, direct and through the door, and the id of the deployment of suspensions."""
    with tempfile.TemporaryDirectory(prefix="dciflow-bench-door-") as folder:
        home, ports = Path(folder), (free_port(), free_port())
        prefect = f"http://127.0.0.1:{ports[0]}"
        stack = Stack("", prefect, home, environment(home, prefect, 60))
        secret = add(home / "door.toml", "bench", panels=["main"], whmcs=None, addresses=[])
        with (home / "door.toml").open("a", encoding="utf-8") as file:
            file.write("calls_per_second = 1000\nurgent_calls_per_second = 1000\n")
        try:
            await stack.start_prefect()
            await stack.prefect_answers()
            await stack.command("setup")
            await stack.start("door", "dciflow", "door", "--port", str(ports[1]), "--config", str(home / "door.toml"))
            url, log = f"http://127.0.0.1:{ports[1]}", home / "door.log"
            await until_it_answers("door", stack.processes["door"], url, log, seconds=START_SECONDS, whatever=True)
            async with (
                httpx.AsyncClient(base_url=stack.api, timeout=30) as direct,
                httpx.AsyncClient(base_url=f"{url}/api", auth=("bench", secret), timeout=30) as through,
            ):
                found = (await direct.get("/deployments/name/suspend/whmcs")).raise_for_status().json()
                yield direct, through, str(found["id"])
        finally:
            await stack.stop_all(kill=True)


def _start(client: httpx.AsyncClient, deployment: str) -> Attempt:
    body = start_of("suspend", f"bench:{uuid4()}")
    return lambda: client.post(f"/deployments/{deployment}/create_flow_run", json=body)


if __name__ == "__main__":
    typer.run(main)
