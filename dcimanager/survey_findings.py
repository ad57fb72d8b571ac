"""What a survey of a panel can find, as programs and tables show it: counted, with a few examples, free of e-mails."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from dcimanager.errors import one_line
from dcimanager.words import WordKind

EXAMPLES = 5
"""Ids and examples that a finding names: enough to go and look, few enough for a cell. The rest is a number."""

LONGEST_EXAMPLE = 100
"""Five of them fit into a cell of 600 characters."""

RowId = int | str
"""The id of a row of the panel, or "row 17" where it has none."""

_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\W\d_]{2,}\S*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def shown(text: str, longest: int = LONGEST_EXAMPLE) -> str:
    """A text of the panel as findings keep it: one line, cut, an e-mail address masked (safety rules 12 and 15)."""
    return one_line(without_emails(text[: 4 * longest]), longest)


def without_emails(text: str) -> str:
    """The text with every e-mail address in it masked."""
    return _EMAIL.sub("(e-mail)", text)


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count} times"


class SurveyedList(StrEnum):
    """A list of the panel that a survey reads, by its entry in the table of endpoints."""

    SERVERS = "server_list"
    USERS = "user_list"
    TEMPLATES = "os_template_list"
    POOLS = "ip_pool_list"
    LOCATIONS = "location_list"

    @property
    def noun(self) -> str:
        """What its rows are, for people."""
        return {"os_template_list": "OS templates", "ip_pool_list": "IP pools"}.get(
            self.value, f"{self.value.removesuffix('_list')}s"
        )


class FindingKind(StrEnum):
    """What is not as it should be on a panel."""

    ROW_UNREADABLE = "row-unreadable"
    SERIAL_PLACEHOLDER = "serial-placeholder"
    SERIAL_SHARED = "serial-shared"
    MAC_PLACEHOLDER = "mac-placeholder"
    MAC_SHARED = "mac-shared"
    BARCODE_SHARED = "barcode-shared"
    NO_IDENTITY = "no-identity"
    NO_PORTS = "no-ports"
    PORT_SHARED = "port-shared"
    CONFIGURATION_EMPTY = "configuration-empty"
    CONFIGURATION_BLANKS = "configuration-blanks"
    TEMPLATE_IN_ONE_LOCATION = "template-in-one-location"
    POOL_EMPTY = "pool-empty"


WHAT: Mapping[FindingKind, str] = {
    FindingKind.ROW_UNREADABLE: "rows that are not as we know them, so they were left out",
    FindingKind.SERIAL_PLACEHOLDER: "serial numbers that say nothing",
    FindingKind.SERIAL_SHARED: "serial numbers that several servers have",
    FindingKind.MAC_PLACEHOLDER: "MAC addresses that say nothing",
    FindingKind.MAC_SHARED: "MAC addresses that several servers have",
    FindingKind.BARCODE_SHARED: "barcodes that several servers have",
    FindingKind.NO_IDENTITY: "servers without a serial number, MAC address or barcode that only they have",
    FindingKind.NO_PORTS: "servers without a network port, so they cannot be suspended",
    FindingKind.PORT_SHARED: "switch ports that several servers have",
    FindingKind.CONFIGURATION_EMPTY: "servers without a configuration, so nobody can order them",
    FindingKind.CONFIGURATION_BLANKS: "configurations with blanks at an end, or several in a row",
    FindingKind.TEMPLATE_IN_ONE_LOCATION: "OS templates that are in one location only",
    FindingKind.POOL_EMPTY: "IP pools without a free address",
}


class SurveyFinding(BaseModel):
    """One kind of finding in one list. count: how often; rows: at how many rows; ids: the first of them."""

    model_config = ConfigDict(frozen=True)

    kind: FindingKind
    found_in: SurveyedList
    count: int
    rows: int
    ids: tuple[RowId, ...]
    examples: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """What was found, for people."""
        return WHAT[self.kind]

    def line(self) -> str:
        """The finding in one line. Not escaped."""
        told = f": {'; '.join(self.examples)}" if self.examples else ""
        return one_line(f"{self.what}: {self.count}, at {self.found_in.noun} {id_list(self.ids, self.rows)}{told}")


class UnknownWord(BaseModel):
    """A word of servers that is not in the table. field: where it stands; rows: at how many servers; ids: the first."""

    model_config = ConfigDict(frozen=True)

    kind: WordKind
    word: str
    field: str
    count: int
    rows: int
    ids: tuple[RowId, ...]

    @property
    def entry(self) -> str:
        """The header of the word's entry in an endpoints file."""
        key = self.word.lower()
        return f"[words.{self.kind}.{key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)}]"


class FieldFault(BaseModel):
    """A field that we read and that is not always there, or is of another JSON type, in `of` places looked at.

    missing: the places without it; other_types: JSON type -> how often; ids: the first rows with either.
    """

    model_config = ConfigDict(frozen=True)

    found_in: SurveyedList
    field: str
    of: int
    missing: int
    other_types: dict[str, int]
    ids: tuple[RowId, ...]

    @property
    def note(self) -> str:
        """The fault, for people."""
        parts = [f"missing {times(self.missing)}"] if self.missing else []
        parts += [f"{kind} {times(count)}" for kind, count in self.other_types.items()]
        return f"{', '.join(parts)} of {self.of}"


class Survey(BaseModel):
    """What the rows of a panel showed. rows: list -> rows read; words_left_out: how many more words there were."""

    model_config = ConfigDict(frozen=True)

    rows: dict[SurveyedList, int] = Field(default_factory=dict)
    words: list[UnknownWord] = Field(default_factory=list)
    words_left_out: int = 0
    fields: list[FieldFault] = Field(default_factory=list)
    findings: list[SurveyFinding] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """One line for each kind of finding, with counts. Not escaped."""
        lines = []
        for kind in WordKind:
            said = [word for word in self.words if word.kind is kind]
            if said:
                told = ", ".join(f"{word.word!r} {times(word.count)}" for word in said)
                lines.append(one_line(f"words of kind {kind} that are not in the table: {len(said)} ({told})"))
        if self.fields:
            told = ", ".join(f"{fault.found_in.noun}: {fault.field}" for fault in self.fields)
            lines.append(one_line(f"fields that are missing or of another type: {len(self.fields)} ({told})"))
        return lines + [finding.line() for finding in self.findings]


def id_list(ids: tuple[RowId, ...], rows: int) -> str:
    """The ids, and how many more there are."""
    more = f" and {rows - len(ids)} more" if rows > len(ids) else ""
    return f"{', '.join(map(str, ids))}{more}"


def row_id(row: object, position: int) -> RowId:
    """The row's id as a finding names it."""
    told = row.get("id") if isinstance(row, Mapping) else None
    if isinstance(told, int) and not isinstance(told, bool):
        return told
    return shown(told, 40) if isinstance(told, str) and told.strip() else f"row {position + 1}"


class Tally:
    """Counts one kind of finding while the rows of a list are gone through, one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self.rows = 0
        self.ids: list[RowId] = []
        self._last: RowId | None = None
        self._examples: Counter[str] = Counter()

    def add(self, row: RowId, example: str = "") -> None:
        """It was found once more, at this row."""
        self.count += 1
        if row != self._last:
            self._last = row
            self.rows += 1
            if len(self.ids) < EXAMPLES:
                self.ids.append(row)
        if example:
            self._examples[example] += 1

    def finding(self, kind: FindingKind, found_in: SurveyedList) -> SurveyFinding | None:
        """What was counted, the most frequent examples first; None: nothing was."""
        if not self.count:
            return None
        examples = tuple(
            text if count == 1 else f"{text} ({times(count)})" for text, count in self._examples.most_common(EXAMPLES)
        )
        return SurveyFinding(
            kind=kind, found_in=found_in, count=self.count, rows=self.rows, ids=tuple(self.ids), examples=examples
        )
