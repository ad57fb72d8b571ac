"""Several calls of a panel at the same time, none of which is left half asked because another one failed."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def all_of(*calls: Awaitable[A]) -> list[A]:
    """Await all, each to its end; the answers in order. Raises what the first in order that failed raised."""
    answers: list[A] = []
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
        answers.append(answer)
    return answers


async def both(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """Await two that answer different things, as `all_of` does."""
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(other, BaseException):
        raise other
    return one, other
