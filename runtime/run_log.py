"""The run's log for staff: a line for each step and each call, no stack trace for expected ends."""

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
from dcimanager.transport import PanelCall
from ledger.errors import LedgerError
from runtime.errors import StepError, Unforeseen
from runtime.plain_text import one_line
from whmcs.errors import WhmcsError
from whmcs.transport import WhmcsCall

EXPECTED = (StepError, PanelError, WhmcsError, LedgerError, DialectError)
"""Errors whose own line says what happened and what to do: the log shows no stack trace for them."""

LONGEST_RECORD = 4_000
"""Characters of a record: a run's last line and the evidence of a hold fit in."""
LONGEST_DEBUG_RECORD = 20_000
"""Characters of a record at DEBUG: bodies of calls are long."""
LONGEST_TRACE = 20_000
"""Characters of a stack trace: its last line is an error's own text, which may quote anything."""

INDENT = "    "
"""Before each line of a stack trace: no line of a journal begins with it that is a record."""

FINISHED = "Finished in state"
"""How Prefect's engine begins its log line about the end of a task: at INFO if it completed, at ERROR if not."""


def run_log() -> "logging.Logger | logging.LoggerAdapter[Any]":
    """The log of the current task run or flow run; outside of a run, the logger `dciflow`."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("dciflow")


@contextmanager
def one_line_of_the_unforeseen() -> Iterator[None]:
    """Raise Unforeseen instead of an unexpected error; log where it was raised, without any values."""
    try:
        yield
    except (*EXPECTED, Abort):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        kind, last = type(error).__name__, frames[-1]
        calls = " > ".join(f"{'/'.join(Path(one.filename).parts[-2:])}:{one.lineno} {one.name}" for one in frames)
        run_log().error("%s, raised here: %s", kind, calls)
        raise Unforeseen(kind, f"{Path(last.filename).name}:{last.lineno}") from error


def log_panel_call(call: PanelCall) -> None:
    """One line per HTTP exchange with the panel; bodies at DEBUG only, and redacted."""
    log = run_log()
    log.info("panel %s %s -> %s in %.0f ms", call.method, call.path, call.status or "no answer", call.milliseconds)
    if log.isEnabledFor(logging.DEBUG):
        log.debug("panel %s %s sent %s received %s", call.method, call.path, call.sent, call.received)


def log_whmcs_call(call: WhmcsCall) -> None:
    """One line per HTTP exchange with WHMCS; never its bodies: they hold personal data."""
    run_log().info("WHMCS %s -> %s in %.0f ms", call.action, call.status or "no answer", call.milliseconds)
    if call.around:
        run_log().warning(
            "WHMCS printed something around its answer to %s (%s): look for notices of PHP in its error log",
            call.action,
            call.around,
        )


class NoStackTraceForExpectedEnds(logging.Filter):
    """Takes the stack trace off the records of Prefect's engine when the error's own line says what to do."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, EXPECTED):
            record.exc_info = None
            record.exc_text = None
        return True


class NoControlCharacters(logging.Filter):
    """Escapes control characters and cuts what is endless: names on a panel reach terminals and journals by the log.

    A record is one line, or a name with a line break in it would write a line of its own. Of a stack trace, which has
    more, each line is indented.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a wrong format: logging itself would only print it, too
            record.msg, record.args = f"{record.msg!r} {record.args!r}", ()
            said = str(record.msg)
        text = one_line(said, LONGEST_RECORD if record.levelno > logging.DEBUG else LONGEST_DEBUG_RECORD)
        if text != said:
            record.msg, record.args = text, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text and not record.exc_text.startswith(INDENT):
            lines = record.exc_text[-LONGEST_TRACE:].splitlines()
            record.exc_text = "\n".join(INDENT + one_line(line, LONGEST_RECORD) for line in lines)
        return True


class StepNamesForFinishedStates(logging.Filter):
    """Names the step where Prefect's engine writes only "Finished in state Completed()"."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno == logging.INFO and str(record.msg).startswith(FINISHED):
            kept = str(record.msg).startswith(f"{FINISHED} Cached")
            step = str(getattr(record, "task_run_name", record.name))
            record.msg, record.args = "step %s: %s", (step, "done before" if kept else "done")
        return True


def escape_printed_lines() -> None:
    """Install the filter on everything that prints records for a terminal or a journal. May be called many times."""
    named = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    loggers = [logging.getLogger(), *named]
    for printer in {handler for logger in loggers for handler in logger.handlers}:
        if not any(isinstance(present, NoControlCharacters) for present in printer.filters):
            printer.addFilter(NoControlCharacters())


def quiet_expected_ends() -> None:
    """Install the filters on the two loggers that all records of runs go through. May be called many times."""
    for name, wanted in (
        ("prefect.flow_runs", [NoStackTraceForExpectedEnds, NoControlCharacters]),
        ("prefect.task_runs", [NoStackTraceForExpectedEnds, StepNamesForFinishedStates, NoControlCharacters]),
    ):
        logger = logging.getLogger(name)
        for kind in wanted:
            if not any(isinstance(present, kind) for present in logger.filters):
                logger.addFilter(kind())
