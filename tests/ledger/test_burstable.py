import random

import pytest

from ledger.burstable import MOST_POINTS, PEAKS, merged, rate_of


@pytest.mark.parametrize(
    ("points", "left_out"),
    [(1, 0), (19, 0), (20, 1), (288, 14), (MOST_POINTS, 446)],
)
def test_the_highest_five_percent_are_left_out(points: int, left_out: int) -> None:
    rates = list(range(points))
    random.Random(1).shuffle(rates)  # noqa: S311 - the same order each time
    peaks = merged([], rates)
    assert rate_of(peaks, peaks, points) == points - 1 - left_out


def test_the_busier_direction_counts() -> None:
    assert rate_of([9, 1], [5, 4], 2) == 9
    assert rate_of([3, 1], [5, 4], 2) == 5


def test_the_peaks_of_days_give_the_percentile_of_the_whole_month() -> None:
    chance = random.Random(7)  # noqa: S311 - the same points each time
    days = [[chance.randrange(10**9) for _ in range(288)] for _ in range(31)]
    peaks: list[int] = []
    for day in days:
        peaks = merged(peaks, day)
    assert len(peaks) == PEAKS
    every = sorted((rate for day in days for rate in day), reverse=True)
    assert rate_of(peaks, peaks, len(every)) == every[len(every) * 5 // 100]


def test_nothing_is_told_of_no_points_or_of_more_than_the_peaks_know() -> None:
    assert rate_of([], [], 0) is None
    many = merged([], range(MOST_POINTS * 2))
    assert rate_of(many, many, MOST_POINTS * 2) is None
    assert rate_of([5], [], 1) is None
