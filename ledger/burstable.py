"""The 95th percentile of a server's load: the highest five percent of its points are left out.

A month has too many points to keep: only the highest of them decide, and those are kept.
Source: docs/sources.md, panel 14.
"""

from collections.abc import Sequence
from heapq import nlargest

PERCENT_LEFT_OUT = 5
MOST_POINTS = 31 * 24 * 12
"""A month of 31 days with a point each five minutes."""
PEAKS = MOST_POINTS * PERCENT_LEFT_OUT // 100 + 1
"""So many of the highest points tell the percentile of any month."""


def merged(peaks: Sequence[int], rates: Sequence[int]) -> list[int]:
    """The highest of both, the highest first; no more than are needed."""
    return nlargest(PEAKS, [*peaks, *rates])


def rate_of(peaks_in: Sequence[int], peaks_out: Sequence[int], points: int) -> int | None:
    """The 95th percentile of the busier direction; None: there are no points, or more than the peaks can tell of.

    `points`: how many each direction has. The peaks are those of `merged`.
    """
    left_out = points * PERCENT_LEFT_OUT // 100
    if not points or left_out >= min(len(peaks_in), len(peaks_out)):
        return None
    return max(peaks_in[left_out], peaks_out[left_out])
