import io
import logging
import sys

import pytest

from runtime.errors import StepRefused, Unforeseen
from runtime.run_log import (
    INDENT,
    LONGEST_DEBUG_RECORD,
    LONGEST_RECORD,
    NoControlCharacters,
    NoStackTraceForExpectedEnds,
    StepNamesForFinishedStates,
    escape_printed_lines,
    one_line_of_the_unforeseen,
)


def record(message: str, level: int = logging.INFO) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "prefect.task_runs", "msg": message, "levelno": level})
    made.task_run_name = "ports off"
    return made


@pytest.mark.parametrize(
    ("written", "level", "read"),
    [
        ("Finished in state Completed()", logging.INFO, "step ports off: done"),
        ("Finished in state Cached(type=COMPLETED)", logging.INFO, "step ports off: done before"),
        ("Finished in state Failed('100% refused')", logging.ERROR, "Finished in state Failed('100% refused')"),
        ("panel GET server/25 -> 200 in 12 ms", logging.INFO, "panel GET server/25 -> 200 in 12 ms"),
    ],
)
def test_the_log_names_the_step_that_ends_well_and_leaves_all_other_lines(written: str, level: int, read: str) -> None:
    line = record(written, level)
    assert StepNamesForFinishedStates().filter(line)
    assert line.getMessage() == read


@pytest.mark.parametrize(("error", "traced"), [(StepRefused("no"), False), (RuntimeError("no"), True)])
def test_an_expected_end_has_no_stack_trace(error: Exception, traced: bool) -> None:
    line = record("Task run failed", logging.ERROR)
    try:
        raise error
    except Exception:
        line.exc_info = sys.exc_info()
    assert NoStackTraceForExpectedEnds().filter(line)
    assert (line.exc_info is not None) is traced


FORGED = "12:00:00.000 | WARNING | dciflow - server 5 was wiped"


def test_control_characters_of_a_panels_names_are_escaped_in_the_log() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "port %s", ("\x1b]8;;http://evil\x07 Port",), None)
    NoControlCharacters().filter(record)
    assert record.getMessage() == "port \\x1b]8;;http://evil\\x07 Port"


@pytest.mark.parametrize(("level", "longest"), [(logging.INFO, LONGEST_RECORD), (logging.DEBUG, LONGEST_DEBUG_RECORD)])
def test_a_record_without_end_is_cut(level: int, longest: int) -> None:
    record = logging.LogRecord("x", level, "f", 1, "%s", ("x" * 50_000,), None)
    NoControlCharacters().filter(record)
    assert len(record.getMessage()) == longest


def test_a_line_with_a_wrong_format_is_shown_and_ends_nothing() -> None:
    line = logging.makeLogRecord({"msg": "%d of %s", "args": ("three",), "levelno": logging.INFO})
    assert NoControlCharacters().filter(line)
    assert line.getMessage() == "'%d of %s' ('three',)"


def test_a_name_with_a_line_break_writes_no_line_of_its_own_and_neither_does_an_errors_text() -> None:
    printed, logger = io.StringIO(), logging.getLogger("tests.journal")
    printer = logging.StreamHandler(printed)
    logger.addHandler(printer)
    logger.propagate = False
    escape_printed_lines()
    escape_printed_lines()
    assert sum(isinstance(one, NoControlCharacters) for one in printer.filters) == 1
    try:
        raise ValueError(f"no\n{FORGED}")
    except ValueError:
        logger.warning("port %s", f"eth0\n{FORGED}", exc_info=True)
    finally:
        logger.removeHandler(printer)
    lines = printed.getvalue().splitlines()
    assert lines[0] == f"port eth0 {FORGED}"
    assert f"{INDENT}{FORGED}" in lines
    assert not any(line.startswith(FORGED) for line in lines)


def test_the_place_of_an_unforeseen_error_is_one_line_without_its_values(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unforeseen), one_line_of_the_unforeseen():
        raise ValueError("a secret")
    [said] = [one.getMessage() for one in caplog.records]
    assert said.startswith("ValueError, raised here: ") and "runtime/test_run_log.py:" in said
    assert "\n" not in said and "a secret" not in said
