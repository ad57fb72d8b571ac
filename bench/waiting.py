"""Measures what waiting for installations costs: memory and panel calls for each of them."""

import asyncio
import statistics
import time

import psutil

from bench import data_centre
from bench.deployments import deploy_for_processes, process_worker
from bench.environment import Environment, prepared
from bench.results import Database, MemoryPoint, Waiting
from bench.seed import PANEL, seed
from bench.sizes import Sizes
from bench.triggering import Parameters, ask_all, ends_of, until_in
from dciflow.demo.stack import Say
from ledger import services

INSTALL_SECONDS = 7 * 24 * 3600.0
"""No installation ends while it is measured."""

FLOW = "watch-os-install"
SAMPLE_SECONDS = 2.0
SECONDS_PER_RUN = 10.0


async def measure(database: Database, sizes: Sizes, say: Say) -> Waiting:
    """Let more and more installations be waited for in one worker; then one in the process worker."""
    most = max(sizes.waiting)
    async with prepared(database, data_centre.instant(most + 2, install_seconds=INSTALL_SECONDS), say) as environment:
        installing = await seed(environment, most + 2, wait_for_os=False)
        await _warm_up(environment, installing.pop())
        alone = installing.pop()
        worker = psutil.Process(environment.stack.processes["worker"].pid)
        points, waiting = [await _point(environment, worker, 0, sizes)], 0
        for size in sizes.waiting:
            await _start(environment, f"{FLOW}/whmcs", installing[waiting:size])
            points.append(await _point(environment, worker, size, sizes))
            waiting = size
        await environment.stack.stop("worker", kill=True)  # its runs are not waited for any more
        await deploy_for_processes(environment, FLOW)
        async with process_worker(environment) as processes:
            await _start(environment, f"{FLOW}/process", [alone])
            await asyncio.sleep(sizes.settle_seconds)
            one = sum(child.memory_full_info().uss for child in processes.children(recursive=True)) / 2**20
            say(f"the process worker's run: {one:.0f} MB")
    return Waiting(points=points, process_uss_mb=one)


async def _warm_up(environment: Environment, service_id: int) -> None:
    """Let the worker wait for one installation and see it finished: imports and first connections are not measured."""
    runs = await _start(environment, f"{FLOW}/whmcs", [service_id])
    service = await services.get(environment.ledger, service_id)
    if service is None or service.claim is None:
        raise RuntimeError(f"service {service_id} has no server")
    body = {"action": "end_operation", "server": service.claim.server_id, "status": "finished"}
    (await environment.simulator.post("/control/by-hand", json=body)).raise_for_status()
    (end,) = await ends_of(environment.prefect, runs, within_seconds=120)
    if end.state != "COMPLETED":
        raise RuntimeError(f"run {end.run_id} is {end.state}: {end.message}")


async def _start(environment: Environment, deployment: str, service_ids: list[int]) -> list[str]:
    parameters: list[Parameters] = [{"service_id": service_id, "panel": PANEL} for service_id in service_ids]
    flow = deployment.partition("/")[0]
    runs = await ask_all(environment.prefect, await environment.prefect.deployment(deployment), parameters, flow=flow)
    await until_in(environment.prefect, runs, ["RUNNING"], within_seconds=60 + SECONDS_PER_RUN * len(runs))
    return runs


async def _point(environment: Environment, worker: psutil.Process, waiting: int, sizes: Sizes) -> MemoryPoint:
    """The median of the worker's memory over the window: the collector runs now and then, and cannot be told to."""
    await asyncio.sleep(sizes.settle_seconds)
    began, samples = time.time(), []
    while time.time() - began < sizes.window_seconds:
        samples.append(worker.memory_full_info().uss / 2**20)
        await asyncio.sleep(SAMPLE_SECONDS)
    seconds = time.time() - began
    calls = (await environment.simulator.get("/control/calls", params={"since": began})).json()
    within = sum(call["wall"] < began + seconds for call in calls)
    point = MemoryPoint(
        waiting=waiting, uss_mb=statistics.median(samples), panel_calls_per_minute=within * 60 / seconds
    )
    environment.say(
        f"{waiting} waiting: {point.uss_mb:.0f} MB, {point.panel_calls_per_minute:.0f} panel calls a minute"
    )
    return point
