"""WHMCS's includes/api.php over HTTP: form in; JSON, flat keys or text out.

Source: docs/sources.md, WHMCS 13.
"""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from simulator.panel.faults import AnswerDrips, AnswerLost
from simulator.whmcs.model import ApiDenied, SimulatedWhmcs, Unavailable

PATH = "/whmcs/includes/api.php"


def router(whmcs: SimulatedWhmcs) -> APIRouter:
    """The API of one WHMCS. AnswerLost, raised for a lost answer, makes the server or transport send none."""
    routes = APIRouter()

    @routes.post(PATH)
    async def api(request: Request) -> Response:
        form = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
        answer, status = _answer(whmcs, form)
        if whmcs.loses_answer_now(form.get("action", "")):
            raise AnswerLost
        if whmcs.drips_now(form.get("action", "")):
            raise AnswerDrips
        if answer is None:
            return Response("<html><h1>503 Service Unavailable</h1></html>", status, media_type="text/html")
        written = _written(whmcs, answer, status, as_json=form.get("responsetype") == "json")
        hostile = whmcs.hostile_now(form.get("action", ""))
        if hostile is not None:
            body = hostile.body(bytes(written.body))
            return Response(body, status, headers=hostile.headers, media_type="application/json")
        return written

    return routes


def _answer(whmcs: SimulatedWhmcs, form: dict[str, str]) -> tuple[dict[str, Any] | None, int]:
    try:
        return whmcs.handle(form), 200
    except ApiDenied as denial:
        return {"result": "error", "message": denial.message}, denial.status
    except Unavailable:
        return None, 503


def _written(whmcs: SimulatedWhmcs, answer: dict[str, Any], status: int, *, as_json: bool) -> Response:
    if not as_json or (whmcs.text_errors and answer["result"] == "error"):
        text = "".join(f"{key}={'' if value is None else value};" for key, value in _flat(answer))
        return Response(text, status, media_type="text/html")
    body = _with_strings(answer) if whmcs.string_numbers else answer
    return Response(json.dumps(dict(_flat(body)) if whmcs.flat_keys else body), status, media_type="application/json")


def _with_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_strings(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_strings(inner) for inner in value]
    # In Python a truth value is a number too; in WHMCS's JSON it stays one.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The pairs of a nested answer: {"a": {"b": [{"c": 1}]}} gives ("a[b][0][c]", 1)."""
    if not isinstance(value, dict | list):
        yield key, value
        return
    for word, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _flat(inner, f"{key}[{word}]" if key else str(word))
