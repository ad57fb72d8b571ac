"""What is an ordinary day's number of deletions, as the ledger recorded the last weeks; more is a burst (rule 7)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

DAY = timedelta(days=1)

LOOKS_BACK = timedelta(weeks=14)
"""Deletions gather on a day of the month, and one such day may be quiet by chance: three of them are among these."""

SETTLES = timedelta(weeks=1)
"""The last week is no measure yet: who deletes three times as many each day would soon have made that ordinary."""

FLEET_SHARE = 0.01
"""A hundredth of the servers in a day is no burst: it is what a third of the servers in a month would be."""


NEW_FLEET = 0.75
"""So much of the day's cap where no ordinary day is known: a month's deletions may come the day after an adoption."""


def busiest_day(begun: Sequence[datetime], now: datetime) -> int:
    """The most deletions in any 24 hours of LOOKS_BACK, the last week (SETTLES) left out."""
    past = sorted(at for at in begun if now - LOOKS_BACK < at <= now - SETTLES)
    most = first = 0
    for last, at in enumerate(past):
        while at - past[first] >= DAY:
            first += 1
        most = max(most, last - first + 1)
    return most


def ordinary_day(*, busiest: int, times: float, at_least: int, fleet: int, days_cap: int, is_known: bool) -> int:
    """How many deletions in 24 hours are no burst yet.

    `times` the busiest day; never less than `at_least` and a share of the fleet. Of a fleet that the ledger does not
    know for LOOKS_BACK yet, as when it was just adopted, nobody knows an ordinary day: NEW_FLEET of the day's cap.
    """
    floor = max(at_least, int(FLEET_SHARE * fleet))
    if not is_known:
        floor = max(floor, int(NEW_FLEET * days_cap))
    return max(floor, int(times * busiest))
