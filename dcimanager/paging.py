"""Reads a whole list page by page and proves that the pages add up.

Source: docs/sources.md, panel 5.
"""

import json
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from answers.errors import OverLimit
from dcimanager.errors import AnswerTooLarge

MOST_ROWS = 100_000
"""Rows of a list; the largest data centres that are sold by one panel have some ten thousand servers."""
MOST_PAGES = 1_000
"""Calls for one list: MOST_ROWS in pages of a hundred, which a panel may shorten its pages to."""
SMALLER = 4
"""A page that is too large is asked for in so many parts."""
SMALLEST_PAGE = 25
"""Rows. A page of so few that is still too large has rows that are none of servers: 300,000 bytes each."""
MOST_DIGITS = 9
"""Digits of a list's size."""

Row = dict[str, JsonValue]
Rows = list[Row]
"""Rows of a list that are objects."""


class DoesNotAddUp(Exception):
    """The pages are not one list: it changed while we read it, or the panel does not page as we think."""


class NotAList(Exception):
    """The answer has no `list`, or a `size` that is no number; `answer` is what came instead."""

    def __init__(self, answer: JsonValue) -> None:
        super().__init__("not a list")
        self.answer = answer


async def read_all(
    ask: Callable[[str], Awaitable[JsonValue]],
    page: int,
    *,
    twins: bool = False,
    on_smaller: Callable[[int], None] = lambda _: None,
) -> list[JsonValue]:
    """Every element, asking for `limit` = "offset,count" until `size` elements came, or a page was not full.

    A panel that gives shorter pages than asked for is followed as long as it tells `size`. A page that is too large is
    asked for again in smaller ones, and so are those after it; `on_smaller` is told how long they are. `twins`:
    elements with one id are the panel's own fault and no list that moved, if they stand in one page, or side by side in
    a list that tells its size.
    Raises DoesNotAddUp: an element came twice, `size` changed or was never reached. Raises NotAList; OverLimit;
    AnswerTooLarge: even the smallest page is.
    """
    rows: list[JsonValue] = []
    seen: set[str] = set()
    total: int | None = None
    for _ in range(MOST_PAGES):
        try:
            answer = await ask(f"{len(rows)},{page}")
        except AnswerTooLarge:
            if page // SMALLER < SMALLEST_PAGE:
                raise
            page //= SMALLER
            on_smaller(page)
            continue
        found, size = _page(answer)
        if max(size or 0, len(rows) + len(found)) > MOST_ROWS:
            raise OverLimit(f"it has more than {MOST_ROWS:,} rows")
        if rows and size != total:
            raise DoesNotAddUp(f"the panel counted {total} elements, then {size}")
        total = size
        before = _identity(rows[-1]) if rows and size is not None else None
        here: set[str] = set()
        for row in found:
            identity = _identity(row)
            if identity in seen and not (twins and identity == before):
                raise DoesNotAddUp(f"element {identity[:40]} came twice")
            if identity in here and not twins:
                raise DoesNotAddUp(f"element {identity[:40]} came twice")
            here.add(identity)
        seen |= here
        rows += found
        if size is None:
            if not found or len(found) != page:
                return rows
        elif len(rows) == size:
            return rows
        elif len(rows) > size or not found:
            raise DoesNotAddUp(f"the panel counts {size} elements and gave {len(rows)}")
    raise OverLimit(f"it has more than {MOST_PAGES:,} pages")


def _identity(row: JsonValue) -> str:
    return str(row["id"]) if isinstance(row, dict) and "id" in row else json.dumps(row, sort_keys=True)


def _page(answer: JsonValue) -> tuple[list[JsonValue], int | None]:
    found = answer.get("list") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(found, list):
        raise NotAList(answer)
    size = answer.get("size")
    if size is None:
        return found, None
    if isinstance(size, bool) or not isinstance(size, int | str):
        raise NotAList(answer)
    told = str(size)
    if not told.isascii() or not told.isdecimal() or len(told) > MOST_DIGITS:
        raise NotAList(answer)
    return found, int(told)
