"""Looks until something is so; and several calls at once, which all run to their end when one fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from runtime.clock import clock
from runtime.errors import StepRefused
from runtime.slots import slot_released

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


async def gather_all(*calls: Awaitable[A]) -> list[A]:
    """Await all calls to their ends; the answers in order. Raises the first error in that order."""
    answers: list[A] = []
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
        answers.append(answer)
    return answers


async def gather_pair(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """Like `gather_all`, for two calls of different types."""
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(other, BaseException):
        raise other
    return one, other


POLL_SECONDS = 5.0
"""Ports, power and addresses change within a minute; the panel's modules ask every 5 s (docs/sources.md, panel 13)."""


async def poll(
    look: Callable[[], Awaitable[T]],
    reached: Callable[[T], bool],
    *,
    within_seconds: float,
    otherwise: str | Callable[[T], str],
) -> T:
    """Look until it is as wanted and return what was seen then. Raises StepRefused with `otherwise`: the time is over.

    `otherwise` is the line, or makes it of what was seen last.
    Only a look that began after the time was over decides: one that an outage held up may have seen what was long ago.
    """
    started = clock().now()
    while True:
        is_last = clock().elapsed(started).total_seconds() >= within_seconds
        seen = await look()
        if reached(seen):
            return seen
        if is_last:
            raise StepRefused(otherwise if isinstance(otherwise, str) else otherwise(seen))
        async with slot_released():
            await clock().sleep(POLL_SECONDS)
