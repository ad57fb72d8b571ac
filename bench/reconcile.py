"""`make bench-reconcile`: 10,000 services on 10,000 servers compared, in one process with the simulator they are on.

Simulator, WHMCS, ledger (a SQLite file) and flow share one process and one event loop, without Prefect's engine: time
and memory are those of all of them together, so dciflow's own are below.
"""

import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

import httpx
from pydantic import JsonValue

from dcimanager.transport import PAGE
from flows.reconcile import reconcile
from ledger import reconciliation
from ledger.states import State
from ledger.tables import ClaimRow, JournalRow, ServiceRow
from runtime.connections import connections
from runtime.settings import settings
from simulator.panel.models import SimAddress, SimServer
from simulator.panel.profile import Profile
from tests.harness import PANEL, Harness, open_ledger
from whmcs.services import PAGE as WHMCS_PAGE
from worker.process import GARBAGE_AFTER

SERVERS = 10_000
OF_EACH_CLIENT = 2
PLANTED = 40
"""Ports switched off by hand: nearly as many as one run may repair."""

SECONDS, MEGABYTES = 60.0, 1024.0
"""The targets."""

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks-reconcile.md"


class Stall:
    """The longest time for which the event loop did nothing else: in a worker all other runs stand still then."""

    def __init__(self) -> None:
        self.longest = 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch while the block runs."""
        self.longest = 0.0
        task = asyncio.create_task(self._tick())
        yield
        task.cancel()

    async def _tick(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.longest, before = max(self.longest, now - before), now


class OverANetwork(httpx.AsyncBaseTransport):
    """A transport whose answers take 2 ms each way, as over a network, so that other tasks run meanwhile."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        await asyncio.sleep(0.002)
        answer = await self._inner.handle_async_request(request)
        await asyncio.sleep(0.002)
        return answer


async def sold(harness: Harness) -> None:
    """Sell every server: panel, WHMCS and ledger are as an activation leaves them."""
    rows: list[ServiceRow | ClaimRow | JournalRow] = []
    client, user_id = harness.client, 0
    for number, server in enumerate(harness.panel.servers.values()):
        if number % OF_EACH_CLIENT == 0:
            client = harness.whmcs.add_client(f"client-{number}@example.com", "A", "B")
            user_id = harness.panel.users.create(client.email, password="x").id
        service_id = harness.whmcs.order(client.id, harness.product.id, f"web{number}.example.com")
        _deliver(harness, server, user_id, service_id)
        rows += _promised(harness, server, service_id, client.id, user_id)
    for kind in (ServiceRow, ClaimRow, JournalRow):
        async with harness.ledger.transaction() as session:
            session.add_all(row for row in rows if isinstance(row, kind))


def _promised(
    harness: Harness, server: SimServer, service_id: int, client_id: int, user_id: int
) -> Iterator[ServiceRow | ClaimRow | JournalRow]:
    now = harness.clock.now()
    yield ServiceRow(
        service_id=service_id,
        panel=PANEL,
        client_id=client_id,
        state=State.ACTIVE,
        generation=1,
        epoch=1,
        order=harness.order(client_id=client_id, configuration=server.configuration).model_dump(mode="json"),
        created_at=now,
        updated_at=now,
    )
    yield ClaimRow(
        panel=PANEL,
        server_id=server.id,
        service_id=service_id,
        generation=1,
        owner_id=user_id,
        serial=server.serial,
        macs=sorted(server.macs),
        barcode=server.barcode,
        claimed_at=now,
    )
    steps: list[tuple[str, dict[str, JsonValue]]] = [("owner", {"user": user_id}), ("addresses", {"addresses": []})]
    for step, result in steps:
        yield JournalRow(
            service_id=service_id, generation=1, step=step, attempt=1, state="done", result=result, noted_at=now
        )


def _deliver(harness: Harness, server: SimServer, user_id: int, service_id: int) -> None:
    world, pool = harness.panel.world, harness.panel.pool("public-v4")
    if not server.addresses:
        address, network, gateway = pool.take()
        number = world.next_id("address", 55)
        server.addresses.append(SimAddress(number, address, pool.id, network, gateway, "allocated"))
    server.owner_id = user_id
    for port in server.ports:
        port.admin_up = True
    billed = harness.billed(service_id)
    billed.status, billed.username = "Active", "root"
    billed.dedicated_ip = billed.assigned_ips = server.addresses[0].address


async def measure(harness: Harness, what: str, repair: Literal["report", "safe"]) -> list[str]:
    """One run; returns its row of the table."""
    harness.clock.simulated.advance(900)
    gc.collect()
    panel, whmcs, stall = len(harness.panel.requests), len(harness.whmcs.requests), Stall()
    began, worked = time.perf_counter(), time.process_time()
    async with stall.watched():
        await reconcile.fn(panel=PANEL, repair=repair)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    asked = sum(call.endpoint != "login" for call in harness.panel.requests[panel:])
    row = [what, f"{seconds:.1f} s", f"{worked:.1f} s", str(asked), str(len(harness.whmcs.requests) - whmcs)]
    row += [f"{stall.longest:.2f} s", f"{_peak():.0f} MB"]
    print(" | ".join(row), flush=True)
    return row


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main() -> int:
    """Measure and write the document; 1: a target is not held."""
    profile = Profile.large(SERVERS).model_copy(update={"port_seconds": 0.0, "session_seconds": 1e6})
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(await open_ledger(Path(folder)), profile)
        harness.connect(lambda transport, _: OverANetwork(transport))
        await sold(harness)
        loaded = _peak()
        gc.freeze()  # as the worker does
        gc.set_threshold(GARBAGE_AFTER)
        rows = [await measure(harness, "the first comparison", "report")]
        rows.append(await measure(harness, "the next one", "report"))
        for server in list(harness.panel.servers.values())[:: SERVERS // PLANTED]:
            harness.panel.admin.switch_port(server.id, "down")
        rows.append(await measure(harness, f"{PLANTED} ports off, reported", "report"))
        rows.append(await measure(harness, f"the same, repaired ({settings().reconcile_repairs} at most)", "safe"))
        rows.append(await measure(harness, "after the repairs", "safe"))
        last = await reconciliation.begin(harness.ledger, PANEL, "me", lease=timedelta(0), now=harness.clock.now())
        await connections().aclose()
    pages = -(-SERVERS // PAGE) + -(-(SERVERS // OF_EACH_CLIENT + 2) // PAGE)
    held = _held(rows, pages) and not last.differences
    DOCUMENT.write_text(_document(rows, pages, loaded, held), encoding="utf-8")
    print("every target is held" if held else "NOT every target is held")
    return 0 if held else 1


def _held(rows: list[list[str]], pages: int) -> bool:
    seconds = max(float(row[1].split()[0]) for row in rows)
    only_pages = all(int(row[3]) == pages for row in rows if "repaired" not in row[0])
    return seconds < SECONDS and _peak() < MEGABYTES and only_pages


def _document(rows: list[list[str]], pages: int, loaded: float, held: bool) -> str:
    whmcs_pages = -(-SERVERS // WHMCS_PAGE)
    lines = [
        "# Reconciliation, measured",
        "",
        f"Written by `make bench-reconcile`: {SERVERS:,} services on {SERVERS:,} servers of",
        f"{SERVERS // OF_EACH_CLIENT:,} clients. Simulator, ledger (SQLite) and flow share one process and one event",
        f"loop on {os.cpu_count()} cores, without Prefect's engine; {loaded:.0f} MB are the imported code and the",
        "simulated data centre.",
        "",
        f"Targets: under {SECONDS:.0f} s, under {MEGABYTES:.0f} MB, panel calls = pages + differences. They are "
        f"{'held' if held else 'NOT held'}.",
        f"There are {pages} pages on the panel ({PAGE} servers or users each) and {whmcs_pages} in WHMCS "
        f"({WHMCS_PAGE} services each).",
        "A repair asks for its server, its owner, both ports and the server again: five calls.",
        "The stall is processor time, the simulator's own answers included: a worker's other runs stand still so long.",
        "",
        "| run | time | processor time | panel calls | WHMCS calls | longest stall | peak memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
