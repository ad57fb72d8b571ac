"""The machine's harness: a few servers, on which runs are started, interrupted and started again."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace
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
from ledger.errors import LedgerError, RequestInProgress, Superseded
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Service
from ledger.states import State
from ledger.wishes import ServiceWish
from runtime import resolver
from runtime.connections import connections
from runtime.errors import Unforeseen
from runtime.heartbeat import STALLED_AFTER
from runtime.run_log import EXPECTED
from runtime.settings import settings
from simulator.panel.profile import XEON, Batch
from simulator.whmcs.records import ClientRecord
from tests.harness import QUICK, Harness, empty, open_ledger, quick_ledger, trust_panel
from tests.machine.errands import ADDRESSING, ERRANDS, ErrandJudge, fresh_noted
from tests.machine.expected_state import ExpectedState, Peek, Promise, Whose
from tests.machine.faults import Fault, RunDied, arm, disarm
from tests.machine.guard import Guard
from tests.machine.manual_actions import ManualActions
from tests.machine.whmcs_staff import WhmcsCalls, WhmcsStaff

T = TypeVar("T")

FLOWS: dict[str, "Flow[..., None]"] = {
    flow.name: flow for flow in (activate, watch_os_install, suspend, unsuspend, terminate)
} | ERRANDS
FLEET = QUICK.model_copy(
    update={
        "fleet": (
            Batch(configuration=XEON, location="Riga", servers=2),
            Batch(configuration=XEON, location="Vilnius", servers=1),
        )
    }
)
ALIAS = "main-2"
"""The same panel under a second name."""
FRESH = timedelta(seconds=60)
"""So long is a command the wish itself."""
COMMANDS = ("activate", "suspend", "unsuspend", "terminate")
MOST_ROWS = 2_000
"""More than any list of so small a data centre has."""
LINES_OF_THE_LEDGER = (Superseded, RequestInProgress)
"""What the ledger may say at the end of a run; its other lines mean that a step did not look first."""

_run_id: ContextVar[str] = ContextVar("run_id")


@dataclass(frozen=True)
class MachineRun:
    """One flow run: a second one with the same id is a Retry of the first."""

    id: str
    flow: str
    service_id: int
    more: tuple[tuple[str, Any], ...] = ()


async def _labelled(**labels: object) -> bool:
    return True  # outside of Prefect no run can be labelled, and a key that nobody can read ends in a refusal


class MachineLedger:
    """What all examples share: the event loop, and the ledger that belongs to it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._runner = asyncio.Runner()
        self.file = folder / "ledger.db"
        self.wait(self._migrate(folder))
        self.ledger = quick_ledger(self.file)
        monkeypatch.setattr("flows._request.run_id", _run_id.get)
        # An example must come out the same when Hypothesis runs it again.
        monkeypatch.setattr("tasks.allocation.SystemRandom", lambda: Random(1))  # noqa: S311
        # Both are real seconds: a watcher waits for them, and a live run signs the ledger in them.
        monkeypatch.setattr("flows._request.PREDECESSOR_TRIES", 0)
        monkeypatch.setattr("runtime.driver.Drive.fresh", fresh_noted)
        # A lifecycle goes over an errand at once, wherever that one stands.
        monkeypatch.setattr("flows._request.ERRAND_TRIES", 0)
        monkeypatch.setattr("tasks.sign_in.set_run_labels", _labelled)
        monkeypatch.setattr(resolver, "_resolve", resolver.ask_this_machine)
        # A handful of clients delete and order again all day long: no burst here needs a person.
        monkeypatch.setenv("DCIFLOW_BURST_AT_LEAST", "1000")
        monkeypatch.setenv("DCIFLOW_CAP_SMALL_FLEET", "1000")
        # A list without an end is read to its cap: a hundred thousand rows would take a second each time.
        monkeypatch.setattr("dcimanager.paging.MOST_ROWS", MOST_ROWS)
        settings.cache_clear()
        self.monkeypatch = monkeypatch

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it in the shared event loop."""
        return self._runner.run(work)

    async def _migrate(self, folder: Path) -> None:
        await (await open_ledger(folder)).dispose()

    def close(self) -> None:
        """Close ledger and loop."""
        self.wait(self.ledger.dispose())
        self._runner.close()
        settings.cache_clear()


class MachineHarness:
    """One example's panel, WHMCS and ledger, all of them new."""

    def __init__(self, shared: MachineLedger) -> None:
        self.shared = shared
        self.wait = shared.wait
        self.ledger: Ledger = shared.ledger
        self.wait(empty(self.ledger))
        self.wait(trust_panel(self.ledger, name=ALIAS))
        self.harness = Harness(shared.ledger, FLEET)
        self.expected = ExpectedState()
        self.peek = Peek(shared.file)
        self.guard = Guard(self.harness.panel, self.peek)
        self.harness.panel.requests = self.guard
        self.manual = ManualActions(self.harness, self.expected, self.peek)
        self.clients: list[ClientRecord] = [
            self.harness.client,
            self.harness.whmcs.add_client("boris@example.com", "Boris", "Berzins"),
        ]
        self.staff = WhmcsStaff(self.harness, self.expected, self.peek)
        self.calls = WhmcsCalls(self.staff, self.expected, self.peek)
        self.harness.whmcs.requests = self.calls
        self.errands = ErrandJudge(self.harness.panel, self.peek, self.expected, _run_id.get)
        self.errands.clients.update({client.id: client for client in self.clients})
        self.guard.errands = self.errands
        self.guard.unwanted = self._unwanted
        self.guard.addressed = self.expected.addressed
        self.wrongs: list[str] = []
        self.history: list[MachineRun] = []
        """All runs, each once, the oldest first."""
        self._asked_for: dict[int, Whose | None] = {}
        """Whose each service was when its last run began."""
        self._late: set[int] = set()
        """Services whose run began long after it was asked for."""
        self.last: dict[int, MachineRun] = {}
        """The run of each service that was started last."""
        self._runs = count(1)
        resolver.set_resolver(self._resolve)
        self.wait(self._connect())

    async def _resolve(self, name: str) -> frozenset[str]:
        """Whoever presses has a name that leads to every server."""
        return frozenset(one.address for server in self.harness.panel.servers.values() for one in server.addresses)

    async def _connect(self) -> None:
        self.harness.connect()
        again = self.harness.open_panel(lambda transport, to: transport, ALIAS, "https://10.0.0.7")
        connections().panels[ALIAS] = again

    def close(self) -> None:
        """End the example."""
        disarm(self.harness, self.guard)
        self.peek.close()

    def service(self, service_id: int) -> Service | None:
        """The service in the ledger."""
        return self.wait(services.get(self.ledger, service_id))

    def new_run(self, flow: str, service_id: int, **more: Any) -> MachineRun:
        """A flow run that was not there before, with what WHMCS's module sends along."""
        row = self.staff.row(service_id)
        if row is not None and flow in COMMANDS:
            more["asked_at"] = self.harness.clock.now()
            more["identity"] = ServiceIdentity(
                client_id=row.client_id, order_id=row.order_id, registered=row.registered
            )
            if flow in ("suspend", "terminate"):
                more["wish"] = ServiceWish(status=row.status, next_due=row.next_due)
        return MachineRun(f"run-{next(self._runs)}", flow, service_id, tuple(more.items()))

    def execute(self, run: MachineRun, faults: Iterable[Fault] = ()) -> bool:
        """Execute a run with these faults; whether it ended well."""
        for fault in faults:
            self.expected.faults.add(type(fault).__name__)
            arm(fault, self.harness, self.guard, self.manual, self.staff, run.service_id)
        return self.together([run])[0]

    def together(self, runs: list[MachineRun]) -> list[bool]:
        """Execute runs at the same time; which of them ended well."""
        before = {run.service_id: self.service(run.service_id) for run in runs}
        since = len(self.guard)
        if len(runs) > 1:  # a live run signs the ledger every few real seconds, in which simulated days may pass
            self.shared.monkeypatch.setattr("flows._request.STALLED_AFTER", timedelta(days=1))
        for run in runs:
            self._before(run, before[run.service_id])
        ends = self.wait(self._execute_all(runs))
        self.shared.monkeypatch.setattr("flows._request.STALLED_AFTER", STALLED_AFTER)
        disarm(self.harness, self.guard)
        self.harness.panel.settle()
        for run, end in zip(runs, ends, strict=True):
            self._after(run, end, before[run.service_id], since)
        if any(isinstance(end, RunDied) for end in ends):
            self.wait(self._connect())
        return [end is None for end in ends]

    async def _execute_all(self, runs: list[MachineRun]) -> list[BaseException | None]:
        return list(await asyncio.gather(*map(self._execute, runs)))

    async def _execute(self, run: MachineRun) -> BaseException | None:
        _run_id.set(run.id)
        try:
            await self.harness.run(FLOWS[run.flow], run.service_id, **dict(run.more))
        except (Exception, RunDied, asyncio.CancelledError) as error:
            return error
        return None

    def _before(self, run: MachineRun, service: Service | None) -> None:
        self.last[run.service_id] = run
        self._asked_for[run.service_id] = self.staff.whose(run.service_id)
        self._late.discard(run.service_id)
        asked_at = dict(run.more).get("asked_at")
        if asked_at is not None and self.harness.clock.now() - asked_at > FRESH:
            self._late.add(run.service_id)
        if run in self.history:
            return  # a Retry is nobody's new wish
        self.history.append(run)
        whose, shown = self.staff.whose(run.service_id), self.staff.shown(run.service_id)
        if run.flow == "terminate" and service is not None and whose is not None and shown is not None:
            self.expected.deleted[run.service_id, service.generation, whose] = shown

    def _unwanted(self, endpoint: str, promise: Promise) -> str | None:
        return self.staff.unwanted(endpoint, promise, is_late=promise.service_id in self._late)

    def _note_whose(self, service_id: int) -> None:
        """A service that has got a server is of the client for whom the run was started."""
        service, whose = self.service(service_id), self._asked_for[service_id]
        if service is not None and service.claim is not None and whose is not None:
            self.expected.whose.setdefault((service_id, service.generation), whose)

    def handed_over(self, service: Service) -> None:
        """The service and its data are the client's to whom WHMCS moved it."""
        whose = self.staff.whose(service.service_id)
        assert whose is not None and service.claim is not None
        self.expected.whose[service.service_id, service.generation] = whose
        data = self.expected.tenants.get(service.claim.server_id)
        if data is not None:
            self.expected.tenants[service.claim.server_id] = replace(data, whose=whose)

    def _after(self, run: MachineRun, end: BaseException | None, before: Service | None, since: int) -> None:
        self._note_whose(run.service_id)
        if end is None and dict(run.more).get("panel") == ALIAS:
            self.wrongs.append(f"{run} sold a server under the panel's second name")
        if isinstance(end, RunDied | asyncio.CancelledError):
            # A run that is cancelled while it opens or closes its request leaves it open, too: its silence ends that.
            self.expected.dead_runs.add(run.id)
        elif isinstance(end, LedgerError) and not isinstance(end, LINES_OF_THE_LEDGER):
            self.wrongs.append(f"{run} ended with the ledger's own line: {end}")
        elif isinstance(end, Unforeseen) or (isinstance(end, Exception) and not isinstance(end, EXPECTED)):
            self.wrongs.append(f"{run} broke: {end!r}")
        if (
            end is not None
            and not isinstance(end, RunDied | asyncio.CancelledError)
            and len(str(end).splitlines()) != 1
        ):
            self.wrongs.append(f"{run} does not end with one line: {str(end)!r}")
        self._note_ports(run, end, before, since)
        self._note_addresses(run, end)
        self._hear_whmcs(run.service_id)
        if end is None:
            self._tell_whmcs(run)

    def _note_addresses(self, run: MachineRun, end: BaseException | None) -> None:
        """A change that was interrupted, or did not get to WHMCS, leaves other addresses than WHMCS says."""
        service = self.service(run.service_id)
        if run.flow in ADDRESSING and end is not None and service is not None and service.claim is not None:
            self.expected.addressed.add(service.claim.server_id)

    def _note_ports(self, run: MachineRun, end: BaseException | None, before: Service | None, since: int) -> None:
        after = self.service(run.service_id)
        if after is None or after.claim is None:
            return
        looked = run.flow in ("suspend", "unsuspend") or (
            run.flow == "activate" and before is not None and before.state is not State.ACTIVE
        )
        switched = any((call.endpoint or "").startswith("port_") for call in self.guard[since:])
        # What was changed by hand while the run went on may have come after its look at the ports.
        by_hand = self.expected.ports_by_hand.get(after.claim.server_id, -1) >= since
        if end is None and looked and not by_hand:
            self.expected.ports_left.discard(after.claim.server_id)
        elif end is not None and switched:
            self.expected.ports_left.add(after.claim.server_id)

    def _hear_whmcs(self, service_id: int) -> None:
        """Check a changed status: dciflow may only make a Pending service Active, once it has its server."""
        row = self.staff.row(service_id)
        if row is None or row.status == self.expected.statuses[service_id]:
            return
        was, now = self.expected.statuses[service_id], row.status
        self.expected.statuses[service_id] = now
        if (was, now) != ("Pending", "Active"):
            self.wrongs.append(f"service {service_id} was {was} in WHMCS and was made {now}")
        service = self.service(service_id)
        if service is None or service.claim is None:
            self.wrongs.append(f"service {service_id} is Active in WHMCS without a server")
        elif not {service.state, service.held_from} & {State.INSTALLING, State.ACTIVE, State.SUSPENDED}:
            self.wrongs.append(f"service {service_id} is Active in WHMCS and {service.state} here")

    def _tell_whmcs(self, run: MachineRun) -> None:
        """WHMCS sets a service's status when the module's work went well."""
        status = self.expected.statuses[run.service_id]
        service = self.service(run.service_id)
        if run.flow == "suspend" and status == "Active":
            self.staff.set_status(run.service_id, "Suspended")
        elif run.flow == "unsuspend" and status == "Suspended":
            self.staff.set_status(run.service_id, "Active")
        elif run.flow == "terminate" and service is not None and service.claim is None:
            self.staff.set_status(run.service_id, "Terminated")
