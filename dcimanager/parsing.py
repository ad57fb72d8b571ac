"""What all objects of the panel have in common: how they are read, and the loose forms their values come in."""

import json
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, ValidationInfo

from dcimanager.endpoints import Dialect, Endpoint, load_dialect
from dcimanager.errors import UnexpectedPanelResponse
from dcimanager.redaction import SECRET_ANSWERS, redact_text
from dcimanager.words import Vocabulary


class PanelData(BaseModel):
    """An object of the panel: immutable; what we do not know of it is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


PanelDataT = TypeVar("PanelDataT", bound=PanelData)


def read(shape: type[PanelDataT], value: JsonValue, dialect: Dialect, name: str) -> PanelDataT:
    """The answer of the endpoint of that name as that model, its words understood as the dialect's table has them.

    Raises UnexpectedPanelResponse: it does not fit; the text names the first attribute that does not.
    """
    try:
        return shape.model_validate(value, context=dialect.vocabulary)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "it"
        text = f"The panel's {shape.__name__} is not as we know it ({where}: {fault['msg']}): look at it on the panel."
        raise schema_error(text, dialect[name], value) from None


def vocabulary_of(info: ValidationInfo) -> Vocabulary:
    """The words of the panel that is being read; those of the shipped table for a model that is built by hand."""
    return info.context if isinstance(info.context, Vocabulary) else load_dialect().vocabulary


def schema_error(text: str, endpoint: Endpoint, value: JsonValue) -> UnexpectedPanelResponse:
    """The error for a value outside its schema; it keeps the beginning of the value, secrets masked."""
    body = "" if endpoint.name in SECRET_ANSWERS else redact_text(json.dumps(value))
    return UnexpectedPanelResponse(text, endpoint.method, endpoint.path, body=body)


def first(row: Mapping[str, object], *keys: str) -> object:
    """The first of these keys that has a value (null, "" and {} are none), else None."""
    return next((row[key] for key in keys if row.get(key) not in (None, "", {}, [])), None)


def text_or_none(value: object) -> str | None:
    """A text without the space around it; numbers as text; None for null and for nothing but space."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def flag_or_none(value: object) -> bool | None:
    """A yes or no, however the panel writes it; None for what is neither, for nothing hangs on these."""
    said = str(value).strip().lower()
    return True if said in ("true", "1", "yes", "on") else False if said in ("false", "0", "no", "off") else None


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


PanelId = Annotated[int, Field(gt=-(2**31), lt=2**31)]
"""A number by which the panel knows a thing. A larger one does not fit into the ledger's columns: such a row is odd."""
OptionalText = Annotated[str | None, BeforeValidator(text_or_none)]
"""Null, "" and what is not a text are None."""
Text = Annotated[str, BeforeValidator(_text)]
"""Null is ""; a number is its digits."""
Flag = Annotated[bool, BeforeValidator(_no_is_null)]
"""Null and "" are false; anything but a yes or no is outside the schema, for much hangs on these."""
