"""Rows as a panel lists them with which nothing is wrong, and what a survey finds in changed ones."""

from typing import Any

from pydantic import JsonValue

from dcimanager.endpoints import Dialect, load_dialect
from dcimanager.survey import survey_rows
from dcimanager.survey_findings import WHAT, FindingKind, Survey, SurveyedList, SurveyFinding

Row = dict[str, Any]


def port(number: int, **changes: JsonValue) -> Row:
    """A network port that only one server has."""
    return {
        "id": number, "switch": 18, "switch_name": "sw-18", "description": f"ge-0/0/{number}", "admin_status": "up",
        "is_ipmi_connection": False, "mac": f"00:16:3e:00:{number // 256:02x}:{number % 256:02x}", **changes,
    }  # fmt: skip


def server(number: int, **changes: Any) -> Row:
    """A server with which nothing is wrong."""
    return {
        "id": number, "name": f"srv-{number}", "domain": "free.example.com", "configuration": "E-2146G-64Gb",
        "location_id": 3, "owner_email": None, "is_new": False, "is_protected": False, "in_maintenance": False,
        "state": "active", "power_status": "off", "os_template": None, "rack": None, "serial": f"SN-{number}",
        "macs": [f"00:16:3e:00:{number // 256:02x}:{number % 256:02x}"], "barcode": f"A{number}",
        "operation": {
            "id": 900 + number, "status": "ok", "type": "diag", "status_info": {},
            "progress_info": [{"name": "boot", "status": "ok"}],
        },
        "ip": [
            {
                "id": number, "name": "192.0.2.5", "family": "ipv4", "gateway": "192.0.2.1", "status": "allocated",
                "ippool": 1,
            }
        ],
        "switch_connection": [port(number)],
        "pdu_connection": {"port_id": 5, "power_status": "on"},
        **changes,
    }  # fmt: skip


def template(number: int, name: str, location: int | None, **changes: Any) -> Row:
    return {
        "id": number, "name": name, "location_id": location, "tags": ["linux"], "type": "os", "admin_only": False,
        **changes,
    }  # fmt: skip


USERS: list[JsonValue] = [{"id": 1, "email": "admin@panel.example", "roles": ["@admin"]}]
POOLS: list[JsonValue] = [{"id": 1, "name": "public-v4", "ipv4": {"total": 5, "used": 4}}]
LOCATIONS: list[JsonValue] = [{"id": 3, "name": "Riga"}, {"id": 4, "name": "Vilnius"}]
TEMPLATES: list[JsonValue] = [template(1, "Debian-12", 3), template(2, "Debian-12", 4), template(3, "Any", None)]


def survey(*servers: Any, dialect: Dialect | None = None, **lists: list[Any]) -> Survey:
    rows = {
        SurveyedList.SERVERS: list(servers),
        SurveyedList.USERS: lists.get("users", USERS),
        SurveyedList.TEMPLATES: lists.get("templates", TEMPLATES),
        SurveyedList.POOLS: lists.get("pools", POOLS),
        SurveyedList.LOCATIONS: lists.get("locations", LOCATIONS),
    }
    found, _ = survey_rows(rows, dialect or load_dialect())
    return found


def only(found: Survey) -> SurveyFinding:
    """The one thing that was found."""
    assert (found.words, found.fields) == ([], [])
    [finding] = found.findings
    assert finding.what == WHAT[finding.kind]
    return finding


def of_kind(found: Survey, kind: FindingKind) -> SurveyFinding:
    return next(one for one in found.findings if one.kind is kind)
