"""JSON of others, parsed within limits of values, depth and digits; and large answers, looked at beside the event loop.

Source: safety rule 25.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from answers.errors import OverLimit, TooLarge

MOST_VALUES = 1_000_000
"""Three bytes can make a value of seventy bytes of memory. A page of 500 servers has about 150,000 values."""

MOST_DEPTH = 50
"""Levels of lists and objects; those of real panels and of WHMCS have about ten. What walks through them recurses."""

BESIDE_FROM = 200_000
"""Characters from which on an answer is looked at in a thread: below, handing it over takes longer than looking."""

P = ParamSpec("P")
T = TypeVar("T")


def parse_json(text: str) -> Any:
    """What the text holds. Raises OverLimit; ValueError: it is no JSON."""
    openers = text.count("[") + text.count("{")
    if openers + text.count(",") > MOST_VALUES:
        raise TooLarge(f"it has more than {MOST_VALUES:,} values")
    try:
        value = json.loads(text)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # what Python says to a number that it would take too long to read
        raise OverLimit("it has a number of thousands of digits") from None
    if openers > MOST_DEPTH and _is_deeper(value, MOST_DEPTH):
        raise _too_deep()
    return value


async def beside_the_loop(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work on an answer of that many characters; in a thread where it is large, so that other runs go on."""
    if size < BESIDE_FROM:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def _is_deeper(value: Any, levels: int) -> bool:
    """Level by level, not by recursion: the depth is what is in question."""
    level = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _too_deep() -> OverLimit:
    return OverLimit(f"it is nested deeper than {MOST_DEPTH} levels")
