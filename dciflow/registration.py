"""Everything that Prefect has to know of dciflow, registered by one command that may be repeated."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from tasks.blocks import DcimanagerPanel, Email, Whmcs
from tasks.connections import ledger
from tasks.outcomes import Refusal
from tasks.results import RESULTS, LedgerResults
from worker.warm import URGENT, WarmWorker

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
        template = WarmWorker.get_default_base_job_template()
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=POOL, type=WarmWorker.type, base_job_template=template))
        pool = await client.read_work_pool(POOL)
        if pool.type != WarmWorker.type:
            raise Refusal(
                f"The work pool {POOL} is of type {pool.type}, not {WarmWorker.type}. When nothing runs: "
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
        raise Refusal(f"`prefect deploy --all` failed: {said.decode(errors='replace').strip().splitlines()[-1]}")
    yield "The deployments of prefect.yaml are registered."


async def stored_panels() -> dict[str, DcimanagerPanel]:
    """The panels that Prefect has credentials of, by name; none when no panel was ever stored."""
    async with get_client() as client:
        try:
            documents = await client.read_block_documents_by_type(DcimanagerPanel.get_block_type_slug())
        except ObjectNotFound:
            return {}
    return {document.name: await DcimanagerPanel.aload(document.name) for document in documents if document.name}
