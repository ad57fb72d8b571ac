"""Compares our table of endpoints with what a panel says about itself in its Swagger document.

Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 0.2 and 2: every panel publishes its own truth.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from dcimanager.endpoints import Endpoint, Mark
from dcimanager.errors import Refused, Surprise, WrongCredentials
from dcimanager.panel import Panel
from dcimanager.swagger import Described, describe


class Verdict(StrEnum):
    """What the panel's document says about an entry of our table."""

    CONFIRMED = "CONFIRMED"
    ABSENT = "ABSENT"
    DIFFERS = "DIFFERS"
    UNKNOWN = "UNKNOWN"
    """The document does not speak about it, or there is no document."""


@dataclass(frozen=True)
class Finding:
    """One entry of our table beside the panel's document; `note` says what to mend, "" if nothing."""

    endpoint: str
    verdict: Verdict
    note: str
    mark: Mark


async def compare_with_swagger(panel: Panel) -> list[Finding]:
    """One finding for each entry of the table, in its order; all UNKNOWN where the panel serves no document.

    Raises WrongCredentials and Unreachable: there was nobody to ask.
    """
    endpoints = list(panel.dialect.endpoints.values())
    own = panel.dialect["swagger"]
    try:
        described = describe(await panel.transport.request("swagger"), default_service=_service(own.path))
        note = "the answer is not a Swagger document: correct [swagger] in the table of endpoints"
    except WrongCredentials:
        raise
    except (Refused, Surprise) as error:
        described = None
        note = f"the panel serves no Swagger document at {own.path} ({error.message})"
    if described is None:
        return [Finding(endpoint.name, Verdict.UNKNOWN, note, endpoint.mark) for endpoint in endpoints]
    return [
        Finding(endpoint.name, Verdict.CONFIRMED, "", endpoint.mark)
        if endpoint.name == own.name
        else _compare(endpoint, described)
        for endpoint in endpoints
    ]


def _compare(endpoint: Endpoint, described: Described) -> Finding:
    def finding(verdict: Verdict, note: str = "") -> Finding:
        return Finding(endpoint.name, verdict, note, endpoint.mark)

    service = _service(endpoint.path)
    path = re.sub(r"\{[^}]*\}", "{}", endpoint.path)
    methods = described.get(path)
    if methods is None:
        # A panel has a document for each of its services; one of them says nothing about the others.
        if not any(_service(known) == service for known in described):
            return finding(Verdict.UNKNOWN, f"this document does not cover {service}")
        return finding(Verdict.ABSENT, f"there is no {endpoint.path} on this panel: correct [{endpoint.name}]")
    if endpoint.method not in methods:
        known = ", ".join(sorted(methods))
        return finding(Verdict.DIFFERS, f"{endpoint.path} takes {known} on this panel, not {endpoint.method}")
    body = methods[endpoint.method]
    if body is None:
        return finding(Verdict.CONFIRMED, "its body is not described" if endpoint.body else "")
    ours = set(endpoint.body.values())
    faults = []
    if unknown := ours - body.keys:
        faults.append(f"unknown to the panel: {', '.join(sorted(unknown))}; it knows {', '.join(sorted(body.keys))}")
    if missing := body.required - ours:
        faults.append(f"wanted by the panel: {', '.join(sorted(missing))}")
    return finding(Verdict.DIFFERS, "; ".join(faults)) if faults else finding(Verdict.CONFIRMED)


def _service(path: JsonValue) -> str:
    """The service that a path belongs to ("dci/v3")."""
    return "/".join(str(path).split("/")[:2])
