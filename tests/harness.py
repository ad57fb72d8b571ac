"""A whole world for a lifecycle, in one process without sockets: panel, WHMCS, ledger, and a clock that tests move."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from prefect import Flow
from pydantic import JsonValue, SecretStr
from sqlalchemy import event

from dcimanager.endpoints import Dialect, load_dialect
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from ledger import services
from ledger.columns import LedgerRow
from ledger.database import Ledger
from ledger.orders import Order
from ledger.proofs import Backing
from ledger.snapshots import Service
from ledger.tables import ProofRow
from runtime import connections
from runtime.clock import seconds, set_clock, sleep
from runtime.connections import Connections
from runtime.gate import provable, words_of
from runtime.run_log import log_panel_call, log_whmcs_call
from simulator.http.app import Simulation
from simulator.panel.clock import ManualClock
from simulator.panel.models import SimServer
from simulator.panel.profile import XEON, Profile
from simulator.panel.variants import Variants
from simulator.whmcs.records import ModuleSettings
from simulator.whmcs.records import ServiceRecord as WhmcsService
from whmcs.api import WhmcsApi
from whmcs.transport import WhmcsAccess

Wire = Callable[[httpx.AsyncBaseTransport, Literal["panel", "WHMCS"]], httpx.AsyncBaseTransport]

PANEL = "main"
START = datetime(2027, 1, 1, tzinfo=UTC)


QUICK = Profile(
    power_seconds=0,
    port_seconds=0,
    address_seconds=0,
    queue_seconds=1,
    os_install_seconds=12,
    diagnostics_seconds=24,
    rescue_seconds=12,
)
"""The usual 12 servers on a panel that does most things at once, so that a story has few polls."""


class SteppingClock:
    """Time passes when somebody waits: the sleeper moves the clock, and the simulation's with it."""

    def __init__(self, simulated: ManualClock) -> None:
        self.simulated = simulated

    def now(self) -> datetime:
        return START + timedelta(seconds=self.simulated.now())

    def elapsed(self, since: datetime) -> timedelta:
        return self.now() - since

    async def sleep(self, seconds: float) -> None:
        end = self.simulated.now() + seconds
        await asyncio.sleep(0)
        # Many who sleep at once sleep the same seconds: the first to get up moves the clock for all of them.
        self.simulated.advance(max(0.0, end - self.simulated.now()))


class Harness:
    """Panel, WHMCS, ledger and clock of one test, and the runs that it starts."""

    def __init__(self, ledger: Ledger, profile: Profile | None = None, variants: Variants | None = None) -> None:
        self.simulation = Simulation(profile, clock=ManualClock(), variants=variants)
        self.clock = SteppingClock(self.simulation.clock)  # type: ignore[arg-type]
        self.panel = self.simulation.panel
        self.whmcs = self.simulation.whmcs
        self.faults = self.simulation.faults
        self.ledger = ledger
        self.dialect: Dialect | None = None
        """The panel's dialect from the next `connect` on; None: the shipped one."""
        self.started: list[tuple[str, dict[str, JsonValue], str]] = []
        self.scheduled: list[datetime] = []
        """When the runs that begin later do so."""
        self.outside: JsonValue = None
        """What Prefect's variable says of the ledger's incarnation."""
        self.events: list[tuple[str, dict[str, str], dict[str, JsonValue]]] = []
        self.client = self.whmcs.add_client("anna+dc@example.com", "Anna", "Kalnina")
        self.product = self.whmcs.add_product(
            "Xeon", ModuleSettings(configuration=XEON, os_template="Debian-12-x86_64", ip_pool="public-v4")
        )

    def connect(self, through: Wire = lambda transport, to: transport) -> Connections:
        """New sessions, as a new worker would have; what the panel and WHMCS remember stays.

        `through` may put something of the test's own on the way to the panel and to WHMCS.
        """
        whmcs = WhmcsAccess(
            url="https://billing.example/whmcs",
            identifier="simulated-identifier",
            secret=SecretStr("simulated-secret"),
        )

        async def start(
            deployment: str, parameters: dict[str, JsonValue], key: str, *, at: datetime | None = None
        ) -> str:
            self.started.append((deployment, parameters, key))
            self.scheduled += [] if at is None else [at]
            return f"run-{len(self.started)}"

        async def read_incarnation() -> JsonValue:
            return self.outside

        async def write_incarnation(value: dict[str, JsonValue]) -> None:
            self.outside = value

        async def name_panels() -> list[str]:
            return [PANEL]

        opened = Connections(
            ledger=self.ledger,
            panels={PANEL: self.open_panel(through)},
            whmcs=WhmcsApi(
                whmcs,
                http=through(self.simulation.transport(), "WHMCS"),
                on_call=log_whmcs_call,
                sleep=self.clock.sleep,
                now=seconds,
            ),
            start_run=start,
            name_panels=name_panels,
            read_incarnation=read_incarnation,
            write_incarnation=write_incarnation,
            emit=lambda *event: self.events.append(event),
        )
        connections.use_connections(opened)
        set_clock(self.clock)
        return opened

    def open_panel(self, through: Wire, name: str = PANEL, url: str = "https://panel.example") -> Panel:
        """A client of the panel, for `connect`; under another name, as somebody who enters it twice makes it."""
        profile = self.panel.world.profile
        access = PanelAccess(
            name=name,
            url=url,
            username=profile.admin_email,
            password=SecretStr(profile.admin_password),
        )
        transport = through(self.simulation.transport(), "panel")
        return Panel(access, self.dialect, http=transport, on_call=log_panel_call, sleep=sleep, now=seconds)

    def buy(self, hostname: str = "web1.example.com", client_id: int | None = None) -> int:
        """A client orders; returns the service's number."""
        return self.whmcs.order(client_id or self.client.id, self.product.id, hostname)

    def order(self, **changes: Any) -> Order:
        """The product's order, with changes."""
        wanted: dict[str, Any] = {
            "client_id": self.client.id,
            "configuration": XEON,
            "os_template": "Debian-12-x86_64",
            "ip_pool": "public-v4",
        }
        return Order(**{**wanted, **changes})

    async def run(self, flow: "Flow[..., Any]", service_id: int, **more: Any) -> None:
        """Play a flow without Prefect's engine: its steps are plain coroutines here."""
        self.clock.simulated.advance(0.001)  # no two runs begin at the same moment
        execute: Callable[..., Awaitable[None]] = flow.fn
        await execute(service_id=service_id, **{"panel": PANEL, **more})

    async def service(self, service_id: int) -> Service:
        """The service in the ledger."""
        found = await services.get(self.ledger, service_id)
        assert found is not None
        return found

    async def server(self, service_id: int) -> SimServer:
        """The simulated server that the service claims."""
        claim = (await self.service(service_id)).claim
        assert claim is not None
        return self.panel.world.servers[claim.server_id]

    def billed(self, service_id: int) -> WhmcsService:
        """The service in WHMCS."""
        return self.whmcs.services[service_id]


async def open_ledger(folder: Path) -> Ledger:
    """A migrated ledger in a file of its own, in which the simulated panel is trusted."""
    ledger = Ledger(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    await ledger.upgrade()
    await trust_panel(ledger)
    return ledger


async def trust_panel(ledger: Ledger, dialect: Dialect | None = None, *, name: str = PANEL, without: str = "") -> None:
    """Record that a person answers for every entry of the simulated panel but one, as `dciflow panel trust` does."""
    dialect = dialect or load_dialect()
    async with ledger.transaction() as session:
        session.add_all(
            ProofRow(
                panel=name,
                entry=entry,
                call=dialect[entry].call,
                words=words_of(dialect, entry),
                backing=Backing.TRUSTED,
                who="tests",
                why="a simulator",
                at=START,
            )
            for entry in provable()
            if entry != without
        )


async def forget_proofs(ledger: Ledger) -> None:
    """The ledger as if nobody had proved or trusted anything."""
    async with ledger.transaction() as session:
        await (await session.connection()).execute(ProofRow.__table__.delete())  # type: ignore[attr-defined]


def quick_ledger(file: Path) -> Ledger:
    """A ledger for many stories: it answers in the test's own thread and never waits for the disk."""
    ledger = Ledger(f"sqlite+aiosqlite:///{file}")
    event.listen(ledger._engine.sync_engine, "connect", do_not_wait_for_the_disk)
    event.listen(ledger._engine.sync_engine, "connect", _answer_at_once)
    return ledger


async def empty(ledger: Ledger) -> Ledger:
    """The ledger without rows and without hooks, as a new one would be; the simulated panel is trusted."""
    ledger.before_commit.clear()
    ledger.after_commit.clear()
    async with ledger.transaction() as session:
        for table in reversed(LedgerRow.metadata.sorted_tables):
            await (await session.connection()).execute(table.delete())
    await trust_panel(ledger)
    return ledger


def do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    """No test pulls the plug, and waiting for the disk is most of what a commit costs."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


def _answer_at_once(connection: Any, _record: object) -> None:
    """Handing each statement to another thread costs a third of a story."""

    async def execute(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return work(*args, **kwargs)

    connection.driver_connection._execute = execute
