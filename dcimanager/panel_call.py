"""What is told of each exchange with a panel, fit to be logged."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import JsonValue

from answers.described import described
from answers.errors import OverLimit
from answers.json_text import parse_json
from dcimanager.redaction import MOST_SHOWN, redact
from dcimanager.retry import ReceivedResponse


@dataclass(frozen=True)
class PanelCall:
    """One HTTP exchange with the panel, fit to be logged: bodies are redacted, `status` is None without an answer.

    What was received is redacted when it is asked for: a page of servers is large, and most logs do not show it.
    """

    method: str
    path: str
    status: int | None
    milliseconds: float
    sent: JsonValue
    redacted: Callable[[], JsonValue] = field(repr=False)

    @property
    def received(self) -> JsonValue:
        """The answer's body; None without an answer."""
        return self.redacted()


OnCall: TypeAlias = Callable[[PanelCall], None]


def shown(answer: ReceivedResponse, secrets: Collection[str]) -> JsonValue:
    """The answer's body with secrets masked; of one that is long, or no JSON, its length, its type and a hash."""
    if not answer.text:
        return None
    try:
        if len(answer.text) <= MOST_SHOWN:
            return redact(parse_json(answer.text), secrets)
    except (ValueError, OverLimit):
        pass
    return described(answer.text.encode(errors="replace"), answer.kind)
