"""The panel's dialect: every path, method and body key, read from one table that a site can correct.

Source: dossier "HTTP API of ISPsystem DCImanager 6", section 16.1; each entry of endpoints.toml names its own.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

TABLE = Path(__file__).with_name("endpoints.toml")


class Mark(StrEnum):
    """How sure we are of an entry."""

    DOCUMENTED = "documented"
    SEEN = "seen"
    INFERRED = "inferred"
    CORRECTED = "corrected"
    """A site's own file replaced it."""


class DialectError(ValueError):
    """A table of endpoints cannot be used; the text names the file, the entry and what to mend."""


class Endpoint(BaseModel):
    """One call of the panel: its method, path template and body keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    body: Mapping[str, str] = Field(default_factory=dict)
    values: Mapping[str, JsonValue] = Field(default_factory=dict)
    mark: Mark
    source: str = ""

    def url(self, **ids: int | str) -> str:
        """The path below the panel's base address; every id is escaped as one path segment."""
        return self.path.format(**{word: quote(str(value), safe="") for word, value in ids.items()})

    def payload(self, **words: JsonValue) -> dict[str, JsonValue]:
        """The body in the panel's keys. Words that the table does not map are left out: unknown keys are refused."""
        return {self.body[word]: value for word, value in words.items() if word in self.body}


class Dialect(BaseModel):
    """All endpoints by name."""

    model_config = ConfigDict(frozen=True)

    endpoints: Mapping[str, Endpoint]

    def __getitem__(self, name: str) -> Endpoint:
        return self.endpoints[name]


@lru_cache
def load_dialect(corrections: Path | None = None) -> Dialect:
    """The table, with a site's corrections laid over it entry by entry.

    Raises DialectError: the file cannot be read, names an unknown entry, or an entry is malformed.
    """
    table = _read(TABLE)
    if corrections is not None:
        for name, entry in _read(corrections).items():
            if name not in table:
                raise DialectError(
                    f"{corrections}: there is no endpoint [{name}]; known are {', '.join(sorted(table))}."
                )
            table[name] = {**table[name], "mark": Mark.CORRECTED.value, **entry}
    endpoints: dict[str, Endpoint] = {}
    for name, entry in table.items():
        try:
            endpoints[name] = Endpoint.model_validate({"name": name, **entry})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DialectError(f"{corrections or TABLE}: [{name}] {where}: {first['msg']}.") from None
    return Dialect(endpoints=endpoints)


def _read(file: Path) -> dict[str, dict[str, JsonValue]]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DialectError(f"{file}: cannot be read ({error.strerror}).") from None
    except tomllib.TOMLDecodeError as error:
        raise DialectError(f"{file}: not a TOML table ({error}).") from None
