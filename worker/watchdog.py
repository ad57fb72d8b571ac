"""A watchdog in a thread: tells when the worker's event loop stood still, for how long, and by what.

While the loop stands still no run goes on, no heartbeat is written and no signal is taken; another worker may take its
runs over. What is told is where the loop's thread was, as files and lines: values would show what must not be shown.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

BEAT_SECONDS = 0.5
"""How often the loop shows that it turns, and the thread looks."""

STOOD_STILL_SECONDS = 2.0
"""A collection of garbage, or a busy machine, takes less; at this a suspension is late already."""

ALARM_SECONDS = 10.0
"""Told to staff from here on: runs have waited, and calls have run into their time-outs for no fault of a panel."""

FRAMES = 6
"""Places that are named, the innermost first."""

_log = logging.getLogger("dciflow.watchdog")


class Watchdog:
    """Watches the event loop in whose thread it was made. `alarm` is called in that loop, with seconds and places."""

    def __init__(self, alarm: Callable[[float, str], object]) -> None:
        self._alarm = alarm
        self._thread_id = threading.get_ident()
        self._beat = time.monotonic()
        self._places = ""
        self._stop = threading.Event()

    async def watch(self) -> NoReturn:
        """Watch until this is cancelled."""
        thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
        thread.start()
        try:
            while True:
                self._beat = time.monotonic()
                await asyncio.sleep(BEAT_SECONDS)
                self._turned(time.monotonic() - self._beat - BEAT_SECONDS)
        finally:
            self._stop.set()

    def _turned(self, stood: float) -> None:
        if stood < STOOD_STILL_SECONDS:
            return
        by = self._places or "nothing that was seen"
        self._places = ""
        _log.warning("The event loop stood still for %.1f s: no run went on meanwhile. It was at %s.", stood, by)
        if stood >= ALARM_SECONDS:
            self._alarm(stood, by)

    def _look(self) -> None:
        told = 0.0
        while not self._stop.wait(BEAT_SECONDS):
            beat = self._beat
            stands = time.monotonic() - beat - BEAT_SECONDS
            if stands < STOOD_STILL_SECONDS:
                continue
            frame = sys._current_frames().get(self._thread_id)
            self._places = self._places or places(frame)
            if stands >= ALARM_SECONDS and told != beat:  # it may never turn again: then this is the only line
                told = beat
                _log.error("The event loop stands still since %.0f s. It is at %s.", stands, places(frame))


def places(frame: FrameType | None) -> str:
    """Where a thread is: file, line and function, the innermost first; never a value."""
    found: list[str] = []
    while frame is not None and len(found) < FRAMES:
        code = frame.f_code
        found.append(f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " < ".join(found)
