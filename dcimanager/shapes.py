"""What all objects of the panel have in common: how they are read, and the loose forms their values come in."""

import json
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, ValidationError

from dcimanager.endpoints import Endpoint
from dcimanager.errors import Surprise
from dcimanager.redaction import redact_text


class Shape(BaseModel):
    """An object of the panel: immutable; what we do not know of it is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


ShapeT = TypeVar("ShapeT", bound=Shape)


def read(shape: type[ShapeT], value: JsonValue, endpoint: Endpoint) -> ShapeT:
    """The value as that shape. Raises Surprise: it does not fit; the text names the first attribute that does not."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "it"
        text = f"The panel's {shape.__name__} is not as we know it ({where}: {fault['msg']}): look at it on the panel."
        raise outside(text, endpoint, value) from None


def outside(text: str, endpoint: Endpoint, value: JsonValue) -> Surprise:
    """The error for a value outside its schema; it keeps the beginning of the value, secrets masked."""
    return Surprise(text, endpoint.method, endpoint.path, body=redact_text(json.dumps(value)))


def first(row: Mapping[str, object], *keys: str) -> object:
    """The first of these keys that has a value (null, "" and {} are none), else None."""
    return next((row[key] for key in keys if row.get(key) not in (None, "", {}, [])), None)


def text_or_none(value: object) -> str | None:
    """A text without the space around it; numbers as text; None for null and for nothing but space."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def named(value: object) -> str | None:
    """The name of something that comes as an object with a `name`, or as its name alone."""
    return text_or_none(value.get("name") if isinstance(value, Mapping) else value)


def numbered(value: object) -> object:
    """The id of something that comes as an object with an `id`, or as its id alone; not checked."""
    return value.get("id") if isinstance(value, Mapping) else value


def each(value: object) -> list[object]:
    """The elements of what comes as a list, as one element alone, or as null."""
    if value is None or value == {}:
        return []
    return value if isinstance(value, list) else [value]


def _no_is_null(value: object) -> object:
    return False if value in (None, "") else value


def _text(value: object) -> object:
    return "" if value is None else value if isinstance(value, str) else text_or_none(value) or value


OptionalText = Annotated[str | None, BeforeValidator(text_or_none)]
"""Null, "" and what is not a text are None."""
Text = Annotated[str, BeforeValidator(_text)]
"""Null is ""; a number is its digits."""
Flag = Annotated[bool, BeforeValidator(_no_is_null)]
"""Null and "" are false; anything but a yes or no is outside the schema, for much hangs on these."""
