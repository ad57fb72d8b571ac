"""Whether this worker may work: not while ledger and Prefect do not belong together (safety rule 24)."""

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

import httpx

from ledger.errors import LedgerError
from runtime.alerts import emit_alert, restored_alert
from runtime.errors import StepError
from runtime.incarnation import Standing, look

LOOK_SECONDS = 15.0
"""As often as heartbeats: so long may a worker go on that was up while a side was restored."""

LOOK_AGAIN_SECONDS = 1.0
"""Until the first look: nothing is taken before it."""


class IncarnationWatch:
    """Looks every 15 s; while the two sides differ, or were never compared, `may_work` is False.

    stop: what gives back the runs that this process executes.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.may_work = False
        self._stop = stop
        self._told = ""
        self._log = logging.getLogger("dciflow.incarnation")

    async def watch(self) -> NoReturn:
        """Look again and again; an outage of ledger or Prefect changes nothing."""
        while True:
            await self.once()
            await asyncio.sleep(LOOK_SECONDS if self.may_work or self._told else LOOK_AGAIN_SECONDS)

    async def once(self) -> None:
        """One look."""
        try:
            self._heed(await look())
        except (LedgerError, StepError, httpx.HTTPError) as error:
            if not self.may_work:
                self._tell(f"Nothing is taken yet: {str(error) or type(error).__name__}")
        except Exception:  # it must outlive every error
            self._log.exception("Whether ledger and Prefect belong together was not found out; trying again.")

    def _heed(self, standing: Standing) -> None:
        if standing.is_good:
            if self._told:
                self._log.warning("Ledger and Prefect belong together: this worker works.")
            self.may_work, self._told = True, ""
            return
        self.may_work = False
        if self._tell(standing.line):
            emit_alert(restored_alert(standing.why, standing.do))
        self._stop()

    def _tell(self, line: str) -> bool:
        is_new = line != self._told
        if is_new:
            self._log.error("%s", line)
        self._told = line
        return is_new
