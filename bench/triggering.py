"""Asking for runs as WHMCS does, one or many at a time, and reading their times from Prefect's own records."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, JsonValue

from bench.seed import PANEL
from dciflow.demo.prefect_api import FINAL, PrefectApi

AT_ONCE = 8
"""Requests under way at a time: what a cron with a few connections does."""

PAGE = 100

Parameters = dict[str, JsonValue]


class Ended(BaseModel):
    """A run's times by Prefect's records, in seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    state: str
    message: str
    created: float
    ended: float

    @property
    def seconds(self) -> float:
        """From the request to the end."""
        return self.ended - self.created


def suspension(service_id: int) -> Parameters:
    """What WHMCS's cron asks for when an invoice is overdue."""
    return {"service_id": service_id, "panel": PANEL, "requested_by": "cron"}


async def ask_all(
    prefect: PrefectApi, deployment: str, parameters: Sequence[Parameters], *, flow: str = "suspend"
) -> list[str]:
    """Start a run for each, as fast as they are taken; a busy server is asked again with the same key."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(given: Parameters) -> str:
        async with gate:
            return await prefect.create(deployment, flow, given, key=f"bench:{uuid4()}")

    return await asyncio.gather(*map(one, parameters))


async def until_in(prefect: PrefectApi, runs: Sequence[str], states: Sequence[str], *, within_seconds: float) -> None:
    """Wait until all these runs are in one of the states. Raises TimeoutError."""
    chosen: dict[str, JsonValue] = {"id": {"any_": list(runs)}, "state": {"type": {"any_": list(states)}}}
    deadline = time.monotonic() + within_seconds
    while (there := (await prefect.send("POST", "/flow_runs/count", {"flow_runs": chosen})).json()) < len(runs):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{there} of {len(runs)} runs are {' or '.join(states)} after {within_seconds:.0f} s")
        await asyncio.sleep(1)


async def ends_of(prefect: PrefectApi, runs: Sequence[str], *, within_seconds: float) -> list[Ended]:
    """Wait for the runs' ends and read their times. Raises TimeoutError."""
    await until_in(prefect, runs, sorted(FINAL), within_seconds=within_seconds)
    found: list[Ended] = []
    for first in range(0, len(runs), PAGE):
        chosen: dict[str, JsonValue] = {"id": {"any_": list(runs[first : first + PAGE])}}
        rows = (await prefect.send("POST", "/flow_runs/filter", {"flow_runs": chosen, "limit": PAGE})).json()
        found += [
            Ended(
                run_id=row["id"],
                state=row["state_type"],
                message=row["state"]["message"] or "",
                created=_unix(row["created"]),
                ended=_unix(row["end_time"]),
            )
            for row in rows
        ]
    return found


def _unix(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
