"""Takes secrets out of whatever is shown: calls that are logged, and bodies kept in errors."""

import json
import re
from collections.abc import Collection

from pydantic import JsonValue

from answers.described import described
from answers.errors import OverLimit
from answers.json_text import parse_json

MASK = "***"
SECRET_ANSWERS = frozenset({"login", "key_create"})
"""Entries whose whole answer is a secret, whatever its keys are called on this panel."""
LONGEST_BODY = 500
"""Characters of a body kept in an error: enough to see its shape, short enough for a log line."""
LONGEST_LIST = 20
"""Elements of a list that are shown: a page of servers has five hundred, too many for a log."""
MOST_SHOWN = 100_000
"""Characters of a body that is looked through to be shown; a longer one is described only, whatever it is."""
SHORTEST_SECRET = 4
"""Shorter values are masked by their key only: replacing every "a" of a text would make it unreadable."""

_SECRET_KEY = re.compile(r"passw|token|ses6|secret|authorization|key$|email|full_name|phone", re.IGNORECASE)
"""Personal data is masked with the secrets: a log is read by more people than a client's account."""


def redact(value: JsonValue, secrets: Collection[str] = ()) -> JsonValue:
    """The same JSON with the values of secret keys masked, at any depth, and `secrets` masked wherever they stand."""
    if isinstance(value, dict):
        return {key: _masked(key, inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        shown = [redact(inner, secrets) for inner in value[:LONGEST_LIST]]
        return shown if len(value) <= LONGEST_LIST else [*shown, f"… and {len(value) - LONGEST_LIST} more"]
    return scrub(value, secrets) if isinstance(value, str) else value


def redact_text(body: str, secrets: Collection[str] = (), kind: str = "") -> str:
    """The beginning of a body with secrets masked; of one that is no JSON, or long, its length, its type and a hash."""
    if len(body) > MOST_SHOWN:
        return described(body.encode(errors="replace"), kind)
    try:
        return json.dumps(redact(parse_json(body), secrets), ensure_ascii=False)[:LONGEST_BODY]
    except (ValueError, OverLimit):
        return described(body.encode(errors="replace"), kind) if body else ""


def scrub(text: str, secrets: Collection[str]) -> str:
    """The text without any of the secrets, should the panel repeat one in a message."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def _masked(key: str, value: JsonValue, secrets: Collection[str]) -> JsonValue:
    if value is not None and _SECRET_KEY.search(key):
        return MASK
    return redact(value, secrets)
