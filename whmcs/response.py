"""WHMCS's ways of writing one answer, read into one shape.

Source: docs/sources.md, WHMCS 13: JSON or "result=...;message=..." as text, wrapped lists or flat keys such as
"queue[0][id]", numbers as strings, "" for an empty list.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationError

from answers.errors import OverLimit
from answers.json_text import parse_json
from whmcs.errors import UnexpectedWhmcsResponse
from whmcs.text import raw

Model = TypeVar("Model", bound=BaseModel)
Answer = dict[str, Any]

_OBJECTS = json.JSONDecoder()
_FLAT_KEY = re.compile(r"(\w+)((?:\[\w+\])+)")


MOST_STARTS = 100
"""Places in a text where an object may begin that are tried: what is printed around an answer is a line or two."""


MOST_DIGITS = 9
"""Digits of the number of a row."""


def read(body: bytes) -> Answer | None:
    """The answer as a nested dictionary; None when this is no answer of WHMCS (a web page, half an answer, a list)."""
    try:
        return read_within(body)[0]
    except OverLimit:
        return None


def read_within(body: bytes) -> tuple[Answer | None, str]:
    """The answer, and what was printed around it: a notice of PHP before it, or a comment after it.

    Two objects that could each be the answer are none. Raises OverLimit.
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    if text.startswith("result="):
        return _answer(_from_text(text)), ""
    try:
        value = parse_json(text)
    except ValueError:
        return _within(text)
    return _answer(value), ""


def _within(text: str) -> tuple[Answer | None, str]:
    found: list[tuple[Answer, int, int]] = []
    at = text.find("{")
    for _ in range(MOST_STARTS):
        if at < 0:
            break
        try:
            value, end = _OBJECTS.raw_decode(text, at)
        except (ValueError, RecursionError):
            # Half an answer has whole objects in it, which are none: what is cut off is not looked into.
            if re.match(r'\{\s*"', text[at : at + 100]):
                break
            at = text.find("{", at + 1)
            continue
        answer = _answer(value)
        if answer is not None:
            found.append((answer, at, end))
        at = text.find("{", end)
    if len(found) != 1:
        return None, ""
    answer, begins, ends = found[0]
    return answer, text[:begins] + text[ends:]


def _answer(value: object) -> Answer | None:
    if not isinstance(value, dict) or str(value.get("result", "")).lower() not in ("success", "error"):
        return None
    return _nested(value)


def _from_text(text: str) -> Answer:
    # A semicolon may also stand within a value: only one that is followed by the next key ends it.
    pairs = (pair.partition("=") for pair in re.split(r";(?=[\w\[\]]+=)", text.rstrip(";")))
    return {key: value for key, _, value in pairs}


def _nested(pairs: Answer) -> Answer | None:
    """Flat keys unfolded: {"a[b][0]": 1} becomes {"a": {"b": {"0": 1}}}; None when they contradict each other."""
    answer: Answer = {key: value for key, value in pairs.items() if not _FLAT_KEY.fullmatch(key)}
    for key, value in pairs.items():
        match = _FLAT_KEY.fullmatch(key)
        if match is None:
            continue
        *path, last = [match[1], *re.findall(r"\[(\w+)\]", match[2])]
        node: object = answer
        for word in path:
            node = node.setdefault(word, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict) or last in node:
            return None
        node[last] = value
    return answer


def rows(answer: Mapping[str, Any], outer: str, inner: str) -> list[Any]:
    """The rows of a wrapped list such as products.product, however it is written: list, one row, numbered rows, "".

    A row may be anything: who reads it looks. Raises ValueError: it is none of these.
    """
    wrapped = answer.get(outer) or {}
    found = (wrapped.get(inner) or []) if isinstance(wrapped, dict) else wrapped
    if isinstance(found, dict):
        numbered = all(key.isascii() and key.isdigit() and len(key) <= MOST_DIGITS for key in found)
        found = [found[key] for key in sorted(found, key=int)] if numbered else [found]
    if not isinstance(found, list):
        raise ValueError(f"{outer}.{inner} is not a list of rows")
    return found


def read_as(model: type[Model], row: object, action: str) -> Model:
    """The row as a model.

    Raises UnexpectedWhmcsResponse: a field is missing or not of its kind; the text names it and leaves its value out.
    """
    try:
        return model.model_validate(row)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['type']}" for e in error.errors())
        raise UnexpectedWhmcsResponse(
            action, None, f"WHMCS answered {action} with fields that cannot be read ({wrong}). Look at it in WHMCS."
        ) from None


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    return {"1": True, "true": True, "on": True, "0": False, "false": False, "": False}.get(raw(value).lower())


Id = Annotated[int, Field(gt=0, lt=2**31)]
Secret = Annotated[SecretStr, BeforeValidator(lambda v: v if isinstance(v, SecretStr) else SecretStr(raw(v)))]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
"""Yes, no, or None when WHMCS does not say so in a way that is known."""
