"""The points where a process can die or lose a commit's answer, and a process to which that happens."""

import asyncio
import os
from datetime import datetime
from enum import StrEnum
from itertools import product, starmap
from typing import Any, NamedTuple
from unittest.mock import patch

import httpx
from prefect import Flow
from pydantic import JsonValue

from flows import _request
from ledger.errors import LedgerUnavailable
from tests.harness import Harness

EVERY = int(os.environ.get("DCIFLOW_CRASH_EVERY", "3"))
"""Which share of the points is taken: every third one in all tests, each one by `make crash`."""


class CrashPlace(StrEnum):
    """An effect outside the process: the process can die before and after each of them."""

    PANEL = "panel call"
    WHMCS = "WHMCS call"
    LEDGER = "ledger commit"
    PREFECT = "run started"


class Moment(StrEnum):
    """On which side of its effect."""

    BEFORE = "before"
    AFTER = "after"


class CrashKind(NamedTuple):
    """A kind of point; after the effect of a call its answer is never heard."""

    place: CrashPlace
    moment: Moment

    def __str__(self) -> str:
        return f"{self.moment.value} {self.place.value}"


KINDS = list(starmap(CrashKind, product(CrashPlace, Moment)))


class CrashPoint(NamedTuple):
    """Where a process could die, and how far the world had come by then."""

    kind: CrashKind
    world: tuple[int, int]
    """The effects that the process has had, and the changes that the panel has made by itself meanwhile."""


def deaths(points: list[CrashPoint]) -> list[int]:
    """Which of the points, counted from 1, are worth dying at: the first of those between which nothing changed.

    What a dead process knew is gone with it, so to die before a call or after the effect before it is the same death.
    """
    first: dict[tuple[int, int], int] = {}
    for nth, point in enumerate(points, start=1):
        first.setdefault(point.world, nth)
    return list(first.values())


def lost_commits(points: list[CrashPoint]) -> list[int]:
    """Which of the points, counted from 1, are on either side of a commit: not kept and kept, and nobody is told."""
    return [nth for nth, point in enumerate(points, start=1) if point.kind.place is CrashPlace.LEDGER]


class ProcessDied(BaseException):
    """The process is gone. No `Exception`: nothing in the product catches it."""


class Process:
    """A worker's process, with sessions of its own, which may have to die at its nth point, or to lose a commit there.

    A dead one does nothing more: what it leaves behind (a clean-up, its heartbeat, a poller) dies at the next point.
    """

    def __init__(self, harness: Harness, dies_at: int | None = None, *, loses_at: int | None = None) -> None:
        self.points: list[CrashPoint] = []
        self._harness = harness
        self._dies_at = dies_at
        self._loses_at = loses_at
        self._effects = 0
        self._gone = asyncio.Event()
        opened = harness.connect(
            lambda transport, to: _Crossing(transport, self, CrashPlace.PANEL if to == "panel" else CrashPlace.WHMCS)
        )
        start_run = opened.start_run

        async def start(
            deployment: str, parameters: dict[str, JsonValue], key: str, *, at: datetime | None = None
        ) -> str:
            self.gets_to(CrashPlace.PREFECT, Moment.BEFORE)
            run = await start_run(deployment, parameters, key, at=at)
            self.gets_to(CrashPlace.PREFECT, Moment.AFTER)
            return run

        opened.start_run = start
        harness.ledger.before_commit[:] = [lambda: self.gets_to(CrashPlace.LEDGER, Moment.BEFORE)]
        harness.ledger.after_commit[:] = [lambda: self.gets_to(CrashPlace.LEDGER, Moment.AFTER)]

    @property
    def died(self) -> bool:
        """Whether it got to its point."""
        return self._gone.is_set()

    def die(self) -> None:
        """Die here."""
        self._gone.set()

    def gets_to(self, place: CrashPlace, moment: Moment) -> None:
        """Count a point. Raises ProcessDied: it died here or before; LedgerUnavailable: the commit's answer is lost."""
        if not self.died:
            self._harness.panel.settle()
            self._effects += moment is Moment.AFTER
            self.points.append(CrashPoint(CrashKind(place, moment), (self._effects, self._harness.panel.world.changes)))
            if len(self.points) == self._dies_at:
                self.die()
            if len(self.points) == self._loses_at:
                raise LedgerUnavailable("The ledger's connection was lost in the middle of a commit.")
        if self.died:
            raise ProcessDied

    async def run(self, flow: "Flow[..., Any]", service_id: int, run_id: str, **more: Any) -> None:
        """Execute a flow run until it ends or the process dies, in whichever task. Raises ProcessDied."""
        others = asyncio.all_tasks()
        with patch.object(_request, "run_id", lambda: run_id):
            work = asyncio.create_task(self._harness.run(flow, service_id, **more))
            death = asyncio.create_task(self._gone.wait())
            await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
            left = asyncio.all_tasks() - others - {work}
            for task in left | ({work} if self.died else set()):
                task.cancel()
            await asyncio.gather(work, *left, return_exceptions=True)
        if self.died:
            raise ProcessDied
        work.result()


class _Crossing(httpx.AsyncBaseTransport):
    """A transport to the panel or to WHMCS with a point before and after each call."""

    def __init__(self, inner: httpx.AsyncBaseTransport, process: Process, place: CrashPlace) -> None:
        self._inner = inner
        self._process = process
        self._place = place

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._process.gets_to(self._place, Moment.BEFORE)
        response = await self._inner.handle_async_request(request)
        if not _only_asks(request):
            self._process.gets_to(self._place, Moment.AFTER)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def _only_asks(request: httpx.Request) -> bool:
    """Whether the call has no effect, so that there is no point after one."""
    return request.method == "GET" or b"action=Get" in request.content
