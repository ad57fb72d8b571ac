"""Lists of the panel's API: filtered, ordered, paged and counted.

Source: docs/sources.md, panel 5.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from simulator.http.list_filters import WhereParser, bad_filter, parse_limit, parse_order
from simulator.panel.serializers import Accessor
from simulator.panel.state import PanelState

Row = TypeVar("Row")


def answer_list(
    world: PanelState,
    rows: Iterable[Row],
    query: Mapping[str, str],
    *,
    fields: Mapping[str, Accessor[Row]],
    view: Callable[[Row], dict[str, Any]],
) -> dict[str, Any]:
    """{"list", "size", "last_notify"}; only the rows of the page are shown, so that 10,000 cost little.

    `fields` says how to read what is asked for often; any other name is looked up in the row's view, nested names by
    dots. Raises ApiError 400: the query is invalid.
    """
    found = list(rows)
    accessor = _accessor(fields, view, found[0] if found else None)
    if where := query.get("where", "").strip():
        keep = WhereParser(where, accessor).parse()
        found = [row for row in found if keep(row)]
    name, descending = parse_order(query.get("orderby"))
    try:
        read = accessor(name)
    except KeyError:
        raise bad_filter(f"orderby {name!r}") from None
    keys = [(value is not None, value) for value in map(read, found)]
    try:
        order = sorted(range(len(found)), key=keys.__getitem__, reverse=descending)
    except TypeError:
        raise bad_filter(f"orderby {name!r} has no order") from None
    offset, count = parse_limit(query.get("limit"), world.variants.default_limit)
    page = [view(found[i]) for i in order[offset : offset + count]]
    size = {"size": len(found)} if world.variants.size_in_lists else {}
    return {"list": page, **size, "last_notify": world.changes}


def _accessor(
    fields: Mapping[str, Accessor[Row]], view: Callable[[Row], dict[str, Any]], sample: Row | None
) -> Callable[[str], Accessor[Row]]:
    """How to read a field by its name; a name that the sample does not show is unknown (KeyError)."""

    def find(name: str) -> Accessor[Row]:
        if name in fields:
            return fields[name]
        head, *rest = name.split(".")
        if sample is not None and head not in view(sample):
            raise KeyError(name)

        def read(row: Row) -> Any:
            value: Any = view(row).get(head)
            for part in rest:
                value = value.get(part) if isinstance(value, dict) else None
            return value

        return read

    return find
