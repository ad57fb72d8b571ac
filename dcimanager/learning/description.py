"""Reads definitions (OpenAPI 3, Swagger 2) into one form, `Call`, however sloppy they are.

Source: docs/sources.md, panel 2 and 18.5.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jsonref
from pydantic import JsonValue

from dcimanager.learning.discovery import Definition, Discovered
from dcimanager.learning.schemas import Property, as_object, as_text, items_of, properties_of, property_of

METHODS = ("get", "post", "put", "patch", "delete")
MOST_CALLS = 5_000
"""Calls that are read in all; a whole platform has about one thousand."""
PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9._~@:,;=+$!*'()-]|\{\}|/)+")


@dataclass(frozen=True)
class Call:
    """One call as the panel describes it.

    `path` is below the panel's address, without /api, with the panel's own names in braces. `body` and `answer` are
    None where they are not described; the names in `answer` are dotted ("operation.status", "ip[].family").
    `placed`: the definition says where its paths begin, or the path itself names service and version.
    """

    definition: str
    method: str
    path: str
    parameters: tuple[Property, ...] = ()
    query: tuple[Property, ...] = ()
    body: tuple[Property, ...] | None = None
    answer: tuple[Property, ...] | None = None
    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    operation_id: str = ""
    consumes: tuple[str, ...] = ()
    deprecated: bool = False
    placed: bool = True

    @property
    def service(self) -> str:
        """The service that it belongs to ("dci/v3")."""
        return service_of(self.path)

    @property
    def shape(self) -> str:
        """The path with {} for each of its places."""
        return shape_of(self.path)

    @property
    def title(self) -> str:
        """Method and path as one text."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Description:
    """All calls of a panel, the names of the definitions that they are from, and what was left aside, why."""

    calls: tuple[Call, ...]
    definitions: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def service_of(path: str) -> str:
    """The service that a path belongs to ("dci/v3")."""
    return "/".join(path.split("/")[:2])


def shape_of(path: str) -> str:
    """A path with {} for each of its places, whatever they are called."""
    return re.sub(r"\{[^{}]*\}", "{}", path)


def read_description(discovered: Discovered) -> Description:
    """All calls of all definitions. Never raises: what cannot be read is named in `skipped`."""
    calls: dict[tuple[str, str], Call] = {}
    skipped = list(discovered.skipped)
    for definition in discovered.definitions:
        try:
            for call in _Reader(definition, discovered.files, skipped).calls():
                if len(calls) >= MOST_CALLS:
                    skipped.append(f"{definition.address}: more than {MOST_CALLS} calls")
                    break
                calls.setdefault((call.method, call.path), call)
        except RecursionError:
            skipped.append(f"{definition.address}: its references go in circles")
    names = tuple(f"{one.name} ({one.address})" if one.name else one.address for one in discovered.definitions)
    return Description(tuple(calls.values()), names, tuple(dict.fromkeys(skipped)))


class _Reader:
    def __init__(self, definition: Definition, files: Mapping[str, JsonValue], skipped: list[str]) -> None:
        self._definition = definition
        self._skipped = skipped

        def load(address: str) -> JsonValue:
            if address not in files:
                raise KeyError(address)
            return files[address]

        self._document: Mapping[str, Any] = as_object(
            jsonref.replace_refs(definition.document, base_uri=definition.address, loader=load)
        )

    def calls(self) -> Iterator[Call]:
        for path, item in as_object(self._document.get("paths")).items():
            described = as_object(item)
            if not described:
                self._skipped.append(f"{self._definition.address}: nothing is said of {path}")
            for method in METHODS:
                if method not in described:
                    continue
                call = as_object(described[method])
                if not call:
                    self._skipped.append(f"{self._definition.address}: nothing is said of {method.upper()} {path}")
                made = self._call(path, method, described, call)
                if PLAIN_PATH.fullmatch(made.shape) and ".." not in made.shape.split("/"):
                    yield made
                else:
                    self._skipped.append(f"{self._definition.address}: {path} is no path that can be asked for")

    def _call(self, path: str, method: str, item: Mapping[str, Any], call: Mapping[str, Any]) -> Call:
        whole, placed = self._place(path, item, call)
        given: dict[tuple[str, str], Mapping[str, Any]] = {}
        for one in (*items_of(item.get("parameters")), *items_of(call.get("parameters"))):
            parameter = as_object(one)
            given[as_text(parameter.get("name")), as_text(parameter.get("in"))] = parameter
        body, consumes = self._body(call, list(given.values()))
        return Call(
            definition=self._definition.name or self._definition.address,
            method=method.upper(),
            path=whole,
            parameters=_parameters(given.values(), "path"),
            query=_parameters(given.values(), "query"),
            body=body,
            answer=_answer(call),
            summary=as_text(call.get("summary")) or as_text(item.get("summary")),
            description=as_text(call.get("description")) or as_text(item.get("description")),
            tags=tuple(as_text(as_object(tag).get("name")) or as_text(tag) for tag in items_of(call.get("tags"))),
            operation_id=as_text(call.get("operationId")),
            consumes=consumes,
            deprecated=call.get("deprecated") is True or call.get("x-deprecated") is True,
            placed=placed,
        )

    def _place(self, path: str, item: Mapping[str, Any], call: Mapping[str, Any]) -> tuple[str, bool]:
        """The path below the panel's address, and whether it is said where it begins."""
        base = self._document.get("basePath")
        for level in (self._document, item, call):
            for server in items_of(level.get("servers"))[:1]:
                base = _server_url(as_object(server))
        said = isinstance(base, str)
        prefix = base if isinstance(base, str) else ""
        if "://" in prefix or prefix.startswith("//"):
            prefix = urlsplit(prefix).path
        elif prefix and not prefix.startswith("/"):
            prefix = _beside(self._definition.address, prefix)
        parts = [part for part in f"{prefix}/{path}".split("/") if part]
        if parts[:1] == ["api"]:
            parts = parts[1:]
        versioned = any(re.fullmatch(r"v\d+", part) for part in parts[:3])
        if not versioned:
            own = [part for part in urlsplit(self._definition.address).path.split("/") if part]
            own = own[1:] if own[:1] == ["api"] else own
            # A definition that lies at dci/v3/... and says only /server/{id} speaks of dci/v3/server/{id}.
            if len(own) > 2 and re.fullmatch(r"v\d+", own[1]) and not _names(parts, own[0]):
                return "/".join([*own[:2], *parts]), True
        return "/".join(parts), said or versioned

    def _body(
        self, call: Mapping[str, Any], given: list[Mapping[str, Any]]
    ) -> tuple[tuple[Property, ...] | None, tuple[str, ...]]:
        """The body's keys, None if they are not described, and the forms that the call takes them in."""
        contents = as_object(as_object(call.get("requestBody")).get("content"))
        consumes = list(contents)
        schema: Any = None
        if contents:
            chosen = next((kind for kind in contents if "json" in kind.lower()), consumes[0])
            schema = as_object(contents[chosen]).get("schema")
        for parameter in given:
            if parameter.get("in") == "body":
                schema = parameter.get("schema")
        form = [one for one in given if one.get("in") == "formData"]
        if not contents and (schema is not None or form):
            consumes = [as_text(one) for one in items_of(call.get("consumes") or self._document.get("consumes"))]
        if form and schema is None:
            return _parameters(form, "formData"), tuple(consumes or ["application/x-www-form-urlencoded"])
        return properties_of(schema) or None, tuple(consumes)


def _names(parts: list[str], service: str) -> bool:
    return parts[:1] == [service]


def _server_url(server: Mapping[str, Any]) -> str | None:
    url = server.get("url")
    if not isinstance(url, str):
        return None
    for name, variable in as_object(server.get("variables")).items():
        url = url.replace(f"{{{name}}}", as_text(as_object(variable).get("default")))
    return url


def _beside(address: str, target: str) -> str:
    """A relative base as a path: "./" and "../" are read from the definition's own place."""
    folders = urlsplit(address).path.split("/")[1:-1] if target.startswith(".") else []
    for part in target.split("/"):
        if part == "..":
            folders = folders[:-1]
        elif part not in ("", "."):
            folders.append(part)
    return "/" + "/".join(folders)


def _parameters(given: Any, place: str) -> tuple[Property, ...]:
    found = []
    for parameter in given:
        name = as_text(parameter.get("name"))
        if parameter.get("in") == place and name:
            schema = as_object(parameter.get("schema")) or parameter
            made = property_of(name, schema, required=parameter.get("required") is True)
            found.append(made.told(as_text(parameter.get("description"))))
    return tuple(found)


def _answer(call: Mapping[str, Any]) -> tuple[Property, ...] | None:
    for status, response in sorted(as_object(call.get("responses")).items()):
        if not (status.startswith("2") or status == "default"):
            continue
        told = as_object(response)
        contents = as_object(told.get("content"))
        kind = next((kind for kind in contents if "json" in kind.lower()), next(iter(contents), None))
        schema = told.get("schema") if kind is None else as_object(contents[kind]).get("schema")
        found = properties_of(schema, inner=True)
        if found:
            return found
    return None
