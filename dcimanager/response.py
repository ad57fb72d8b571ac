"""Turns an answer of the panel into JSON or into one of the three families of errors.

Source: docs/sources.md, panel 4.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from answers.errors import OverLimit, TooLarge
from answers.json_text import parse_json
from dcimanager.errors import (
    AnswerTooLarge,
    PanelError,
    PanelNotFound,
    PanelRefused,
    PanelUnreachable,
    UnexpectedPanelResponse,
    WrongCredentials,
)
from dcimanager.redaction import SECRET_ANSWERS, redact_text, scrub
from dcimanager.request import PreparedRequest
from dcimanager.retry import ASLEEP_SECONDS, GATEWAY, LostResponse, ReceivedResponse

DEAD_SESSION = 1000
UNKNOWN_CALL = 1106
UNKNOWN_PROPERTY = 3008
UNKNOWN_INSTANCE = 3080


@dataclass(frozen=True)
class _Error:
    """The panel's error object; `told` is False when the body had none."""

    told: bool
    code: int | None
    text: str


LONGEST_ERROR = 10_000
"""Characters: an answer that is longer is no error object, and lists need not be parsed twice."""

LONGEST_TOLD = 2_000
"""Characters of what an error object says that are looked at: its line is cut to a third of them."""

MOST_DIGITS = 9
"""Digits of the number at the end of an error's code."""

_TOKEN = re.compile(r"[!-:<-~]{1,4096}")
"""A session goes into headers: anything but visible ASCII would not, and ; would end the cookie."""


def session_is_dead(answer: ReceivedResponse) -> bool:
    """Whether the panel says that the session is over, so that nothing was done: 401, or code 1000 with any status.

    Source: docs/sources.md, panel 4 and 18.3.
    """
    return answer.status == 401 or _told(answer).code == DEAD_SESSION


def parse_response(answer: ReceivedResponse, asked: PreparedRequest, secrets: Collection[str]) -> JsonValue:
    """The parsed body of a good answer, None when it is empty.

    Raises PanelUnreachable for 502, 503 and 504; PanelRefused and PanelNotFound when the panel said no;
    UnexpectedPanelResponse for redirects, for a good status with a body that is not JSON or that is an error object,
    and for 5xx without an error object.
    """
    if 300 <= answer.status < 400:
        raise _unexpected(
            f"The panel sends us on to {_place(answer.location)}: correct the panel's address.", answer, asked, secrets
        )
    if answer.status < 300:
        try:
            body = parse_json(answer.text) if answer.text.strip() else None
        except OverLimit as over:
            text = f"The panel's answer was not read: {over}. Look at it on the panel."
            kind = AnswerTooLarge if isinstance(over, TooLarge) else UnexpectedPanelResponse
            raise _unexpected(text, answer, asked, secrets, kind) from None
        except ValueError:
            raise _unexpected(
                "The panel's answer is not JSON: is this the panel's address?", answer, asked, secrets
            ) from None
        code = _error(body, answer).code if isinstance(body, dict) and isinstance(body.get("error"), dict) else None
        if code == DEAD_SESSION:
            raise _failure(answer, asked, _error(body, answer), secrets)
        if code is not None:
            raise _unexpected("The panel says yes and an error at once: look at it there.", answer, asked, secrets)
        return cast(JsonValue, body)
    raise _failure(answer, asked, _told(answer), secrets)


def parse_login(answer: ReceivedResponse, asked: PreparedRequest, secrets: Collection[str], panel: str) -> str:
    """The session's token.

    Raises WrongCredentials for 400, 401, 403 and code 1000, and what `parse_response` raises.
    """
    error = _told(answer)
    is_refused = answer.status in (400, 401, 403) or error.code == DEAD_SESSION
    if is_refused and error.code not in (UNKNOWN_CALL, UNKNOWN_PROPERTY):
        text = (
            f"The panel {panel} does not let us in ({scrub(error.text, secrets)}): correct its user name and password."
        )
        raise WrongCredentials(text, asked.method, asked.shown_path, answer.status, error.code)
    body = parse_response(answer, asked, secrets)
    token = body.get("token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        text = "The panel took our login but gave no usable token: correct [login] in the table of endpoints."
        raise UnexpectedPanelResponse(text, asked.method, asked.shown_path, answer.status)
    return token


def unreachable_error(error: LostResponse, asked: PreparedRequest, panel: str) -> PanelUnreachable:
    """No answer came back: what is known of it and what to do, as an error."""
    text = f"The panel {panel} did not answer: {error}."
    if error.sent and asked.method != "GET" and asked.name != "login":
        text += " It is not known whether this happened: look at the panel before repeating."
    return PanelUnreachable(text, asked.method, asked.shown_path)


def _failure(answer: ReceivedResponse, asked: PreparedRequest, error: _Error, secrets: Collection[str]) -> PanelError:
    where = (asked.method, asked.shown_path, answer.status, error.code)
    said = scrub(error.text, secrets).rstrip(".")
    if answer.status == 503:
        text = f"A service of the panel is asleep and did not wake in {ASLEEP_SECONDS:.0f} s: see to it on the panel."
        return PanelUnreachable(text, *where)
    if answer.status in GATEWAY:
        doubt = "" if asked.method == "GET" else ", and it is not known whether this happened"
        return PanelUnreachable(f"The panel's gateway lost the service behind it{doubt}: look at the panel.", *where)
    if error.code == UNKNOWN_CALL:
        # Not PanelNotFound, though it comes with 404: a wrong path must never read as "that is already gone".
        return PanelRefused(
            f"The panel does not know this call: correct [{asked.name}] in the table of endpoints.", *where
        )
    if error.code == UNKNOWN_PROPERTY:
        text = f"The panel does not know a key that we sent ({said}): correct [{asked.name}] in the table of endpoints."
        return PanelRefused(text, *where)
    if error.code != DEAD_SESSION and (answer.status == 404 or error.code == UNKNOWN_INSTANCE):
        return PanelNotFound(f"The panel has no such thing: {said}. Was it removed there?", *where)
    if answer.status == 401 or error.code == DEAD_SESSION:
        return PanelRefused(
            f"The panel ended our fresh session at once: {said}. Look at the user's rights there.", *where
        )
    if answer.status == 403:
        return PanelRefused(f"The panel's user may not do this: {said}. Use an administrator of the panel.", *where)
    if answer.status >= 500 and not error.told:
        return _unexpected("The panel failed without saying why: look at its log.", answer, asked, secrets)
    return PanelRefused(f"The panel refused: {said}. Put that right on the panel, then run again.", *where)


def _unexpected(
    text: str,
    answer: ReceivedResponse,
    asked: PreparedRequest,
    secrets: Collection[str],
    kind: type[UnexpectedPanelResponse] = UnexpectedPanelResponse,
) -> UnexpectedPanelResponse:
    body = "" if asked.name in SECRET_ANSWERS else redact_text(answer.text, secrets, answer.kind)
    return kind(text, asked.method, asked.shown_path, answer.status, body=body)


def _told(answer: ReceivedResponse) -> _Error:
    """The error object of an answer, if it has one."""
    try:
        body = parse_json(answer.text) if len(answer.text) <= LONGEST_ERROR else None
    except (ValueError, OverLimit):
        body = None
    return _error(body, answer)


def _error(body: JsonValue, answer: ReceivedResponse) -> _Error:
    told = body.get("error") if isinstance(body, dict) else None
    if isinstance(told, str) and told.strip():
        return _Error(True, None, told[:LONGEST_TOLD])
    if not isinstance(told, dict):
        return _Error(False, None, f"HTTP {answer.status}")
    # Seen both as 3008 and as "PROXY-3008".
    said = str(told.get("code", ""))[-MOST_DIGITS:]
    digits = said[len(said.rstrip("0123456789")) :]
    code = int(digits) if digits else None
    message = told.get("msg")
    text = message[:LONGEST_TOLD] if isinstance(message, str) else ""
    return _Error(True, code, text if text.strip() else f"unknown error {code or answer.status}")


def _place(location: str | None) -> str:
    """The address of a redirect without its query, which may hold a key."""
    try:
        parts = urlsplit(location or "")
    except ValueError:
        return "another place"
    return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path or "another place"
