"""Which IPv4 addresses a name leads to, asked of this machine's resolver; a test can put another one in its place."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from runtime.errors import StepRefused

LOOKUP_SECONDS = 5.0
"""A resolver that works answers within a second; the client is waiting."""

LOOKUPS_AT_ONCE = 4
"""The library's call cannot be cancelled: those that hang hold up each other and nothing else."""

MOST_ANSWERS = 64
"""Addresses of one name that are looked at (safety rule 25)."""

Resolve = Callable[[str], Awaitable[frozenset[str]]]

_threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="resolver")


def _look_up(name: str) -> frozenset[str]:
    try:
        # The dot ends the name: no search domain of this machine is put behind it.
        found = socket.getaddrinfo(f"{name}.", None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return frozenset()
    return frozenset(str(entry[4][0]) for entry in found[:MOST_ANSWERS])


async def ask_this_machine(name: str) -> frozenset[str]:
    """The name's IPv4 addresses; none: nobody knows the name. Raises StepRefused: no answer in time."""
    asked = asyncio.get_running_loop().run_in_executor(_threads, _look_up, name)
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            return await asked
    except TimeoutError:
        raise StepRefused(
            f"No resolver said within {LOOKUP_SECONDS:.0f} seconds where the name leads. Ask again."
        ) from None


_resolve: Resolve = ask_this_machine


def set_resolver(resolve: Resolve) -> None:
    """Ask this from now on."""
    global _resolve
    _resolve = resolve


async def addresses_of(name: str) -> frozenset[str]:
    """The name's IPv4 addresses, at most MOST_ANSWERS; none: nobody knows the name.

    Raises StepRefused: no answer in time.
    """
    return await _resolve(name)
