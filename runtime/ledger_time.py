"""The ledger's time for this process, and how far the clocks of worker, ledger and panel are apart (safety rule 19)."""

import time
from datetime import timedelta

from dcimanager.panel import Panel
from ledger import time as ledger_time
from runtime.clock import Clock, Following, clock
from runtime.connections import ledger
from runtime.errors import StepRefused
from runtime.run_log import run_log

LOOK_SECONDS = 60.0
"""How often the database is asked for its time, in real seconds: a machine's clock drifts by milliseconds meanwhile."""

ANSWER_SECONDS = 2.0
"""An answer that took longer tells the time too roughly to set a clock by it."""

MOST_SKEW = timedelta(seconds=5)
"""NTP keeps machines within milliseconds: five seconds are a clock that nobody keeps. Beyond it nothing is wiped."""


class _LastLook:
    clock: Clock | None = None
    began = 0.0
    behind: timedelta | None = None
    """How far this machine's clock was behind the database's; None: unknown, or a test's clock."""


async def follow_ledger(*, at_once: bool = False) -> timedelta | None:
    """Set this process's clock by the ledger's database, once a minute or `at_once`.

    Returns how far this machine's clock is behind the database's; None: not known yet, or a clock that follows none.
    Raises LedgerError.
    """
    here = clock()
    if not isinstance(here, Following):
        return None
    began = time.monotonic()
    if _LastLook.clock is here and not at_once and began - _LastLook.began < LOOK_SECONDS:
        return _LastLook.behind
    if _LastLook.clock is not here:
        _LastLook.clock, _LastLook.behind = here, None
    _LastLook.began = began
    told = await ledger_time.now(ledger())
    took = time.monotonic() - began
    if took <= ANSWER_SECONDS:
        _LastLook.behind = here.follow(told + timedelta(seconds=took / 2))
    return _LastLook.behind


def skews(behind: timedelta | None, panel: Panel | None = None) -> list[str]:
    """A line for each pair of clocks that are more than MOST_SKEW apart: this worker's, the database's, the panel's."""
    apart = {"the ledger's database": behind}
    if panel is not None:
        apart[f"panel {panel.name}"] = panel.transport.clock_ahead
    return [
        f"the clocks of this worker and {other} differ by {abs(by).total_seconds():.0f} s: set NTP right on both"
        for other, by in apart.items()
        if by is not None and abs(by) > MOST_SKEW
    ]


async def warn_of_skew(panel: Panel | None = None) -> None:
    """Say in the log which clocks are apart. Raises LedgerError."""
    for line in skews(await follow_ledger(), panel):
        run_log().warning("%s; until then nothing is wiped", line)


async def require_one_time(panel: Panel) -> None:
    """Raise StepRefused when worker, ledger and panel do not agree on the time; raises LedgerError."""
    for line in skews(await follow_ledger(at_once=True), panel):
        raise StepRefused(f"Nothing is wiped while {line}, then press Retry.")
