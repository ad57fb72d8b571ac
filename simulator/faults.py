"""Things that go wrong between a client and the panel, each on the nth call of one endpoint.

A rule counts the calls of its endpoint from the moment it is made. The name of an endpoint is the one in the table of
endpoints; "*" means every call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

ANY = "*"

#: How long the caller of an in-process call waits for an answer, in seconds; None over real HTTP.
patience: ContextVar[float | None] = ContextVar("patience", default=None)


class AnswerLost(Exception):
    """The connection is cut before the answer; whether the call had its effect, the caller cannot know."""


class AnswerLate(AnswerLost):
    """The answer comes after the caller has given up waiting."""


@dataclass
class Rule:
    """One thing that goes wrong on calls `first` to `first + times - 1` of an endpoint."""

    what: Literal["cut", "late", "status", "act"]
    when: Literal["before", "after"]
    endpoint: str
    first: int = 1
    times: int = 1
    status: int = 0
    seconds: float = 0.0
    action: Callable[[], object] | None = None
    seen: int = field(default=0, init=False)

    def counts(self, endpoint: str) -> bool:
        """Count a call of the endpoint; true when the rule strikes on this one."""
        if self.endpoint not in (ANY, endpoint):
            return False
        self.seen += 1
        return self.first <= self.seen < self.first + self.times


@dataclass(frozen=True)
class Broken:
    """An answer that a gateway gives instead of the panel."""

    status: int
    text: str


class Faults:
    """The rules in force. `sleep` is how a late answer waits, in simulated seconds."""

    def __init__(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self.sleep = sleep
        self._rules: list[Rule] = []

    def lose_answer(self, endpoint: str, nth: int = 1) -> None:
        """The call has its effect; its answer never arrives."""
        self._rules.append(Rule("cut", "after", endpoint, nth))

    def refuse_before(self, endpoint: str, nth: int = 1) -> None:
        """The connection is cut before the call has any effect."""
        self._rules.append(Rule("cut", "before", endpoint, nth))

    def answer_late(self, seconds: float, endpoint: str = ANY, nth: int = 1) -> None:
        """The call has its effect; its answer comes so many simulated seconds later."""
        self._rules.append(Rule("late", "after", endpoint, nth, seconds=seconds))

    def unavailable(self, n: int, endpoint: str = ANY) -> None:
        """The service sleeps: the next n calls get 503 and the text "Unavailable", and have no effect.

        Source: dossier "HTTP API of ISPsystem DCImanager 6", section 4.2.
        """
        self._rules.append(Rule("status", "before", endpoint, 1, n, status=503))

    def server_error(
        self, status: Literal[500, 502, 504], endpoint: str = ANY, nth: int = 1, *, after_effect: bool = False
    ) -> None:
        """The gateway answers with an error page, before or after the call had its effect."""
        self._rules.append(Rule("status", "after" if after_effect else "before", endpoint, nth, status=status))

    def admin_acts_before(self, endpoint: str, nth: int, action: Callable[[], object]) -> None:
        """Somebody does something by hand right before the call is handled."""
        self._rules.append(Rule("act", "before", endpoint, nth, action=action))

    def admin_acts_after(self, endpoint: str, nth: int, action: Callable[[], object]) -> None:
        """Somebody does something by hand right after the call was handled, before its answer arrives."""
        self._rules.append(Rule("act", "after", endpoint, nth, action=action))

    def clear(self) -> None:
        """Forget all rules."""
        self._rules.clear()

    def strike(self, endpoint: str) -> list[Rule]:
        """Count one call and give the rules that strike on it."""
        return [rule for rule in self._rules if rule.counts(endpoint)]

    async def play(self, rules: list[Rule], when: Literal["before", "after"]) -> Broken | None:
        """Let the rules of this moment happen, people first. Raises AnswerLost: the caller hears nothing."""
        due = [rule for rule in rules if rule.when == when]
        for rule in due:
            if rule.action is not None:
                rule.action()
        for rule in due:
            if rule.what == "cut":
                raise AnswerLost
            if rule.what == "late":
                await self._wait(rule.seconds)
            if rule.what == "status":
                return Broken(rule.status, "Unavailable" if rule.status == 503 else f"<html>{rule.status}</html>")
        return None

    async def _wait(self, seconds: float) -> None:
        limit = patience.get()
        if limit is not None and seconds > limit:
            await self.sleep(limit)
            raise AnswerLate
        await self.sleep(seconds)
