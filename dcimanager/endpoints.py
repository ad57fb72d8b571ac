"""The panel's dialect: every path, method and body key, read from one table that a site can correct.

Source: docs/sources.md, panel 16.1; each entry of endpoints.toml names its own.
"""

import json
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from dcimanager.marks import Mark
from dcimanager.words import Vocabulary, Word, WordKind

__all__ = ["Dialect", "DialectError", "Endpoint", "Mark", "load_dialect"]

TABLE = Path(__file__).with_name("endpoints.toml")
WORDS = "words"
"""The part of a table that is not an endpoint: [words.KIND.WORD]."""


MUST_SAY = {
    "diagnostics": ("clear_disks", "disks would not be cleared"),
    "os_install_with_key": ("ssh_keys", "the server would get no key"),
}
"""What a call must say, or it does something else than it is for: seen here, and not at the wipe, where owner and
addresses are gone, nor after an installation."""


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

    @property
    def call(self) -> str:
        """The exact call as one line of JSON: method, path, body and values. What differs in any of them is another."""
        told = {"method": self.method, "path": self.path, "body": dict(self.body), "values": dict(self.values)}
        return json.dumps(told, sort_keys=True)


class Dialect(BaseModel):
    """All endpoints by name, and the panel's words."""

    model_config = ConfigDict(frozen=True)

    endpoints: Mapping[str, Endpoint]
    vocabulary: Vocabulary = Field(default_factory=lambda: _shipped_words())

    def __getitem__(self, name: str) -> Endpoint:
        return self.endpoints[name]


@lru_cache
def load_dialect(corrections: Path | None = None) -> Dialect:
    """The table, with a site's corrections laid over it entry by entry and word by word.

    Raises DialectError: the file cannot be read, names an unknown entry, or an entry or a word is malformed.
    """
    table = _read(TABLE)
    words = _words(TABLE, table.pop(WORDS, {}))
    if corrections is not None:
        corrected = _read(corrections)
        words |= _words(corrections, corrected.pop(WORDS, {}), mark=Mark.CORRECTED)
        for name, entry in corrected.items():
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
            raise _fault(corrections or TABLE, name, error) from None
    for name, (key, otherwise) in MUST_SAY.items():
        if key not in endpoints[name].body:
            raise DialectError(f"{corrections or TABLE}: [{name}] body has no key for {key}: add it, or {otherwise}.")
    by_kind = {kind: {word: told for (of, word), told in words.items() if of is kind} for kind in WordKind}
    return Dialect(endpoints=endpoints, vocabulary=Vocabulary(words=by_kind))


def _shipped_words() -> Vocabulary:
    return load_dialect().vocabulary


def _words(file: Path, table: Mapping[str, JsonValue], mark: Mark | None = None) -> dict[tuple[WordKind, str], Word]:
    """The words of a table by kind and word, in lower case. `mark`: what those are that have none of their own."""
    found: dict[tuple[WordKind, str], Word] = {}
    for kind, words in table.items():
        if kind not in list(WordKind):
            raise DialectError(f"{file}: there are no [words.{kind}]; known are {', '.join(WordKind)}.")
        for word, told in (words if isinstance(words, dict) else {}).items():
            entry = {**({} if mark is None else {"mark": mark}), **(told if isinstance(told, dict) else {})}
            try:
                known = Word.model_validate({"kind": kind, "word": word.strip().lower(), **entry})
            except ValidationError as error:
                raise _fault(file, f"words.{kind}.{word}", error) from None
            found[known.kind, known.word] = known
    return found


def _fault(file: Path, name: str, error: ValidationError) -> DialectError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return DialectError(f"{file}: [{name}] {where}{': ' if where else ''}{first['msg']}.")


def _read(file: Path) -> dict[str, dict[str, JsonValue]]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DialectError(f"{file}: cannot be read ({error.strerror}).") from None
    except tomllib.TOMLDecodeError as error:
        raise DialectError(f"{file}: not a TOML table ({error}).") from None
