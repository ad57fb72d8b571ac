"""What is compared, as deployments: our flow, the baseline flow in our worker, our flow in Prefect's process worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.workers.process import ProcessWorker

from bench.baseline import floor
from bench.environment import Environment
from bench.results import Subject
from dciflow.registration import POOL
from worker.limits import URGENT

PROCESS_POOL = "bench-process"
PROCESS_WORKER = "process-worker"
ONLINE_SECONDS = 120


async def deploy_floor(environment: Environment) -> None:
    """Register the floor in our pool, in the queue that suspensions go through."""
    async with PrefectClient(environment.stack.api) as client:
        flow_id = await client.create_flow(floor)
        await client.create_deployment(
            flow_id, "bench", work_pool_name=POOL, work_queue_name=URGENT, entrypoint="bench.baseline.floor"
        )


async def deploy_for_processes(environment: Environment, flow: str) -> None:
    """Register one of our flows once more: the very same deployment, in a pool of Prefect's type `process`."""
    async with PrefectClient(environment.stack.api) as client:
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


async def deployments_of_suspend(environment: Environment) -> dict[Subject, str]:
    """Register the three deployments whose runs are compared; returns their ids."""
    await deploy_floor(environment)
    await deploy_for_processes(environment, "suspend")
    names = {
        Subject.OURS: "suspend/whmcs", Subject.FLOOR: "floor/bench", Subject.PROCESS: "suspend/process",
    }  # fmt: skip
    return {subject: await environment.prefect.deployment(name) for subject, name in names.items()}


@asynccontextmanager
async def process_worker(environment: Environment) -> AsyncIterator[psutil.Process]:
    """Prefect's process worker while the block runs: its default command, and polling as often as ours does."""
    await environment.stack.start(
        PROCESS_WORKER, "prefect", "worker", "start", "--pool", PROCESS_POOL, "--name", PROCESS_WORKER
    )
    try:
        deadline = time.monotonic() + ONLINE_SECONDS
        while not await _online(environment):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the process worker is not online after {ONLINE_SECONDS} s: see its log")
            await asyncio.sleep(0.5)
        yield psutil.Process(environment.stack.processes[PROCESS_WORKER].pid)
    finally:
        await environment.stack.stop(PROCESS_WORKER)


async def _online(environment: Environment) -> bool:
    answer = await environment.prefect.send("POST", f"/work_pools/{PROCESS_POOL}/workers/filter", {})
    return any(worker["status"] == "ONLINE" for worker in answer.json())
