"""Where the machine plays: a stage of few servers, on which runs are started, broken off and started again."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from prefect import Flow

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger import services
from ledger.database import Ledger
from ledger.errors import Busy, LedgerError, Superseded
from ledger.lifecycle import State
from ledger.snapshots import Service
from simulator.billing_records import Client
from simulator.profile import XEON, Batch
from tasks.heart import SILENT_AFTER
from tasks.log import EXPECTED
from tasks.outcomes import Unforeseen
from tests.machine.accidents import Accident, Died, arm, disarm
from tests.machine.guard import Guard
from tests.machine.hands import Hands
from tests.machine.memory import Memory, Peek
from tests.stage import QUICK, Stage, empty, open_ledger, quick_ledger

T = TypeVar("T")

FLOWS: dict[str, "Flow[..., None]"] = {
    flow.name: flow for flow in (activate, watch_os_install, suspend, unsuspend, terminate)
}
FLEET = QUICK.model_copy(
    update={
        "fleet": (
            Batch(configuration=XEON, location="Riga", servers=2),
            Batch(configuration=XEON, location="Vilnius", servers=1),
        )
    }
)
LINES_OF_THE_LEDGER = (Superseded, Busy)
"""What the ledger may say at the end of a run; its other lines mean that a step did not look first."""

_run_id: ContextVar[str] = ContextVar("run_id")


@dataclass(frozen=True)
class Run:
    """One flow run: a second one with the same id is a Retry of the first."""

    id: str
    flow: str
    service_id: int
    more: tuple[tuple[str, Any], ...] = ()


class House:
    """What all plays share: the event loop, and the ledger that belongs to it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._runner = asyncio.Runner()
        self.file = folder / "ledger.db"
        self.wait(self._migrate(folder))
        self.ledger = quick_ledger(self.file)
        monkeypatch.setattr("flows.lifecycle.run_id", _run_id.get)
        # What is played once must come out the same when it is played again.
        monkeypatch.setattr("tasks.allocation.SystemRandom", lambda: Random(1))  # noqa: S311
        # Both are real seconds: a watcher waits for them, and a live run signs the ledger in them.
        monkeypatch.setattr("flows.lifecycle.PATIENCE_TRIES", 0)
        self.monkeypatch = monkeypatch

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it in the house's event loop."""
        return self._runner.run(work)

    async def _migrate(self, folder: Path) -> None:
        await (await open_ledger(folder)).dispose()

    def close(self) -> None:
        """Close ledger and loop."""
        self.wait(self.ledger.dispose())
        self._runner.close()


class Scene:
    """One play's panel, WHMCS and ledger, all of them fresh."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.wait = house.wait
        self.ledger: Ledger = house.ledger
        self.wait(empty(self.ledger))
        self.stage = Stage(house.ledger, FLEET)
        self.memory = Memory()
        self.peek = Peek(house.file)
        self.guard = Guard(self.stage.panel, self.peek)
        self.stage.panel.requests = self.guard
        self.hands = Hands(self.stage, self.memory, self.peek)
        self.clients: list[Client] = [
            self.stage.client,
            self.stage.billing.add_client("boris@example.com", "Boris", "Berzins"),
        ]
        self.wrongs: list[str] = []
        self.last: dict[int, Run] = {}
        """The run of each service that was started last."""
        self._runs = count(1)
        self.wait(self._connect())

    async def _connect(self) -> None:
        self.stage.connect()

    def close(self) -> None:
        """The play is over."""
        disarm(self.stage, self.guard)
        self.peek.close()

    def service(self, service_id: int) -> Service | None:
        """The service in the ledger."""
        return self.wait(services.get(self.ledger, service_id))

    def new_run(self, flow: str, service_id: int, **more: Any) -> Run:
        """A flow run that was not there before."""
        return Run(f"run-{next(self._runs)}", flow, service_id, tuple(more.items()))

    def play(self, run: Run, accidents: Iterable[Accident] = ()) -> bool:
        """Do a run, with what happens meanwhile; whether it ended well."""
        for accident in accidents:
            self.memory.accidents.add(type(accident).__name__)
            arm(accident, self.stage, self.guard, self.hands, lambda status: self.set_status(run.service_id, status))
        return self.together([run])[0]

    def together(self, runs: list[Run]) -> list[bool]:
        """Do runs at once; which of them ended well."""
        before = {run.service_id: self.service(run.service_id) for run in runs}
        since = len(self.guard)
        if len(runs) > 1:  # a live run signs the ledger every few real seconds, in which simulated days may pass
            self.house.monkeypatch.setattr("flows.lifecycle.SILENT_AFTER", timedelta(days=1))
        for run in runs:
            self._before(run, before[run.service_id])
        ends = self.wait(self._play_all(runs))
        self.house.monkeypatch.setattr("flows.lifecycle.SILENT_AFTER", SILENT_AFTER)
        disarm(self.stage, self.guard)
        self.stage.panel.settle()
        for run, end in zip(runs, ends, strict=True):
            self._after(run, end, before[run.service_id], since)
        if any(isinstance(end, Died) for end in ends):
            self.wait(self._connect())
        return [end is None for end in ends]

    async def _play_all(self, runs: list[Run]) -> list[BaseException | None]:
        return list(await asyncio.gather(*map(self._play, runs)))

    async def _play(self, run: Run) -> BaseException | None:
        _run_id.set(run.id)
        try:
            await self.stage.run(FLOWS[run.flow], run.service_id, **dict(run.more))
        except (Exception, Died, asyncio.CancelledError) as error:
            return error
        return None

    def _before(self, run: Run, service: Service | None) -> None:
        self.last[run.service_id] = run
        if run.flow == "terminate" and service is not None:
            self.memory.deleted.add((run.service_id, service.generation))

    def _after(self, run: Run, end: BaseException | None, before: Service | None, since: int) -> None:
        if isinstance(end, Died | asyncio.CancelledError):
            # A run that is cancelled while it opens or closes its request leaves it open, too: its silence ends that.
            self.memory.dead_runs.add(run.id)
        elif isinstance(end, LedgerError) and not isinstance(end, LINES_OF_THE_LEDGER):
            self.wrongs.append(f"{run} ended with the ledger's own line: {end}")
        elif isinstance(end, Unforeseen) or (isinstance(end, Exception) and not isinstance(end, EXPECTED)):
            self.wrongs.append(f"{run} broke: {end!r}")
        if end is not None and not isinstance(end, Died | asyncio.CancelledError) and len(str(end).splitlines()) != 1:
            self.wrongs.append(f"{run} does not end with one line: {str(end)!r}")
        self._note_ports(run, end, before, since)
        self._hear_whmcs(run.service_id)
        if end is None:
            self._tell_whmcs(run)

    def _note_ports(self, run: Run, end: BaseException | None, before: Service | None, since: int) -> None:
        after = self.service(run.service_id)
        if after is None or after.claim is None:
            return
        looked = run.flow in ("suspend", "unsuspend") or (
            run.flow == "activate" and before is not None and before.state is not State.ACTIVE
        )
        switched = any((call.endpoint or "").startswith("port_") for call in self.guard[since:])
        if end is None and looked:
            self.memory.ports_left.discard(after.claim.server_id)
        elif end is not None and switched:
            self.memory.ports_left.add(after.claim.server_id)

    def _hear_whmcs(self, service_id: int) -> None:
        """Of a service's status dciflow may change one thing: a Pending one that has its server becomes Active."""
        was, now = self.memory.statuses[service_id], self.stage.billed(service_id).status
        if was == now:
            return
        self.memory.statuses[service_id] = now
        if (was, now) != ("Pending", "Active"):
            self.wrongs.append(f"service {service_id} was {was} in WHMCS and was made {now}")
        service = self.service(service_id)
        if service is None or service.claim is None:
            self.wrongs.append(f"service {service_id} is Active in WHMCS without a server")
        elif not {service.state, service.held_from} & {State.INSTALLING, State.ACTIVE, State.SUSPENDED}:
            self.wrongs.append(f"service {service_id} is Active in WHMCS and {service.state} here")

    def _tell_whmcs(self, run: Run) -> None:
        """WHMCS sets a service's status when the module's work went well."""
        status = self.memory.statuses[run.service_id]
        service = self.service(run.service_id)
        if run.flow == "suspend" and status == "Active":
            self.set_status(run.service_id, "Suspended")
        elif run.flow == "unsuspend" and status == "Suspended":
            self.set_status(run.service_id, "Active")
        elif run.flow == "terminate" and service is not None and service.claim is None:
            self.set_status(run.service_id, "Terminated")

    def set_status(self, service_id: int, status: str) -> None:
        """WHMCS, or its staff, gives the service another status."""
        self.memory.statuses[service_id] = self.stage.billed(service_id).status = status
