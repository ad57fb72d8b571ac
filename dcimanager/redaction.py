"""Takes secrets out of whatever is shown: calls that are logged, and bodies kept in errors."""

import json
import re
from collections.abc import Collection

from pydantic import JsonValue

MASK = "***"
LONGEST_BODY = 500
"""Characters of a body kept in an error: enough to see its shape, short enough for a log line."""
LONGEST_LIST = 20
"""Elements of a list that are shown: a page of servers has five hundred, and nobody reads them in a log."""
SHORTEST_SECRET = 4
"""Shorter values are masked by their key only: replacing every "a" of a text would make it unreadable."""

_SECRET_KEY = re.compile(r"passw|token|ses6|secret|authorization|key$|email|full_name|phone", re.IGNORECASE)
"""Personal data is masked with the secrets: a log is read by more people than a client's account."""
_SECRET_IN_TEXT = re.compile(
    r"""(?ix) ( ["']? [\w-]* (?:password|passwd|token|ses6|secret|key) ["']? \s* [:=] \s* ) ( "[^"]*"? | [^\s,;&}<]+ )
              | ( authorization ["']? \s* [:=] ) [^\r\n]* """
)


def redact(value: JsonValue, secrets: Collection[str] = ()) -> JsonValue:
    """The same JSON with the values of secret keys masked, at any depth, and `secrets` masked wherever they stand."""
    if isinstance(value, dict):
        return {key: _masked(key, inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        shown = [redact(inner, secrets) for inner in value[:LONGEST_LIST]]
        return shown if len(value) <= LONGEST_LIST else [*shown, f"… and {len(value) - LONGEST_LIST} more"]
    return scrub(value, secrets) if isinstance(value, str) else value


def redact_text(body: str, secrets: Collection[str] = ()) -> str:
    """The beginning of a body, JSON or not, with secrets masked."""
    try:
        shown = json.dumps(redact(json.loads(body), secrets), ensure_ascii=False)
    except (ValueError, RecursionError):
        shown = _SECRET_IN_TEXT.sub(lambda found: f"{found[1] or found[3]}{MASK}", scrub(body, secrets))
    return shown[:LONGEST_BODY]


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
