"""What the worker changes for its whole process: printing, garbage collection, threads, and an end that comes."""

import gc
import os
import sys
import threading
from pathlib import Path

from prefect.logging.configuration import setup_logging
from prefect.settings import PREFECT_LOGGING_SETTINGS_PATH, temporary_settings

PLAIN_LOGGING = Path(__file__).with_name("logging.yml")
"""Prefect's own logging settings, but for a console without styling."""

SWITCH_SECONDS = 0.0005
"""Prefect sends logs and events from threads: with Python's default of 5 ms the event loop waits for them."""

GARBAGE_AFTER = 20_000
"""Objects. One run makes many times Python's default of 700, and all runs stand still at each collection."""


def tune_process() -> None:
    """Let all runs of the process wait less for Python itself."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


def print_plainly() -> None:
    """Print log lines without styling where nobody sees colours: it was a seventh of the worker's work.

    A host's own logging file (PREFECT_LOGGING_CONFIG_PATH) is left alone.
    """
    if sys.stderr.isatty() or PREFECT_LOGGING_SETTINGS_PATH.value().exists():
        return
    with temporary_settings({PREFECT_LOGGING_SETTINGS_PATH: PLAIN_LOGGING}):
        setup_logging(incremental=False)


def end_process_within(seconds: float) -> None:
    """End the process after that time if it has not ended by itself."""
    last = threading.Timer(seconds, os._exit, (0,))
    last.daemon = True
    last.start()
