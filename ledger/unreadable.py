"""Rows that cannot be read: those that can are read all the same, and the others are named (safety rule 18)."""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

Key = TypeVar("Key")
Read = TypeVar("Read")


class UnreadableRow(NamedTuple):
    """A row that this version cannot read, and why: somebody changed it, or a newer version wrote it."""

    what: str
    why: str


async def read_each(
    keys: Iterable[Key], read: Callable[[Key], Awaitable[Read | None]], name: Callable[[Key], str]
) -> tuple[list[Read], list[UnreadableRow]]:
    """Read the rows one by one; those that are gone are left out, those that cannot be read are told with the reason.

    One statement for each, so it is for when reading them at once has failed.
    """
    found: list[Read] = []
    odd: list[UnreadableRow] = []
    for key in keys:
        try:
            one = await read(key)
        except ValueError as error:  # a state that is none, JSON that is none, an order that is none
            odd.append(UnreadableRow(name(key), _reason(error)))
        else:
            found += [] if one is None else [one]
    return found, odd


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
