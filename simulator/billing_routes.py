"""WHMCS's includes/api.php over HTTP: form in; JSON, flat keys or text out.

Source: dossier "WHMCS", section 13.
"""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from simulator.billing import Billing, Denial, Unavailable
from simulator.faults import AnswerLost

PATH = "/whmcs/includes/api.php"


def router(billing: Billing) -> APIRouter:
    """The API of one WHMCS. A lost answer raises AnswerLost, which the server or the in-process transport plays."""
    routes = APIRouter()

    @routes.post(PATH)
    async def api(request: Request) -> Response:
        form = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
        answer, status = _answer(billing, form)
        if billing.loses_answer_now(form.get("action", "")):
            raise AnswerLost
        if answer is None:
            return Response("<html><h1>503 Service Unavailable</h1></html>", status, media_type="text/html")
        return _written(billing, answer, status, as_json=form.get("responsetype") == "json")

    return routes


def _answer(billing: Billing, form: dict[str, str]) -> tuple[dict[str, Any] | None, int]:
    try:
        return billing.handle(form), 200
    except Denial as denial:
        return {"result": "error", "message": denial.message}, denial.status
    except Unavailable:
        return None, 503


def _written(billing: Billing, answer: dict[str, Any], status: int, *, as_json: bool) -> Response:
    if not as_json or (billing.text_errors and answer["result"] == "error"):
        text = "".join(f"{key}={'' if value is None else value};" for key, value in _flat(answer))
        return Response(text, status, media_type="text/html")
    body = _with_strings(answer) if billing.string_numbers else answer
    return Response(json.dumps(dict(_flat(body)) if billing.flat_keys else body), status, media_type="application/json")


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
