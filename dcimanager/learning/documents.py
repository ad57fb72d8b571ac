"""Texts that a panel serves, as data: JSON or YAML, bounded, whatever is in them (safety rule 25)."""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import JsonValue

DEEPEST = 60
"""Levels of a document; those of real panels have about fifteen."""
MOST_VALUES = 400_000
"""Values in a document. A YAML file of one page can stand for more of them than any memory holds."""


class NoDocument(ValueError):
    """A text is neither JSON nor YAML, or is too large to be looked at; the text says which."""


class _Yaml(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as browsers read it (1.2): `on`, `off`, `yes` and dates are words, which enums are full of."""


_Yaml.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":timestamp", ":value"))]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def parse_document(text: str) -> dict[str, JsonValue]:
    """The object that a JSON or YAML text holds. Raises NoDocument."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise NoDocument("nested too deeply") from None
    except ValueError:
        found = _from_yaml(text)
    if not isinstance(found, dict):
        raise NoDocument("neither JSON nor YAML with an object in it")
    return {str(key): value for key, value in _bounded(found).items()}


def _from_yaml(text: str) -> Any:
    if text.lstrip().startswith("<"):
        raise NoDocument("a page, not a document")
    try:
        # A safe loader, with fewer words that mean something.
        return yaml.load(text, Loader=_Yaml)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError, TypeError):
        raise NoDocument("neither JSON nor YAML") from None


def _bounded(found: Mapping[Any, Any]) -> dict[str, Any]:
    """A copy that holds JSON only. Raises NoDocument: too deep, or too many values."""
    left = MOST_VALUES

    def copied(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise NoDocument(f"more than {MOST_VALUES:,} values")
        if depth > DEEPEST:
            raise NoDocument(f"nested deeper than {DEEPEST} levels")
        if isinstance(value, dict):
            return {str(key): copied(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [copied(inner, depth + 1) for inner in value]
        return value if value is None or isinstance(value, str | int | float | bool) else str(value)

    made: dict[str, Any] = copied(found, 0)
    return made
