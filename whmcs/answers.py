"""WHMCS's ways of writing one answer, read into one shape.

Source: dossier "WHMCS", section 13: JSON or "result=...;message=..." as text, wrapped lists or flat keys such as
"queue[0][id]", numbers as strings, "" for an empty list.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationError

from whmcs.errors import Surprise

Model = TypeVar("Model", bound=BaseModel)
Answer = dict[str, Any]

_FLAT_KEY = re.compile(r"(\w+)((?:\[\w+\])+)")


def read(body: bytes) -> Answer | None:
    """The answer as a nested dictionary; None when this is no answer of WHMCS (a web page, half an answer, a list)."""
    text = body.decode("utf-8-sig", errors="replace").strip()
    pairs = _from_text(text) if text.startswith("result=") else _from_json(text)
    if pairs is None or str(pairs.get("result", "")).lower() not in ("success", "error"):
        return None
    return _nested(pairs)


def _from_json(text: str) -> Answer | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


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


def rows(answer: Mapping[str, Any], outer: str, inner: str) -> list[Answer]:
    """The rows of a wrapped list such as products.product, however it is written: list, one row, numbered rows, "".

    Raises ValueError: it is none of these.
    """
    wrapped = answer.get(outer) or {}
    found = (wrapped.get(inner) or []) if isinstance(wrapped, dict) else wrapped
    if isinstance(found, dict):
        numbered = all(key.isdigit() for key in found)
        found = [found[key] for key in sorted(found, key=int)] if numbered else [found]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError(f"{outer}.{inner} is not a list of rows")
    return found


def read_as(model: type[Model], row: Mapping[str, Any], action: str) -> Model:
    """The row as a model. Raises Surprise: a field is missing or not of its kind (named, its value left out)."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['type']}" for e in error.errors())
        raise Surprise(
            action, None, f"WHMCS answered {action} with fields that cannot be read ({wrong}). Look at it in WHMCS."
        ) from None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("not a text")


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    return {"1": True, "true": True, "on": True, "0": False, "false": False, "": False}.get(_text(value).lower())


Id = Annotated[int, Field(gt=0)]
Text = Annotated[str, BeforeValidator(_text)]
"""A text; null is the empty text and a number its digits."""
Secret = Annotated[SecretStr, BeforeValidator(lambda v: v if isinstance(v, SecretStr) else SecretStr(_text(v)))]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
"""Yes, no, or None when WHMCS does not say so in a way that is known."""
