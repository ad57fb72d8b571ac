"""Simulated time: whatever takes minutes on a real panel takes minutes of this clock."""

import time
from typing import Protocol


class SimClock(Protocol):
    """Something that tells the simulated time."""

    def now(self) -> float:
        """Simulated seconds since the epoch (or since zero, for a clock that is set by hand)."""
        ...


class RealClock:
    """A clock that runs by itself, `speed` simulated seconds for each real one."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"The clock's speed must be above zero, not {speed}.")
        self.speed = speed
        self._start = time.time()
        self._origin = time.monotonic()

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self._start + (time.monotonic() - self._origin) * self.speed


class ManualClock:
    """A clock that stands still until somebody moves it."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Simulated seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on by so many simulated seconds. Raises ValueError: time does not run backwards."""
        if seconds < 0:
            raise ValueError(f"The clock cannot go back {-seconds} seconds.")
        self._now += seconds
