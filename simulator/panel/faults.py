"""Faults between a client and the panel, each on the nth call of one endpoint.

A rule counts the calls of its endpoint from the moment when it is added. Endpoints have the names of the table of
endpoints; "*" stands for every call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from simulator.panel.hostile import HostileAnswer, Hostility

ANY = "*"

#: How long the caller of an in-process call waits for an answer, in seconds; None over real HTTP.
client_timeout: ContextVar[float | None] = ContextVar("client_timeout", default=None)


class AnswerLost(Exception):
    """The connection is cut before the answer: the caller cannot know whether the call had its effect."""


class AnswerDrips(AnswerLost):
    """The answer begins, and drips a byte every few seconds for ever; over real HTTP its connection is cut."""


class AnswerLate(AnswerLost):
    """The answer comes after the caller has given up waiting."""


@dataclass
class Rule:
    """One fault, which occurs on calls `first` to `first + times - 1` of an endpoint."""

    what: Literal["cut", "late", "status", "act", "hostile", "drip"]
    when: Literal["before", "after"]
    endpoint: str
    first: int = 1
    times: int = 1
    status: int = 0
    seconds: float = 0.0
    action: Callable[[], object] | None = None
    hostile: HostileAnswer | None = None
    seen: int = field(default=0, init=False)

    def counts(self, endpoint: str) -> bool:
        """Count a call; true when the fault occurs on this one."""
        if self.endpoint not in (ANY, endpoint):
            return False
        self.seen += 1
        return self.first <= self.seen < self.first + self.times


@dataclass(frozen=True)
class GatewayError:
    """The error page that a gateway answers with in place of the panel."""

    status: int
    text: str


class Faults:
    """The rules in force. `sleep` delays a late answer by simulated seconds."""

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

        Source: docs/sources.md, panel 4.2.
        """
        self._rules.append(Rule("status", "before", endpoint, 1, n, status=503))

    def server_error(
        self, status: Literal[500, 502, 504], endpoint: str = ANY, nth: int = 1, *, after_effect: bool = False
    ) -> None:
        """The gateway answers with an error page, before or after the call had its effect."""
        self._rules.append(Rule("status", "after" if after_effect else "before", endpoint, nth, status=status))

    def answer_hostile(self, how: Hostility, endpoint: str = ANY, nth: int = 1, times: int = 1) -> None:
        """The call has its effect; the answer is one that nobody should read."""
        self._rules.append(Rule("hostile", "after", endpoint, nth, times, hostile=HostileAnswer(how)))

    def drip(self, endpoint: str = ANY, nth: int = 1) -> None:
        """The call has its effect; its answer drips for ever."""
        self._rules.append(Rule("drip", "after", endpoint, nth))

    def admin_acts_before(self, endpoint: str, nth: int, action: Callable[[], object]) -> None:
        """Somebody does something by hand right before the call is handled."""
        self._rules.append(Rule("act", "before", endpoint, nth, action=action))

    def admin_acts_after(self, endpoint: str, nth: int, action: Callable[[], object]) -> None:
        """Somebody does something by hand right after the call was handled, before its answer arrives."""
        self._rules.append(Rule("act", "after", endpoint, nth, action=action))

    def clear(self) -> None:
        """Forget all rules."""
        self._rules.clear()

    def rules_for(self, endpoint: str) -> list[Rule]:
        """Count one call; returns the rules whose fault occurs on it."""
        return [rule for rule in self._rules if rule.counts(endpoint)]

    async def apply(self, rules: list[Rule], when: Literal["before", "after"]) -> GatewayError | HostileAnswer | None:
        """Apply the rules for this moment, manual actions first. Raises AnswerLost: the caller gets no answer."""
        due = [rule for rule in rules if rule.when == when]
        for rule in due:
            if rule.action is not None:
                rule.action()
        for rule in due:
            if rule.what == "cut":
                raise AnswerLost
            if rule.what == "drip":
                raise AnswerDrips
            if rule.what == "late":
                await self._wait(rule.seconds)
            if rule.hostile is not None:
                return rule.hostile
            if rule.what == "status":
                return GatewayError(rule.status, "Unavailable" if rule.status == 503 else f"<html>{rule.status}</html>")
        return None

    async def _wait(self, seconds: float) -> None:
        limit = client_timeout.get()
        if limit is not None and seconds > limit:
            await self.sleep(limit)
            raise AnswerLate
        await self.sleep(seconds)
