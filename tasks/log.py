"""The run's log as the module log: a line per panel call, sentences for the rest, no stack trace for expected ends."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect.exceptions import Abort, MissingContextError
from prefect.logging import get_run_logger

from dcimanager.endpoints import DialectError
from dcimanager.errors import PanelError
from dcimanager.transport import Call
from ledger.errors import LedgerError
from tasks.outcomes import Stop, Unforeseen
from whmcs.errors import WhmcsError
from whmcs.transport import Call as BillingCall

EXPECTED = (Stop, PanelError, WhmcsError, LedgerError, DialectError)
"""Ends whose one line says everything: staff never read a stack trace for them."""


def run_log() -> "logging.Logger | logging.LoggerAdapter[Any]":
    """The log of the current task or flow run; outside of one, the process's."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("dciflow")


@contextmanager
def one_line_of_the_unforeseen() -> Iterator[None]:
    """Raise Unforeseen instead of what nobody expects; the log gets where it happened, without the values."""
    try:
        yield
    except (*EXPECTED, Abort):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        kind, last = type(error).__name__, frames[-1]
        run_log().error("%s, raised here:\n%s", kind, "".join(traceback.format_list(frames)))
        raise Unforeseen(kind, f"{Path(last.filename).name}:{last.lineno}") from error


def log_panel_call(call: Call) -> None:
    """One line per HTTP exchange with the panel; bodies at DEBUG only, and redacted."""
    log = run_log()
    log.info("panel %s %s -> %s in %.0f ms", call.method, call.path, call.status or "no answer", call.milliseconds)
    if log.isEnabledFor(logging.DEBUG):
        log.debug("panel %s %s sent %s received %s", call.method, call.path, call.sent, call.received)


def log_billing_call(call: BillingCall) -> None:
    """One line per HTTP exchange with WHMCS; never its bodies: they hold personal data."""
    run_log().info("WHMCS %s -> %s in %.0f ms", call.action, call.status or "no answer", call.milliseconds)


class NoStackTraceForExpectedEnds(logging.Filter):
    """Takes the stack trace off the records of Prefect's engine when the error's own line says what to do."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, EXPECTED):
            record.exc_info = None
            record.exc_text = None
        return True


def quiet_expected_ends() -> None:
    """Install the filter on the two loggers that every run's records go through. May be called many times."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        if not any(isinstance(present, NoStackTraceForExpectedEnds) for present in logger.filters):
            logger.addFilter(NoStackTraceForExpectedEnds())
