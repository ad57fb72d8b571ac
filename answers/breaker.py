"""A breaker for a side that fails again and again: who would only wait for it in vain is told at once.

    closed   calls go out; FAILURES lost ones in a row, of whichever run, open it
    open     reads are refused without being sent, but for one every PROBE_SECONDS; the first answer closes it

Calls that change something are never refused: each follows a fresh read, and whether it happened must stay known. Nor
are looks of those who must know what became of a lost answer (`asking_anyway`), nor reads of urgent runs, which must
not end because another run's read was the one that asked. An answer that is over a limit is one: the side is there.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FAILURES = 5
"""A side that restarts loses a call or two of each run; one more and it is away."""
PROBE_SECONDS = 5.0
"""By so much later at most does a run notice that a side is back: little beside the pauses of a step."""

_log = logging.getLogger(__name__)
_asks_anyway: ContextVar[bool] = ContextVar("asks_anyway", default=False)

is_urgent: ContextVar[bool] = ContextVar("is_urgent", default=False)
"""Whether the caller is a run that cannot wait until the side is known to be back."""


@contextmanager
def asking_anyway() -> Iterator[None]:
    """Ask in this block whatever is known of the other side, at one's own pace."""
    before = _asks_anyway.set(True)
    try:
        yield
    finally:
        _asks_anyway.reset(before)


class Breaker:
    """What is known of whether one side answers.

    `side`: what it is called, "The panel main". `runs`: whose runs are told so. `now`: a clock in seconds.
    """

    def __init__(self, side: str, runs: str = "its runs", now: Callable[[], float] = time.monotonic) -> None:
        self._side = side
        self._runs = runs
        self._now = now
        self._lost = 0
        self._asked = 0.0

    @property
    def is_open(self) -> bool:
        """Whether reads are refused."""
        return self._lost >= FAILURES

    def refusal(self) -> str | None:
        """Why a read is not sent, for the error's line; None: it may be, and perhaps is the one that asks."""
        if not self.is_open or _asks_anyway.get() or is_urgent.get():
            return None
        if self._now() - self._asked >= PROBE_SECONDS:
            self._asked = self._now()
            return None
        return (
            f"{self._side} did not answer {self._lost} times in a row and is asked again every "
            f"{PROBE_SECONDS:g} s: see to it, or wait until it is back."
        )

    def failed(self) -> None:
        """Note a call that was not answered."""
        self._lost += 1
        if self._lost == FAILURES:
            self._asked = self._now()
            _log.warning(
                "%s did not answer %s times in a row: %s are told so at once, and it is asked again every %g s.",
                self._side,
                self._lost,
                self._runs,
                PROBE_SECONDS,
            )

    def answered(self) -> None:
        """Note an answer."""
        if self.is_open:
            _log.warning("%s answers again: %s go on.", self._side, self._runs)
        self._lost = 0
