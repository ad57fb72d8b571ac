"""Compares our table of endpoints with what a panel says about itself in its Swagger definitions.

Source: docs/sources.md, panel 0.2 and 2: every panel publishes its own truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from dcimanager.endpoints import Endpoint, Mark
from dcimanager.learning.description import Call, service_of, shape_of
from dcimanager.learning.learner import describe
from dcimanager.panel import Panel

SKIPPED_SHOWN = 3
"""Pages without a definition that a note names: the page itself, and where else it was looked for."""


class DialectVerdict(StrEnum):
    """What the panel's definitions say about an entry of our table."""

    CONFIRMED = "CONFIRMED"
    ABSENT = "ABSENT"
    DIFFERS = "DIFFERS"
    UNKNOWN = "UNKNOWN"
    """The definitions do not speak about it, or there are none."""


@dataclass(frozen=True)
class DialectFinding:
    """One entry of our table beside the panel's definitions; `note` says what to mend, "" if nothing."""

    endpoint: str
    verdict: DialectVerdict
    note: str
    mark: Mark


Described: TypeAlias = Mapping[str, Mapping[str, Call]]
"""Path with {} for its places -> method -> call."""


async def compare_with_swagger(panel: Panel) -> list[DialectFinding]:
    """One finding for each entry of the table, in its order; all UNKNOWN where the panel serves no definition.

    Raises WrongCredentials and PanelUnreachable: the panel could not be asked.
    """
    endpoints = list(panel.dialect.endpoints.values())
    description = await describe(panel)
    if not description.definitions:
        why = "; ".join(description.skipped[:SKIPPED_SHOWN])
        note = f"no Swagger definition was found ({why}): correct [swagger] in the table of endpoints"
        return [DialectFinding(endpoint.name, DialectVerdict.UNKNOWN, note, endpoint.mark) for endpoint in endpoints]
    described = _by_path(description.calls)
    return [
        DialectFinding(endpoint.name, DialectVerdict.CONFIRMED, "", endpoint.mark)
        if endpoint.name == "swagger"
        else _compare(endpoint, described)
        for endpoint in endpoints
    ]


def _by_path(calls: Sequence[Call]) -> Described:
    described: dict[str, dict[str, Call]] = {}
    for call in calls:
        described.setdefault(call.shape, {}).setdefault(call.method, call)
    return described


def _compare(endpoint: Endpoint, described: Described) -> DialectFinding:
    def finding(verdict: DialectVerdict, note: str = "") -> DialectFinding:
        return DialectFinding(endpoint.name, verdict, note, endpoint.mark)

    service = service_of(endpoint.path)
    methods = described.get(shape_of(endpoint.path))
    if methods is None:
        # A panel has a definition for each of its services; one of them says nothing about the others.
        if not any(service_of(known) == service for known in described):
            return finding(DialectVerdict.UNKNOWN, f"no definition covers {service}")
        return finding(DialectVerdict.ABSENT, f"there is no {endpoint.path} on this panel: correct [{endpoint.name}]")
    if endpoint.method not in methods:
        known = ", ".join(sorted(methods))
        return finding(DialectVerdict.DIFFERS, f"{endpoint.path} takes {known} on this panel, not {endpoint.method}")
    body = methods[endpoint.method].body
    if body is None:
        return finding(DialectVerdict.CONFIRMED, "its body is not described" if endpoint.body else "")
    ours = set(endpoint.body.values())
    keys = {key.name for key in body}
    faults = []
    if unknown := ours - keys:
        faults.append(f"unknown to the panel: {', '.join(sorted(unknown))}; it knows {', '.join(sorted(keys))}")
    if missing := {key.name for key in body if key.required} - ours:
        faults.append(f"wanted by the panel: {', '.join(sorted(missing))}")
    return finding(DialectVerdict.DIFFERS, "; ".join(faults)) if faults else finding(DialectVerdict.CONFIRMED)
