"""Lists of the panel, read row by row: a row that cannot be read is named and left out, every other one is there.

Source: safety rule 18.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import JsonValue

from dcimanager.endpoints import Dialect
from dcimanager.errors import UnexpectedPanelResponse, one_line
from dcimanager.paging import Row
from dcimanager.parsing import PanelDataT, read

READ_AT_ONCE = 50
"""Rows read before the event loop gets a turn: one takes up to a millisecond, and a panel may have ten thousand."""

NAMED = 3
"""Odd rows that a line for people names; the rest is a number."""

T = TypeVar("T")


@dataclass(frozen=True)
class OddRow:
    """A row that cannot be read. `id` is None where the row tells none; `place` counts from 1."""

    id: int | None
    place: int
    why: str

    def named(self, noun: str) -> str:
        """The row as people look for it, and what is wrong with it."""
        return f"{noun} {self.id}: {self.why}" if self.id is not None else f"row {self.place} of the list: {self.why}"


class Listing(list[T]):
    """The rows of a list that can be read, and those that cannot: these are never free, ended, proved or absent."""

    def __init__(self, rows: Iterable[T] = (), odd: Sequence[OddRow] = ()) -> None:
        super().__init__(rows)
        self.odd = tuple(odd)


def named_rows(odd: Collection[OddRow], noun: str) -> str:
    """The odd rows for a line that people read: the first few, and how many more there are."""
    shown = "; ".join(one.named(noun) for one in list(odd)[:NAMED])
    return f"{shown}; and {len(odd) - NAMED} more" if len(odd) > NAMED else shown


async def read_each(
    rows: Sequence[JsonValue],
    shape: type[PanelDataT],
    dialect: Dialect,
    name: str,
    *,
    read_row: Callable[[Row, Dialect, str], PanelDataT] | None = None,
) -> Listing[PanelDataT]:
    """Every row of the endpoint's list as that model. Rows that share an id are odd, all of them: which one holds?"""
    twice = repeated_ids(rows)
    found: list[PanelDataT] = []
    odd = []
    for place, row in enumerate(rows, 1):
        if place % READ_AT_ONCE == 0:
            await asyncio.sleep(0)
        number = number_of(row)
        try:
            if not isinstance(row, dict):
                raise ValueError("it is no object")
            if str(row.get("id")) in twice:
                raise ValueError("its id comes twice in the list")
            found.append(read(shape, row, dialect, name) if read_row is None else read_row(row, dialect, name))
        except UnexpectedPanelResponse as error:
            odd.append(OddRow(number, place, _short(error.message)))
        except Exception as error:  # a row can hold anything, and must not stop the reading of all others
            why = str(error) if type(error) is ValueError else type(error).__name__
            odd.append(OddRow(number, place, _short(why)))
    return Listing(found, odd)


def repeated_ids(rows: Iterable[JsonValue]) -> frozenset[str]:
    """The ids, as texts, that more than one row of the list has."""
    counted = Counter(str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id") is not None)
    return frozenset(number for number, times in counted.items() if times > 1)


def number_of(row: JsonValue) -> int | None:
    """The row's id, where it tells one that can be looked up."""
    told = str(row.get("id")) if isinstance(row, dict) else ""
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 19 else None


def _short(why: str) -> str:
    return one_line(why.removesuffix(": look at it on the panel."), longest=160)
