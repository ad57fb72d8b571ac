"""The three that are compared, as deployments: ours, the floor in our worker, our flows in Prefect's process worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.workers.process import ProcessWorker

from dciflow.registration import POOL
from tests.bench.floor import floor
from tests.bench.ground import Ground
from tests.bench.results import Contender
from worker.warm import URGENT

PROCESS_POOL = "bench-process"
PROCESS_WORKER = "process-worker"
ONLINE_SECONDS = 120


async def deploy_floor(ground: Ground) -> None:
    """Register the floor in our pool, in the queue that suspensions go through."""
    async with PrefectClient(ground.stack.api) as client:
        flow_id = await client.create_flow(floor)
        await client.create_deployment(
            flow_id, "bench", work_pool_name=POOL, work_queue_name=URGENT, entrypoint="tests.bench.floor.floor"
        )


async def deploy_for_processes(ground: Ground, flow: str) -> None:
    """Register one of our flows once more: the very same deployment, in a pool of Prefect's type `process`."""
    async with PrefectClient(ground.stack.api) as client:
        pools = {pool.name for pool in await client.read_work_pools()}
        if PROCESS_POOL not in pools:
            template = ProcessWorker.get_default_base_job_template()
            await client.create_work_pool(
                WorkPoolCreate(name=PROCESS_POOL, type=ProcessWorker.type, base_job_template=template)
            )
        ours = await client.read_deployment_by_name(f"{flow}/whmcs")
        await client.create_deployment(
            ours.flow_id,
            "process",
            work_pool_name=PROCESS_POOL,
            entrypoint=ours.entrypoint,
            parameter_openapi_schema=ours.parameter_openapi_schema,
            enforce_parameter_schema=ours.enforce_parameter_schema,
            pull_steps=ours.pull_steps,
            path=ours.path,
            tags=ours.tags,
        )


async def deployments_of_suspend(ground: Ground) -> dict[Contender, str]:
    """Register what is compared in suspensions; the ids of the deployments."""
    await deploy_floor(ground)
    await deploy_for_processes(ground, "suspend")
    names = {
        Contender.OURS: "suspend/whmcs", Contender.FLOOR: "floor/bench", Contender.PROCESS: "suspend/process",
    }  # fmt: skip
    return {contender: await ground.prefect.deployment(name) for contender, name in names.items()}


@asynccontextmanager
async def process_worker(ground: Ground) -> AsyncIterator[psutil.Process]:
    """Prefect's process worker while the block runs: its default command, and polling as often as ours does."""
    await ground.stack.start(
        PROCESS_WORKER, "prefect", "worker", "start", "--pool", PROCESS_POOL, "--name", PROCESS_WORKER
    )
    try:
        deadline = time.monotonic() + ONLINE_SECONDS
        while not await _online(ground):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the process worker is not online after {ONLINE_SECONDS} s: see its log")
            await asyncio.sleep(0.5)
        yield psutil.Process(ground.stack.processes[PROCESS_WORKER].pid)
    finally:
        await ground.stack.stop(PROCESS_WORKER)


async def _online(ground: Ground) -> bool:
    answer = await ground.prefect.send("POST", f"/work_pools/{PROCESS_POOL}/workers/filter", {})
    return any(worker["status"] == "ONLINE" for worker in answer.json())
