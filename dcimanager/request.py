"""Makes one call ready to go out, beside the form in which it may be shown."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote

from pydantic import JsonValue, SecretStr

from dcimanager.endpoints import DialectError, Endpoint
from dcimanager.redaction import MASK, redact

PathParams: TypeAlias = Mapping[str, int | str | SecretStr]
BodyFields: TypeAlias = Mapping[str, JsonValue | SecretStr]


@dataclass(frozen=True, repr=False)
class PreparedRequest:
    """One call as it goes out (`path`, `body`, `query`) and as it may be shown (`shown_path`, `shown_body`)."""

    name: str
    method: str
    path: str
    shown_path: str
    body: JsonValue
    shown_body: JsonValue
    query: Mapping[str, str]
    secrets: Collection[str]


def prepare(endpoint: Endpoint, ids: PathParams, words: BodyFields, query: Mapping[str, int | str]) -> PreparedRequest:
    """The call of an endpoint; SecretStr values go out as they are and are masked in what is shown.

    A POST always has a body, {} if there is nothing to say; a DELETE has one when the table gives it keys.
    Raises DialectError: the path of the table has a place that we have no id for.
    """
    try:
        path = endpoint.url(**{word: _open(value) for word, value in ids.items()})
    except (KeyError, IndexError, ValueError, AttributeError):
        known = ", ".join(f"{{{word}}}" for word in ids) or "none"
        text = f"[{endpoint.name}] {endpoint.path}: the path has a place that we cannot fill; there is {known}."
        raise DialectError(text) from None
    secrets = {value.get_secret_value() for value in (*ids.values(), *words.values()) if isinstance(value, SecretStr)}
    shown_path = path
    for value in ids.values():
        if isinstance(value, SecretStr):
            shown_path = shown_path.replace(quote(value.get_secret_value(), safe=""), MASK)
    body: JsonValue = None
    shown_body: JsonValue = None
    if endpoint.method == "POST" or (endpoint.method == "DELETE" and endpoint.body):
        body = endpoint.payload(**{word: _open(value) for word, value in words.items()})
        masked: dict[str, JsonValue] = {
            word: MASK if isinstance(value, SecretStr) else value for word, value in words.items()
        }
        shown_body = MASK if endpoint.name == "login" else redact(endpoint.payload(**masked), secrets)
    text_query = {key: str(value) for key, value in query.items()}
    return PreparedRequest(endpoint.name, endpoint.method, path, shown_path, body, shown_body, text_query, secrets)


def _open(value: Any) -> Any:
    # Any, since it opens ids (numbers, texts) and words (JSON) alike and changes neither.
    return value.get_secret_value() if isinstance(value, SecretStr) else value
