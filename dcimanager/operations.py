"""Operations of servers: an OS installation, a diagnostics run, whatever the panel does with a machine for a while."""

import re
from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, ValidationInfo, model_validator

from dcimanager.errors import one_line
from dcimanager.parsing import (
    OptionalText,
    PanelData,
    PanelId,
    Text,
    each,
    first,
    named,
    read,
    schema_error,
    text_or_none,
    vocabulary_of,
)
from dcimanager.transport import PanelTransport
from dcimanager.words import Vocabulary, WordKind


class OperationProgress(StrEnum):
    """How far an operation is."""

    RUNNING = "RUNNING"
    """Not over yet."""
    FINISHED = "FINISHED"
    """It did what it was asked for."""
    FAILED = "FAILED"
    ENDED = "ENDED"
    """Somebody or something stopped it."""
    UNKNOWN = "UNKNOWN"
    """A word that is not in the table, or none: it may be over, so it proves nothing, and the caller's deadline
    decides."""


# The order matters: "unfinished_error" has both. There is no part that tells FINISHED or ENDED: a server would be sold,
# or its wipe believed, on a word that nobody knows ("cancel_requested").
_PARTS = (
    (OperationProgress.FAILED, ("fail", "error", "unsuccess")),
    (OperationProgress.RUNNING, ("incomplete", "unfinish", "not_", "not ", "progress", "queue")),
)


def progress_of(status: str, vocabulary: Vocabulary) -> OperationProgress:
    """Classify a status by its whole word, in any case, and one that is not in the table by its parts.

    The platform's words in -ing ("allocating", "suspending") say that something goes on, so "finishing" and
    "cancelling" are still running. Source: docs/sources.md, panel 6.2, 6.3 and 18.1.
    """
    means = vocabulary.meaning(WordKind.OPERATION, status)
    if means is not None:
        return OperationProgress[means.upper()]
    word = status.strip().lower()
    if word.endswith("ing"):
        return OperationProgress.RUNNING
    told = (progress for progress, parts in _PARTS if any(part in word for part in parts))
    return next(told, OperationProgress.UNKNOWN)


_PART_OF_TYPE = {"installation": "install", "diagnostics": "diag"}
"""The part by which a type is told that is not in the table of words."""


def _does(what: str, kind: str | None, vocabulary: Vocabulary) -> bool | None:
    """Whether an operation of that type is an installation, or diagnostics; None: its type is not told."""
    if kind is None:
        return None
    means = vocabulary.meaning(WordKind.OPERATION_TYPE, kind)
    return _PART_OF_TYPE[what] in kind.lower() if means is None else means == what


_BAD_NEWS = re.compile(r"\b(?:fail\w*|errors?|unsuccess\w*|skipped|incomplete|aborted)\b", re.IGNORECASE)
_NO_BAD_NEWS = re.compile(
    rf"\b(?:no|0|zero|without)\s+{_BAD_NEWS.pattern}|{_BAD_NEWS.pattern}\s*[:=]\s*(?:0|no|none)\b", re.IGNORECASE
)
"""In a text beside an operation: "no errors" and "failed: 0" are good news."""


LONGEST_NEWS = 4_000
"""Characters of a text beside an operation. A longer one is looked at by nobody, so it proves nothing."""


def _tells_bad_news(text: str) -> bool:
    return len(text) > LONGEST_NEWS or _BAD_NEWS.search(_NO_BAD_NEWS.sub("", text)) is not None


class OperationStep(PanelData):
    """One step of an operation; `over`: it was done."""

    name: str
    status: Text = ""
    over: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object, info: ValidationInfo) -> object:
        if isinstance(row, OperationStep):
            return row
        if not isinstance(row, Mapping):
            return {"name": str(row)}
        name = text_or_none(first(row, "name", "title", "step", "id")) or "step"
        status = first(row, "status", "state")
        over = progress_of(text_or_none(status) or "", vocabulary_of(info)) is OperationProgress.FINISHED
        return {"name": name, "status": status, "over": over}


class Operation(PanelData):
    """What the panel does, or did last, with a server.

    `status` is the panel's word and `progress` what it means. `kind` is None when the panel does not tell what it does,
    and so are then `is_install` and `is_diagnostics`. `template` is the OS template's name or id, where told.
    Source: docs/sources.md, panel 6.3 and 18.1.
    """

    id: PanelId
    status: Text = ""
    progress: OperationProgress = OperationProgress.UNKNOWN
    kind: OptionalText = None
    is_install: bool | None = None
    is_diagnostics: bool | None = None
    status_info: str = ""
    progress_info: list[OperationStep] = Field(default_factory=list)
    template: OptionalText = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object, info: ValidationInfo) -> object:
        if not isinstance(row, Mapping):
            return row
        template = first(row, "template", "os_template")
        kind = text_or_none(first(row, "kind", "type", "name"))
        return {
            **row,
            "progress": progress_of(text_or_none(row.get("status")) or "", vocabulary_of(info)),
            "kind": kind,
            "is_install": _does("installation", kind, vocabulary_of(info)),
            "is_diagnostics": _does("diagnostics", kind, vocabulary_of(info)),
            "status_info": said_in(row.get("status_info")),
            "progress_info": each(row.get("progress_info")),
            "template": named(template) or (template.get("id") if isinstance(template, Mapping) else None),
        }

    @property
    def running(self) -> bool:
        """It is not over, as far as the panel's word tells; a word that is not in the table tells nothing."""
        return self.progress in (OperationProgress.RUNNING, OperationProgress.UNKNOWN)

    @property
    def word_note(self) -> str:
        """A sentence that names the word that is not in the table and says what to do; empty: the word is known."""
        if self.progress is not OperationProgress.UNKNOWN:
            return ""
        return f"The panel's word for it, {self.status!r}, is not in the table of words: see docs/dialect.md."

    @property
    def undone(self) -> str:
        """Why it did not do all that it should, though its status may say finished; empty: nothing tells so.

        Where steps tell no status they tell nothing; where one does, one without is not over, and one with a word that
        is not known did not end well.
        """
        told = any(step.status for step in self.progress_info)
        for step in self.progress_info:
            if told and not step.status:
                return one_line(f"its step {step.name} tells no status", longest=200)
            if step.status and not step.over:
                return one_line(f"its step {step.name} is {step.status}", longest=200)
            if not step.status and _tells_bad_news(step.name):
                return one_line(f"its step says {step.name}", longest=200)
        if _tells_bad_news(self.status_info):
            return one_line(f"the panel says of it: {self.status_info}", longest=200)
        return ""

    @property
    def percent(self) -> int | None:
        """The share of steps that are done, 0 to 100; None when the panel tells no steps."""
        steps = self.progress_info
        return round(100 * sum(step.over for step in steps) / len(steps)) if steps else None

    def sentence(self) -> str:
        """What it is at, for people: the step it is in, and what the panel says beside it. Not escaped."""
        parts = [self.status or "no status"]
        steps = self.progress_info
        now = next((number for number, step in enumerate(steps, 1) if not step.over), None)
        if now is not None:
            parts.append(f"step {now} of {len(steps)}: {steps[now - 1].name}")
        if self.status_info:
            parts.append(self.status_info)
        return one_line(", ".join(parts), longest=300)


def said_in(info: object) -> str:
    """The text in `status_info` and its like, which are documented as objects and as nothing more."""
    if isinstance(info, Mapping):
        told = first(info, "msg", "message", "text", "error", "description")
        return said_in(told) if told is not None else ", ".join(f"{key}: {value}" for key, value in info.items())
    return text_or_none(info) or ""


class Operations:
    """The operations of servers."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    async def get(self, server_id: int, operation_id: int) -> Operation:
        """One operation of a server. Raises PanelNotFound, and PanelError in general."""
        answer = await self._transport.request("operation_get", ids={"server": server_id, "operation": operation_id})
        dialect = self._transport.dialect
        operation = read(Operation, answer, dialect, "operation_get")
        if operation.id != operation_id:
            text = f"The panel gave operation {operation.id} of server {server_id} instead of {operation_id}."
            raise schema_error(f"{text} Look at it there.", dialect["operation_get"], answer)
        return operation

    async def end(self, server_id: int, operation_id: int) -> None:
        """End a running operation. Raises PanelRefused: the panel does not end it; PanelError in general.

        Source: docs/sources.md, panel 7.8.
        """
        await self._transport.request(
            "operation_end",
            ids={"server": server_id, "operation": operation_id},
            words={"status": self._transport.dialect_value("operation_end", "ended")},
        )
