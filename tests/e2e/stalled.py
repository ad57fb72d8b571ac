"""`python -m tests.e2e.stalled`: the janitor's two looks, without the minute and a half that it gives a silent run."""

import asyncio
from datetime import timedelta

import tasks.stalled_runs
from dciflow.registration import POOL
from runtime.connections import ledger
from tasks.stalled_runs import PrefectRuns, StalledRuns


async def look_twice() -> None:
    """Look, and again: a run without a heartbeat between them is re-queued."""
    tasks.stalled_runs.STALLED_AFTER = timedelta(0)
    stalled = StalledRuns(PrefectRuns(POOL))
    for _ in range(2):
        for line in await stalled.look():
            print(line)
    await ledger().dispose()


if __name__ == "__main__":
    asyncio.run(look_twice())
