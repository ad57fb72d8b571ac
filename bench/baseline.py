"""The engine's floor: a flow that does nothing, in as many tasks as a suspension has, in the same worker and queue."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.suspend import suspend
from tools.steps import steps_of

TASKS = len(steps_of(suspend))


@task(cache_policy=NO_CACHE, persist_result=False)
async def nothing() -> None:
    """Do nothing."""


@flow(name="floor", persist_result=False)
async def floor() -> None:
    """Do nothing, step by step."""
    for _ in range(TASKS):
        await nothing()
