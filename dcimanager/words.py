"""The panel's words for how things stand: what each means to us, in a table that a site can correct.

A word is matched whole, in any case. What is not in the table means nothing yet: nothing is sold, ended or proved
on it.
Source: docs/sources.md, panel 6.1 to 6.5, 8, 18.1 and 18.8; each word of endpoints.toml names its own.
"""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dcimanager.marks import Mark


class WordKind(StrEnum):
    """What a word is said of."""

    OPERATION = "operation"
    """How far an operation is (`operation.status`, and the status of its steps)."""
    OPERATION_TYPE = "operation_type"
    """What an operation does (its `type`, `kind` or `name`)."""
    POWER = "power"
    """Whether a server has power (`power_status`)."""
    PORT = "port"
    """What a switch port was told to be (`admin_status`)."""
    STATE = "state"
    """How a server stands (`state`)."""
    ADDRESS = "address"
    """Whether an address can be used (`ip[].status`)."""
    NETWORK = "network"
    """Whether a network gives addresses."""


MEANINGS: Mapping[WordKind, frozenset[str]] = {
    WordKind.OPERATION: frozenset({"finished", "ended", "running", "failed"}),
    WordKind.OPERATION_TYPE: frozenset({"installation", "diagnostics", "other"}),
    WordKind.POWER: frozenset({"on", "off", "unknown"}),
    WordKind.PORT: frozenset({"up", "down"}),
    WordKind.STATE: frozenset({"in operation", "changing", "out of operation"}),
    WordKind.ADDRESS: frozenset({"ready", "changing"}),
    WordKind.NETWORK: frozenset({"gives addresses", "gives none"}),
}
"""What words of a kind can mean. An operation that is `finished` did what it was asked for; one that is `ended` was
stopped by somebody or something."""


class Word(BaseModel):
    """One word of the panel and what it means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: WordKind
    word: str = Field(min_length=1)
    means: str
    mark: Mark
    source: str = ""

    @model_validator(mode="after")
    def _means_something_of_its_kind(self) -> "Word":
        if self.means not in MEANINGS[self.kind]:
            raise ValueError(f"means one of {', '.join(sorted(MEANINGS[self.kind]))}, not {self.means!r}")
        return self


class Vocabulary(BaseModel):
    """All words of the panel that we know, by kind and then by the word in lower case."""

    model_config = ConfigDict(frozen=True)

    words: Mapping[WordKind, Mapping[str, Word]] = Field(default_factory=dict)

    def meaning(self, kind: WordKind, said: str) -> str | None:
        """What the whole word means, None if it is not in the table."""
        found = self.words.get(kind, {}).get(said.strip().lower())
        return None if found is None else found.means

    def of(self, kind: WordKind) -> list[Word]:
        """The words of a kind, in the table's order."""
        return list(self.words.get(kind, {}).values())
