"""What of a call to WHMCS may be shown: ids, states and addresses. Everything else is masked, known or not.

WHMCS's answers are full of personal data and clear-text passwords, so the list names what is shown, not what is hidden.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

MASK = "***"
LONGEST_LIST = 20
"""Rows of a list that are shown: a page of services has 250, too many for a log."""

LONGEST_SEARCHED = 100_000
"""Characters of a value in which secrets are looked for; a longer one is not shown."""

_SHOWN = frozenset(
    "action responsetype result message id userid clientid serviceid accountid pid orderid status email_verified "
    "domain dedicatedip assignedips username serviceusername messagename description limitstart limitnum totalresults "
    "startnumber numreturned name groupname stats unset count".split()
)


def redacted(body: object, secrets: Iterable[str] = ()) -> object:
    """The body with every value masked that is not on the list, and the given secrets wherever they stand."""
    known = tuple(secrets)
    if isinstance(body, Mapping):
        return {key: _value(str(key), value, known) for key, value in body.items()}
    if isinstance(body, list):
        shown = [redacted(row, known) for row in body[:LONGEST_LIST]]
        return shown if len(body) <= LONGEST_LIST else [*shown, f"… and {len(body) - LONGEST_LIST} more"]
    return MASK


def _value(key: str, value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, Mapping | list):
        return redacted(value, secrets)
    if not _is_shown(key):
        return MASK
    if not isinstance(value, str):
        return value
    return without(value, secrets) if len(value) <= LONGEST_SEARCHED else MASK


def _is_shown(key: str) -> bool:
    # "products[product][0][password]" is judged by "password", "unset[0]" by "unset".
    words = [word for word in re.split(r"[\[\]]+", key) if word and not word.isdigit()]
    return bool(words) and words[-1].lower() in _SHOWN


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret masked, also where it is written as in a form, in JSON or in HTML."""
    for secret in secrets:
        forms = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], html.escape(secret)}
        for form in sorted(filter(None, forms), key=len, reverse=True):
            text = text.replace(form, MASK)
    return text
