"""Everything that Prefect has to know of dciflow, registered by one command that may be repeated."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists

from runtime.blocks import DcimanagerPanel, Email, Whmcs
from runtime.connections import ledger
from runtime.errors import StepRefused
from runtime.incarnation import look
from runtime.result_storage import RESULTS, LedgerResults
from worker.limits import URGENT
from worker.worker import InProcessWorker

PROJECT = Path(__file__).resolve().parent.parent
"""The folder with prefect.yaml and prefect.toml."""

POOL = "dcimanager"


async def register_all() -> AsyncIterator[str]:
    """Prepare the ledger, then block types, result storage, work pool and deployments; says each when it is done."""
    await ledger().upgrade()
    await ledger().dispose()
    yield "The ledger is up to date."
    for kind in (DcimanagerPanel, Whmcs, Email, LedgerResults):
        await kind.aregister_type_and_schema()
    await LedgerResults().asave(RESULTS.partition("/")[2], overwrite=True)
    yield "The block types and the result storage are registered."
    async with get_client() as client:
        template = InProcessWorker.get_default_base_job_template()
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(
                WorkPoolCreate(name=POOL, type=InProcessWorker.type, base_job_template=template)
            )
        pool = await client.read_work_pool(POOL)
        if pool.type != InProcessWorker.type:
            raise StepRefused(
                f"The work pool {POOL} is of type {pool.type}, not {InProcessWorker.type}. When nothing runs: "
                f"prefect work-pool delete {POOL}, then `dciflow setup` again."
            )
        if pool.base_job_template != template:  # made by an earlier release
            await client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
        with suppress(ObjectAlreadyExists):
            await client.create_work_queue(name=URGENT, work_pool_name=POOL, priority=1)
    yield f"The work pool {POOL} is there."
    # Prefect offers the reading of prefect.yaml as a command only.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all",
        cwd=PROJECT, env=dict(os.environ), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise StepRefused(f"`prefect deploy --all` failed: {said.decode(errors='replace').strip().splitlines()[-1]}")
    yield "The deployments of prefect.yaml are registered."
    standing = await look()
    await ledger().dispose()
    yield "Ledger and Prefect belong together." if standing.is_good else f"But: {standing.line}"
