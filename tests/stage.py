"""A whole stage for a lifecycle, in one process without sockets: panel, WHMCS, ledger, and a clock that tests move."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from prefect import Flow
from pydantic import JsonValue, SecretStr
from sqlalchemy import event

from dcimanager.panel import Panel
from dcimanager.transport import Access as PanelAccess
from ledger import services
from ledger.database import Ledger
from ledger.orders import Order
from ledger.snapshots import Service
from ledger.tables import Row
from simulator.app import Simulation
from simulator.billing_records import ModuleSettings
from simulator.billing_records import Service as BillingService
from simulator.clock import ManualClock
from simulator.profile import XEON, Profile
from simulator.things import SimServer
from simulator.variants import Variants
from tasks import connections
from tasks.clock import seconds, set_clock, sleep
from tasks.connections import Connections
from tasks.log import log_billing_call, log_panel_call
from whmcs.billing import Billing
from whmcs.transport import Access as BillingAccess

Wire = Callable[[httpx.AsyncBaseTransport, Literal["panel", "WHMCS"]], httpx.AsyncBaseTransport]

PANEL = "main"
START = datetime(2027, 1, 1, tzinfo=UTC)


QUICK = Profile(
    power_seconds=0, port_seconds=0, address_seconds=0, queue_seconds=1, os_install_seconds=12, diagnostics_seconds=24
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


class Stage:
    """What a test plays on."""

    def __init__(self, ledger: Ledger, profile: Profile | None = None, variants: Variants | None = None) -> None:
        self.simulation = Simulation(profile, clock=ManualClock(), variants=variants)
        self.clock = SteppingClock(self.simulation.clock)  # type: ignore[arg-type]
        self.panel = self.simulation.panel
        self.billing = self.simulation.billing
        self.faults = self.simulation.faults
        self.ledger = ledger
        self.started: list[tuple[str, dict[str, JsonValue], str]] = []
        self.events: list[tuple[str, dict[str, str], dict[str, JsonValue]]] = []
        self.client = self.billing.add_client("anna+dc@example.com", "Anna", "Kalnina")
        self.product = self.billing.add_product(
            "Xeon", ModuleSettings(configuration=XEON, os_template="Debian-12-x86_64", ip_pool="public-v4")
        )

    def connect(self, through: Wire = lambda transport, to: transport) -> Connections:
        """New sessions, as a new worker would have; what the panel and WHMCS remember stays.

        `through` may put something of the test's own on the way to the panel and to WHMCS.
        """
        password = SecretStr(self.panel.world.profile.admin_password)
        access = PanelAccess(
            name=PANEL, url="https://panel.example", username=self.panel.world.profile.admin_email, password=password
        )
        whmcs = BillingAccess(
            url="https://billing.example/whmcs",
            identifier="simulated-identifier",
            secret=SecretStr("simulated-secret"),
        )

        async def start(deployment: str, parameters: dict[str, JsonValue], key: str) -> str:
            self.started.append((deployment, parameters, key))
            return f"run-{len(self.started)}"

        opened = Connections(
            ledger=self.ledger,
            panels={
                PANEL: Panel(
                    access,
                    http=through(self.simulation.transport(), "panel"),
                    on_call=log_panel_call,
                    sleep=sleep,
                    now=seconds,
                )
            },
            billing=Billing(
                whmcs,
                http=through(self.simulation.transport(), "WHMCS"),
                on_call=log_billing_call,
                sleep=self.clock.sleep,
            ),
            start_run=start,
            emit=lambda *event: self.events.append(event),
        )
        connections.use(opened)
        set_clock(self.clock)
        return opened

    def buy(self, hostname: str = "web1.example.com", client_id: int | None = None) -> int:
        """A client orders; returns the service's number."""
        return self.billing.order(client_id or self.client.id, self.product.id, hostname)

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
        play: Callable[..., Awaitable[None]] = flow.fn
        await play(service_id=service_id, panel=PANEL, **more)

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

    def billed(self, service_id: int) -> BillingService:
        """The service in WHMCS."""
        return self.billing.services[service_id]


async def open_ledger(folder: Path) -> Ledger:
    """A migrated ledger in a file of its own."""
    ledger = Ledger(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    await ledger.upgrade()
    return ledger


def quick_ledger(file: Path) -> Ledger:
    """A ledger for many stories: it answers in the test's own thread and never waits for the disk."""
    ledger = Ledger(f"sqlite+aiosqlite:///{file}")
    event.listen(ledger._engine.sync_engine, "connect", do_not_wait_for_the_disk)
    event.listen(ledger._engine.sync_engine, "connect", _answer_at_once)
    return ledger


async def empty(ledger: Ledger) -> Ledger:
    """The ledger without rows and without hooks, as a new one would be."""
    ledger.before_commit.clear()
    ledger.after_commit.clear()
    async with ledger.transaction() as session:
        for table in reversed(Row.metadata.sorted_tables):
            await (await session.connection()).execute(table.delete())
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
