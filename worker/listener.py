"""Listens to Prefect's event stream for scheduled runs, so that the worker need not ask all the time."""

import asyncio
import logging
from uuid import UUID

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter

RECONNECT_SECONDS = 5.0
"""A stream that broke is opened again after this; meanwhile the worker asks at its usual interval."""

SCHEDULED = [f"prefect.flow-run.{name}" for name in ("Scheduled", "AwaitingRetry", "Resuming")]


async def listen_for_scheduled_runs(pool_id: UUID, run_scheduled: asyncio.Event) -> None:
    """Set the event whenever a run of the work pool is scheduled. Never ends by itself."""
    wanted = EventFilter(
        event=EventNameFilter(name=SCHEDULED),
        any_resource=EventAnyResourceFilter(id=[f"prefect.work-pool.{pool_id}"]),
    )
    while True:
        try:
            async with get_events_subscriber(filter=wanted) as events:
                async for _ in events:
                    run_scheduled.set()
        except Exception as error:  # it only saves time: whatever breaks it, the worker goes on asking
            logging.getLogger("dciflow.listener").info("no event stream (%s): trying again", type(error).__name__)
        await asyncio.sleep(RECONNECT_SECONDS)
