"""Figures of what was measured: percentiles and ratios."""

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: int) -> float:
    """The percentile, between two values where it falls between them."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def p50(values: Sequence[float]) -> float:
    """The median."""
    return percentile(values, 50)


def p95(values: Sequence[float]) -> float:
    """What 19 of 20 stay below."""
    return percentile(values, 95)
