"""JSON schemas of a definition as lists of keys. References are followed; circles and gaps end where they begin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jsonref import JsonRefError

DEEPEST = 8
"""Schemas that are put together from one another are followed this far; bodies of the panel are flat."""
DEEPEST_ANSWER = 4
"""Levels of an answer that are looked at: list, element, its operation, the operation's status."""
MOST_KEYS = 600
"""Keys of one body or answer that are looked at; a server's row has about one hundred."""


@dataclass(frozen=True)
class Property:
    """One key of a body, an answer, a path or a query. `type` is "" where it is not said."""

    name: str
    type: str = ""
    required: bool = False
    nullable: bool = False
    enum: tuple[str, ...] = ()
    description: str = ""

    def told(self, description: str) -> "Property":
        """The same with this description, if there is any."""
        return replace(self, description=description) if description else self


def as_object(value: Any) -> Mapping[str, Any]:
    """The object itself; {} for anything else, and for a reference that leads nowhere or in circles."""
    try:
        return value if isinstance(value, Mapping) else {}
    except (JsonRefError, RecursionError):
        return {}


def items_of(value: Any) -> list[Any]:
    """The list itself, [] for anything else."""
    try:
        return list(value) if isinstance(value, list) else []
    except (JsonRefError, RecursionError):
        return []


def as_text(value: Any) -> str:
    """A text on one line, "" for anything else."""
    try:
        return " ".join(value.split()) if isinstance(value, str) else ""
    except (JsonRefError, RecursionError):
        return ""


def properties_of(schema: Any, *, inner: bool = False) -> tuple[Property, ...]:
    """The keys of an object's schema. `inner`: also those of the objects and lists in it, under dotted names."""
    found: dict[str, Property] = {}
    _collect(schema, "", DEEPEST_ANSWER if inner else 1, found)
    return tuple(found.values())


def _collect(schema: Any, before: str, depth: int, found: dict[str, Property]) -> None:
    if depth == 0 or len(found) >= MOST_KEYS:
        return
    for part in _parts(schema, DEEPEST):
        required = {str(key) for key in items_of(part.get("required"))}
        for key, inner in as_object(part.get("properties")).items():
            name = f"{before}.{key}" if before else key
            told = property_of(name, as_object(inner), required=key in required)
            known = found.get(name)
            if known is None or (known.type, known.enum) == ("", ()):
                found[name] = replace(told, required=told.required or (known is not None and known.required))
            elif told.required:
                found[name] = replace(known, required=True)
            _collect(inner, name, depth - 1, found)
        for key in required:
            # A key may be required in one part and described in another, or nowhere.
            name = f"{before}.{key}" if before else key
            found[name] = replace(found.get(name, Property(name)), required=True)
        if "items" in part:
            _collect(part["items"], f"{before}[]", depth - 1 if before else depth, found)


def property_of(name: str, schema: Mapping[str, Any], *, required: bool = False) -> Property:
    """One key by its schema, put together from all its parts."""
    kind, nullable, described = "", False, ""
    enum: tuple[str, ...] = ()
    for part in _parts(schema, DEEPEST):
        kinds = [as_text(one) for one in items_of(part.get("type"))] or [as_text(part.get("type"))]
        nullable |= part.get("nullable") is True or part.get("x-nullable") is True or "null" in kinds
        kind = kind or next((one for one in kinds if one not in ("", "null")), "")
        kind = kind or ("object" if "properties" in part else "array" if "items" in part else "")
        values = items_of(part.get("enum")) or ([part["const"]] if "const" in part else [])
        nullable |= None in values
        enum = enum or tuple(
            str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool)
        )
        described = described or as_text(part.get("description")) or as_text(part.get("title"))
    return Property(name, kind, required, nullable, enum, described)


def _parts(schema: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """The schema and everything that it is put together from."""
    if depth == 0:
        return
    part = as_object(schema)
    if part:
        yield part
    for inner in items_of(part.get("allOf")):
        yield from _parts(inner, depth - 1)
    for inner in (*items_of(part.get("oneOf")), *items_of(part.get("anyOf"))):
        # What one of several choices requires is not required of the body.
        yield from ({**choice, "required": []} for choice in _parts(inner, depth - 1))
