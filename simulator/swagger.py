"""The panel's own description of its calls, as OpenAPI 3."""

from collections.abc import Set
from typing import Any

from dcimanager.endpoints import Dialect


def describe(dialect: Dialect, differing: Set[str] = frozenset()) -> dict[str, Any]:
    """An OpenAPI 3 document of the table of endpoints.

    The endpoints in `differing` are told otherwise: other body keys, or no such path where there is no body.
    """
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in dialect.endpoints.values():
        differs = endpoint.name in differing
        if differs and not endpoint.body:
            continue
        operation: dict[str, Any] = {"summary": endpoint.name, "responses": {"200": {"description": "Done"}}}
        ids = [part.strip("{}") for part in endpoint.path.split("/") if part.startswith("{")]
        if ids:
            operation["parameters"] = [
                {"name": word, "in": "path", "required": True, "schema": {"type": "string"}} for word in ids
            ]
        if endpoint.body:
            keys = [f"{key}_id" if differs else key for key in endpoint.body.values()]
            schema = {"type": "object", "additionalProperties": False, "properties": {key: {} for key in keys}}
            operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        # Two endpoints on one path and method (owner_set, owner_clear) are told once, by the one that differs.
        methods = paths.setdefault(f"/{endpoint.path}", {})
        if endpoint.method.lower() not in methods or differs:
            methods[endpoint.method.lower()] = operation
    return {"openapi": "3.0.3", "info": {"title": "DCI back", "version": "v3"}, "paths": paths}
