"""Reads Swagger 2 and OpenAPI 3 documents as far as we need them: paths, methods, and the keys of JSON bodies."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from pydantic import JsonValue

_METHODS = ("get", "post", "put", "patch", "delete")
_DEEPEST = 8
"""Schemas that refer to one another are followed this far; bodies of the panel are flat."""


@dataclass(frozen=True)
class Body:
    """The keys that a JSON body may have, and those it must have."""

    keys: frozenset[str]
    required: frozenset[str]


Described: TypeAlias = dict[str, dict[str, Body | None]]
"""Path (below the panel's address, without /api, parameters as {}) -> method -> its body, None if not described."""


def describe(document: JsonValue, default_service: str) -> Described | None:
    """What a document says about its calls, None if it is not a Swagger document.

    Paths come with or without /api, a base path, or the service ("dci/v3"), which is then `default_service`.
    """
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        return None
    base = _base(document)
    described: Described = {}
    for path, item in _object(document["paths"]).items():
        calls = _object(item)
        methods = {
            method.upper(): _body(document, _object(calls[method]), calls) for method in _METHODS if method in calls
        }
        described[_normal(base, path, default_service)] = methods
    return described


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _base(document: Mapping[str, JsonValue]) -> str:
    base = document.get("basePath")
    for server in _items(document.get("servers"))[:1]:
        base = _object(server).get("url")
    return urlsplit(base).path if isinstance(base, str) else ""


def _normal(base: str, path: str, default_service: str) -> str:
    parts = [part for part in f"{base}/{path}".split("/") if part]
    if parts[:1] == ["api"]:
        parts = parts[1:]
    if len(parts) < 2 or not re.fullmatch(r"v\d+", parts[1]):
        parts = [default_service, *parts]
    return re.sub(r"\{[^}]*\}", "{}", "/".join(parts))


def _body(
    document: Mapping[str, JsonValue], call: Mapping[str, JsonValue], item: Mapping[str, JsonValue]
) -> Body | None:
    schemas = [
        _object(content).get("schema")
        for content in _object(_resolved(document, call.get("requestBody")).get("content")).values()
    ]
    for given in (*_items(item.get("parameters")), *_items(call.get("parameters"))):
        parameter = _resolved(document, given)
        if parameter.get("in") == "body":
            schemas.append(parameter.get("schema"))
    keys: set[str] = set()
    required: set[str] = set()
    for schema in schemas:
        for part in _parts(document, schema, _DEEPEST):
            keys |= _object(part.get("properties")).keys()
            required |= {key for key in _items(part.get("required")) if isinstance(key, str)}
    return Body(frozenset(keys), frozenset(required)) if keys else None


def _parts(document: Mapping[str, JsonValue], schema: JsonValue, depth: int) -> Iterator[Mapping[str, JsonValue]]:
    """The schema and everything that it is put together from."""
    if depth == 0:
        return
    part = _resolved(document, schema)
    yield part
    for inner in _items(part.get("allOf")):
        yield from _parts(document, inner, depth - 1)
    for inner in (*_items(part.get("oneOf")), *_items(part.get("anyOf"))):
        # What one of several choices requires is not required of the body.
        yield from ({**choice, "required": []} for choice in _parts(document, inner, depth - 1))


def _resolved(document: Mapping[str, JsonValue], value: JsonValue) -> Mapping[str, JsonValue]:
    """The object itself, references within the document followed."""
    for _ in range(_DEEPEST):
        target = _object(value).get("$ref")
        if not isinstance(target, str) or not target.startswith("#/"):
            break
        value = dict(document)
        for step in target[2:].split("/"):
            value = _object(value).get(step.replace("~1", "/").replace("~0", "~"))
    return _object(value)
