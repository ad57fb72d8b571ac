"""The janitor: re-queues stalled runs of any worker, and sees that each HELD service has a form."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import NoReturn

import httpx

from ledger.errors import LedgerError
from runtime.errors import StepError
from runtime.ledger_time import follow_ledger, skews
from tasks.held.forms import HeldForms, PrefectForms
from tasks.stalled_runs import PrefectRuns, StalledRuns

LOOK_SECONDS = 30.0
"""A dead run is found within two looks after it counts as stalled."""

WAIT_SECONDS = 1.0
"""How soon it looks once it may."""


async def look_after(
    pool: str, executing: Callable[[], Collection[str]], *, may_look: Callable[[], bool] = lambda: True
) -> NoReturn:
    """Look every 30 s; an outage of ledger or Prefect is waited for. `executing`: the ids of this process's runs.

    `may_look`: False while a side was restored, when nothing is driven on (safety rule 24).
    """
    log = logging.getLogger("dciflow.janitor")
    stalled_runs = StalledRuns(PrefectRuns(pool), executing)
    held_forms = HeldForms(PrefectForms())
    told: list[str] = []
    while True:
        if not may_look():
            await asyncio.sleep(WAIT_SECONDS)
            continue
        try:
            apart = skews(await follow_ledger())
            if apart != told:
                log.warning("%s", "; ".join(apart) or "the clocks of this worker and the ledger's database agree again")
            told = apart
            for line in await stalled_runs.look():
                log.warning("%s", line)
            for line in await held_forms.look():
                log.info("%s", line)
        except (LedgerError, StepError, httpx.HTTPError) as error:
            log.warning("The janitor could not look (%s): trying again.", str(error) or type(error).__name__)
        except Exception:  # it must outlive every error
            log.exception("The janitor met an error and goes on.")
        await asyncio.sleep(LOOK_SECONDS)
