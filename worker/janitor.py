"""The janitor: has runs driven again that broke off, here or in another worker; sees that who is HELD has a form."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import NoReturn

import httpx

from ledger.errors import LedgerError
from tasks.held_forms import HeldForms, PrefectForms
from tasks.outcomes import Stop
from tasks.silent_runs import PrefectRuns, SilentRuns

LOOK_SECONDS = 30.0
"""A dead run is found within two looks after it counts as silent."""


async def look_after(pool: str, playing: Callable[[], Collection[str]]) -> NoReturn:
    """Look again and again. An outage of ledger or Prefect is waited for."""
    log = logging.getLogger("dciflow.janitor")
    silent_runs = SilentRuns(PrefectRuns(pool), playing)
    held_forms = HeldForms(PrefectForms())
    while True:
        try:
            for line in await silent_runs.look():
                log.warning("%s", line)
            for line in await held_forms.look():
                log.info("%s", line)
        except (LedgerError, Stop, httpx.HTTPError) as error:
            log.warning("The janitor could not look (%s): trying again.", str(error) or type(error).__name__)
        except Exception:  # it has to outlive whatever it trips over
            log.exception("The janitor stumbled and goes on.")
        await asyncio.sleep(LOOK_SECONDS)
