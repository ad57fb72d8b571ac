"""Turns an answer of the panel into JSON or into one of the three families of errors.

Source: dossier "HTTP API of ISPsystem DCImanager 6", section 4.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import JsonValue

from dcimanager.asking import Asked
from dcimanager.errors import NotFound, PanelError, Refused, Surprise, Unreachable, WrongCredentials
from dcimanager.patience import ASLEEP_SECONDS, GATEWAY, Answer, Lost
from dcimanager.redaction import redact_text, scrub

UNKNOWN_CALL = 1106
UNKNOWN_PROPERTY = 3008
UNKNOWN_INSTANCE = 3080


@dataclass(frozen=True)
class _Error:
    """The panel's error object; `told` is False when the body had none."""

    told: bool
    code: int | None
    text: str


def judge(answer: Answer, asked: Asked, secrets: Collection[str]) -> JsonValue:
    """The parsed body of a good answer, None when it is empty.

    Raises Unreachable for 502, 503 and 504; Refused and NotFound when the panel said no; Surprise for redirects,
    for a good status with a body that is not JSON or that is an error object, and for 5xx without an error object.
    """
    if 300 <= answer.status < 400:
        raise _surprise(
            f"The panel sends us on to {_place(answer.location)}: correct the panel's address.", answer, asked, secrets
        )
    body, is_json = _parse(answer.text)
    if answer.status < 300:
        if not is_json:
            raise _surprise("The panel's answer is not JSON: is this the panel's address?", answer, asked, secrets)
        if isinstance(body, dict) and isinstance(body.get("error"), dict) and _error(body, answer).code is not None:
            raise _surprise("The panel says yes and an error at once: look at it there.", answer, asked, secrets)
        return body
    raise _failure(answer, asked, _error(body, answer), secrets)


def judge_login(answer: Answer, asked: Asked, secrets: Collection[str], panel: str) -> str:
    """The session's token. Raises WrongCredentials for 400, 401 and 403, and what `judge` raises."""
    error = _error(_parse(answer.text)[0], answer)
    if answer.status in (400, 401, 403) and error.code not in (UNKNOWN_CALL, UNKNOWN_PROPERTY):
        text = (
            f"The panel {panel} does not let us in ({scrub(error.text, secrets)}): correct its user name and password."
        )
        raise WrongCredentials(text, asked.method, asked.shown_path, answer.status, error.code)
    body = judge(answer, asked, secrets)
    token = body.get("token") if isinstance(body, dict) else None
    # It goes into headers: anything but visible ASCII would not, and ; would end the cookie.
    if not isinstance(token, str) or not re.fullmatch(r"[!-:<-~]+", token):
        text = "The panel took our login but gave no usable token: correct [login] in the table of endpoints."
        raise Surprise(text, asked.method, asked.shown_path, answer.status)
    return token


def lost(error: Lost, asked: Asked, panel: str) -> Unreachable:
    """No answer came back: what is known of it and what to do, as an error."""
    text = f"The panel {panel} did not answer: {error}."
    if error.sent and asked.method != "GET" and asked.name != "login":
        text += " It is not known whether this happened: look at the panel before repeating."
    return Unreachable(text, asked.method, asked.shown_path)


def _failure(answer: Answer, asked: Asked, error: _Error, secrets: Collection[str]) -> PanelError:
    where = (asked.method, asked.shown_path, answer.status, error.code)
    said = scrub(error.text, secrets).rstrip(".")
    if answer.status == 503:
        text = f"A service of the panel is asleep and did not wake in {ASLEEP_SECONDS:.0f} s: see to it on the panel."
        return Unreachable(text, *where)
    if answer.status in GATEWAY:
        doubt = "" if asked.method == "GET" else ", and it is not known whether this happened"
        return Unreachable(f"The panel's gateway lost the service behind it{doubt}: look at the panel.", *where)
    if error.code == UNKNOWN_CALL:
        # Not NotFound, though it comes with 404: a wrong path must never read as "that is already gone".
        return Refused(f"The panel does not know this call: correct [{asked.name}] in the table of endpoints.", *where)
    if error.code == UNKNOWN_PROPERTY:
        text = f"The panel does not know a key that we sent ({said}): correct [{asked.name}] in the table of endpoints."
        return Refused(text, *where)
    if answer.status == 404 or error.code == UNKNOWN_INSTANCE:
        return NotFound(f"The panel has no such thing: {said}. Was it removed there?", *where)
    if answer.status == 401:
        return Refused(f"The panel ended our fresh session at once: {said}. Look at the user's rights there.", *where)
    if answer.status == 403:
        return Refused(f"The panel's user may not do this: {said}. Use an administrator of the panel.", *where)
    if answer.status >= 500 and not error.told:
        return _surprise("The panel failed without saying why: look at its log.", answer, asked, secrets)
    return Refused(f"The panel refused: {said}. Put that right on the panel, then run again.", *where)


def _surprise(text: str, answer: Answer, asked: Asked, secrets: Collection[str]) -> Surprise:
    # A login's body holds the token under more than one key.
    body = "" if asked.name == "login" else redact_text(answer.text, secrets)
    return Surprise(text, asked.method, asked.shown_path, answer.status, body=body)


def _parse(text: str) -> tuple[JsonValue, bool]:
    if not text.strip():
        return None, True
    try:
        return json.loads(text), True
    except (ValueError, RecursionError):
        return None, False


def _error(body: JsonValue, answer: Answer) -> _Error:
    told = body.get("error") if isinstance(body, dict) else None
    if isinstance(told, str) and told.strip():
        return _Error(True, None, told)
    if not isinstance(told, dict):
        return _Error(False, None, f"HTTP {answer.status}")
    # Seen both as 3008 and as "PROXY-3008".
    digits = re.search(r"\d+$", str(told.get("code", "")))
    code = int(digits[0]) if digits else None
    message = told.get("msg")
    text = message if isinstance(message, str) and message.strip() else f"unknown error {code or answer.status}"
    return _Error(True, code, text)


def _place(location: str | None) -> str:
    """The address of a redirect without its query, which may hold a key."""
    try:
        parts = urlsplit(location or "")
    except ValueError:
        return "another place"
    return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path or "another place"
