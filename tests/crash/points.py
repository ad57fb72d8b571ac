"""Where a process can die, or lose its ledger, and a process to which that happens."""

import asyncio
from enum import StrEnum
from itertools import product, starmap
from typing import Any, NamedTuple
from unittest.mock import patch

import httpx
from prefect import Flow
from pydantic import JsonValue

from flows import lifecycle
from ledger.errors import Outage
from tests.stage import Stage


class Place(StrEnum):
    """What leaves a process and may be seen by others: at each of these it can die."""

    PANEL = "panel call"
    WHMCS = "WHMCS call"
    LEDGER = "ledger commit"
    PREFECT = "run started"


class Moment(StrEnum):
    """On which side of its effect."""

    BEFORE = "before"
    AFTER = "after"


class Kind(NamedTuple):
    """A kind of point; after the effect of a call its answer is never heard."""

    place: Place
    moment: Moment

    def __str__(self) -> str:
        return f"{self.moment.value} {self.place.value}"


KINDS = list(starmap(Kind, product(Place, Moment)))


class Point(NamedTuple):
    """Where a process could die, and how far the world had come by then."""

    kind: Kind
    world: tuple[int, int]
    """The effects that the process has had, and the changes that the panel has made by itself meanwhile."""


def deaths(points: list[Point]) -> list[int]:
    """Which of the points, counted from 1, are worth dying at: the first of those between which nothing changed.

    What a dead process knew is gone with it, so to die before a call or after the effect before it is the same death.
    """
    first: dict[tuple[int, int], int] = {}
    for nth, point in enumerate(points, start=1):
        first.setdefault(point.world, nth)
    return list(first.values())


def lost_commits(points: list[Point]) -> list[int]:
    """Which of the points, counted from 1, are on either side of a commit: not kept and kept, and nobody is told."""
    return [nth for nth, point in enumerate(points, start=1) if point.kind.place is Place.LEDGER]


class Died(BaseException):
    """The process is gone. No `Exception`: nothing in the product catches it."""


class Process:
    """A worker's process, with sessions of its own, which may have to die at its nth point, or to lose a commit there.

    A dead one gets nowhere any more: what it leaves behind (a clean-up, its heart, a poller) dies at the next point.
    """

    def __init__(self, stage: Stage, dies_at: int | None = None, *, loses_at: int | None = None) -> None:
        self.points: list[Point] = []
        self._stage = stage
        self._dies_at = dies_at
        self._loses_at = loses_at
        self._effects = 0
        self._gone = asyncio.Event()
        opened = stage.connect(
            lambda transport, to: _Crossing(transport, self, Place.PANEL if to == "panel" else Place.WHMCS)
        )
        start_run = opened.start_run

        async def start(deployment: str, parameters: dict[str, JsonValue], key: str) -> str:
            self.gets_to(Place.PREFECT, Moment.BEFORE)
            run = await start_run(deployment, parameters, key)
            self.gets_to(Place.PREFECT, Moment.AFTER)
            return run

        opened.start_run = start
        stage.ledger.before_commit[:] = [lambda: self.gets_to(Place.LEDGER, Moment.BEFORE)]
        stage.ledger.after_commit[:] = [lambda: self.gets_to(Place.LEDGER, Moment.AFTER)]

    @property
    def died(self) -> bool:
        """Whether it got to its point."""
        return self._gone.is_set()

    def die(self) -> None:
        """It gets no further than this."""
        self._gone.set()

    def gets_to(self, place: Place, moment: Moment) -> None:
        """One more point. Raises Died: it is the one, or was it before; Outage: the commit's answer is lost here."""
        if not self.died:
            self._stage.panel.settle()
            self._effects += moment is Moment.AFTER
            self.points.append(Point(Kind(place, moment), (self._effects, self._stage.panel.world.changes)))
            if len(self.points) == self._dies_at:
                self.die()
            if len(self.points) == self._loses_at:
                raise Outage("The ledger broke off in the middle of a commit.")
        if self.died:
            raise Died

    async def run(self, flow: "Flow[..., Any]", service_id: int, run_id: str, **more: Any) -> None:
        """Play a flow run until it ends or the process dies, whichever of its tasks dies first. Raises Died."""
        others = asyncio.all_tasks()
        with patch.object(lifecycle, "run_id", lambda: run_id):
            work = asyncio.create_task(self._stage.run(flow, service_id, **more))
            death = asyncio.create_task(self._gone.wait())
            await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
            left = asyncio.all_tasks() - others - {work}
            for task in left | ({work} if self.died else set()):
                task.cancel()
            await asyncio.gather(work, *left, return_exceptions=True)
        if self.died:
            raise Died
        work.result()


class _Crossing(httpx.AsyncBaseTransport):
    """The way to the panel or to WHMCS, with a point on either side of each call."""

    def __init__(self, inner: httpx.AsyncBaseTransport, process: Process, place: Place) -> None:
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
