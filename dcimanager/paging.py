"""Reads a whole list page by page and proves that the pages add up.

Source: dossier "HTTP API of ISPsystem DCImanager 6", section 5.
"""

import json
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

Row = dict[str, JsonValue]
Rows = list[Row]


class DoesNotAddUp(Exception):
    """The pages are not one list: it changed while we read it, or the panel does not page as we think."""


class NotAList(Exception):
    """The answer has no `list` of objects, or a `size` that is no number; `answer` is what came instead."""

    def __init__(self, answer: JsonValue) -> None:
        super().__init__("not a list")
        self.answer = answer


async def read_all(ask: Callable[[str], Awaitable[JsonValue]], page: int) -> Rows:
    """Every element, asking for `limit` = "offset,count" until `size` elements came, or a page was not full.

    A panel that gives shorter pages than asked for is followed as long as it tells `size`.
    Raises DoesNotAddUp: an element came twice, `size` changed or was never reached. Raises NotAList.
    """
    rows: Rows = []
    seen: set[str] = set()
    total: int | None = None
    while True:
        found, size = _page(await ask(f"{len(rows)},{page}"))
        if rows and size != total:
            raise DoesNotAddUp(f"the panel counted {total} elements, then {size}")
        total = size
        for row in found:
            identity = str(row["id"]) if "id" in row else json.dumps(row, sort_keys=True)
            if identity in seen:
                raise DoesNotAddUp(f"element {identity[:40]} came twice")
            seen.add(identity)
        rows += found
        if size is None:
            if not found or len(found) != page:
                return rows
        elif len(rows) == size:
            return rows
        elif len(rows) > size or not found:
            raise DoesNotAddUp(f"the panel counts {size} elements and gave {len(rows)}")


def _page(answer: JsonValue) -> tuple[Rows, int | None]:
    found = answer.get("list") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(found, list):
        raise NotAList(answer)
    rows = [row for row in found if isinstance(row, dict)]
    if len(rows) != len(found):
        raise NotAList(answer)
    size = answer.get("size")
    if size is None:
        return rows, None
    if isinstance(size, bool) or not isinstance(size, int | str) or not str(size).isdecimal():
        raise NotAList(answer)
    return rows, int(size)
