"""Operations of servers: an OS installation, a diagnostics run, whatever the panel does with a machine for a while."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, model_validator

from dcimanager.errors import one_line
from dcimanager.shapes import OptionalText, Shape, Text, each, first, named, outside, read, text_or_none
from dcimanager.transport import Transport


class OperationProgress(StrEnum):
    """How far an operation is; the panel's own words for it are not known, so they are told by their parts."""

    RUNNING = "RUNNING"
    """Not over yet, or a word that we do not know: the caller's deadline decides."""
    FINISHED = "FINISHED"
    """It did what it was asked for."""
    FAILED = "FAILED"
    ENDED = "ENDED"
    """Somebody or something stopped it."""


# The order matters: "unsuccessful" has "success" in it, and "abandoned" has "done".
_PARTS = (
    (OperationProgress.ENDED, ("cancel", "abort", "terminat", "interrupt", "abandon")),
    (OperationProgress.FAILED, ("fail", "error", "unsuccess")),
    (OperationProgress.RUNNING, ("incomplete", "unfinish", "not_", "not ")),
    (OperationProgress.FINISHED, ("finish", "complete", "success", "done")),
)


def progress_of(status: str) -> OperationProgress:
    """Classify a status by the parts of its word, in any case.

    The platform's words in -ing ("allocating", "suspending") say that something goes on, so "finishing" and
    "cancelling" are still running. Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 6.2 and 6.3.
    """
    word = status.strip().lower()
    if not word.endswith("ing"):
        for progress, parts in _PARTS:
            if any(part in word for part in parts):
                return progress
    return OperationProgress.RUNNING


class Step(Shape):
    """One step of an operation."""

    name: str
    status: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if isinstance(row, Step):
            return row
        if not isinstance(row, Mapping):
            return {"name": str(row)}
        name = text_or_none(first(row, "name", "title", "step", "id")) or "step"
        return {"name": name, "status": first(row, "status", "state")}

    @property
    def over(self) -> bool:
        """The step was done."""
        return progress_of(self.status) is OperationProgress.FINISHED


class Operation(Shape):
    """What the panel does, or did last, with a server.

    `kind` is None when the panel does not tell it; `template` is the OS template's name or id, where told.
    Source: dossier "HTTP API of ISPsystem DCImanager 6", section 6.3.
    """

    id: int
    status: Text = ""
    kind: OptionalText = None
    status_info: str = ""
    progress_info: list[Step] = Field(default_factory=list)
    template: OptionalText = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if not isinstance(row, Mapping):
            return row
        template = first(row, "template", "os_template")
        return {
            **row,
            "kind": first(row, "kind", "type", "name"),
            "status_info": _said(row.get("status_info")),
            "progress_info": each(row.get("progress_info")),
            "template": named(template) or (template.get("id") if isinstance(template, Mapping) else None),
        }

    @property
    def progress(self) -> OperationProgress:
        """How far it is."""
        return progress_of(self.status)

    @property
    def running(self) -> bool:
        """It is not over, as far as the panel's word tells."""
        return self.progress is OperationProgress.RUNNING

    @property
    def is_install(self) -> bool | None:
        """It installs an operating system; None when the panel does not tell the kind."""
        return None if self.kind is None else "install" in self.kind.lower()

    @property
    def is_diagnostics(self) -> bool | None:
        """It examines the server, perhaps clearing its disks; None when the panel does not tell the kind."""
        return None if self.kind is None else "diag" in self.kind.lower()

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


def _said(info: object) -> str:
    """The text in `status_info`, which is documented as an object and as nothing more."""
    if isinstance(info, Mapping):
        told = first(info, "msg", "message", "text", "error", "description")
        return _said(told) if told is not None else ", ".join(f"{key}: {value}" for key, value in info.items())
    return text_or_none(info) or ""


class Operations:
    """The operations of servers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, server_id: int, operation_id: int) -> Operation:
        """One operation of a server. Raises NotFound, and PanelError in general."""
        answer = await self._transport.request("operation_get", ids={"server": server_id, "operation": operation_id})
        endpoint = self._transport.dialect["operation_get"]
        operation = read(Operation, answer, endpoint)
        if operation.id != operation_id:
            text = f"The panel gave operation {operation.id} of server {server_id} instead of {operation_id}."
            raise outside(f"{text} Look at it there.", endpoint, answer)
        return operation

    async def end(self, server_id: int, operation_id: int) -> None:
        """End a running operation. Raises Refused: the panel does not end it; PanelError in general.

        Source: dossier "HTTP API of ISPsystem DCImanager 6", section 7.8.
        """
        await self._transport.request(
            "operation_end",
            ids={"server": server_id, "operation": operation_id},
            words={"status": self._transport.spoken("operation_end", "ended")},
        )
