"""How long a client waits for a reboot, through the module's PHP: until WHMCS has answered, and until it is done."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bench import data_centre
from bench.environment import prepared
from bench.figures import p50, percentile
from bench.results import Database
from dciflow.demo.ordering import IP_POOL, OS_TEMPLATE, WhmcsOrdering, whmcs_ordering
from dciflow.demo.prefect_api import PrefectApi
from dciflow.demo.stack import Say

ACTIVE_SECONDS = 120.0
"""So long an activation may take before the first press."""


@dataclass(frozen=True)
class RebootRow:
    """One row of the table: seconds from each press."""

    databases: str
    what: str
    seconds: list[float]

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        times = (p50(self.seconds), percentile(self.seconds, 99), max(self.seconds))
        return (self.databases, self.what, str(len(self.seconds)), *(f"{one:.3f} s" for one in times))


HEAD = ("Prefect and ledger", "what", "presses", "p50", "p99", "slowest")


async def measure(database: Database, count: int, whmcs_database: str | None, say: Say) -> list[RebootRow]:
    """Both rows on one database. Raises RuntimeError: a press was refused, or a run did not end well."""
    profile = data_centre.instant(count + 1, install_seconds=0)
    async with (
        prepared(database, profile, say) as environment,
        whmcs_ordering(environment.stack, environment.prefect, database=whmcs_database) as ordering,
    ):
        client = await ordering.whmcs.add_client("client@example.com")
        services = await _delivered(ordering, client, [batch.configuration for batch in profile.fleet], count + 1)
        await _press(ordering, environment.prefect, client, services[0])  # first connections are no part of it
        presses = [await _press(ordering, environment.prefect, client, service) for service in services[1:]]
    databases = f"{database}; WHMCS: {'SQLite' if whmcs_database is None else 'MariaDB'}"
    return [
        RebootRow(databases, "press to acknowledged", [acknowledged for acknowledged, _ in presses]),
        RebootRow(databases, "press to done", [done for _, done in presses]),
    ]


async def _delivered(ordering: WhmcsOrdering, client: int, configurations: Sequence[str], count: int) -> list[int]:
    """Services of the client that are Active, of products whose clients may press."""
    services = []
    for number in range(count):
        settings = [configurations[number % len(configurations)], OS_TEMPLATE, "", IP_POOL, "60", "", "", "", "0", "on"]
        product = await ordering.whmcs.add_product(f"Server {number}", settings)
        service = await ordering.whmcs.order(client, product, f"web{number}.example.com", server=ordering.server)
        said = await ordering.whmcs.command(service, "CreateAccount", "payment")
        if said != "success":
            raise RuntimeError(f"CreateAccount of service {service}: {said}")
        services.append(service)
    deadline = time.monotonic() + ACTIVE_SECONDS
    for service in services:
        while (await ordering.whmcs.state()).service(service).domainstatus != "Active":
            if time.monotonic() > deadline:
                raise RuntimeError(f"Service {service} does not become Active.")
            await asyncio.sleep(0.5)
        await ordering.whmcs.custom(service, "sync")  # the module has to know its server
    return services


async def _press(ordering: WhmcsOrdering, prefect: PrefectApi, client: int, service: int) -> tuple[float, float]:
    """Seconds from the press to WHMCS's answer, and to the end of the run as Prefect has it."""
    pressed, began = time.time(), time.perf_counter()
    page = await ordering.whmcs.client_page(service, client, "power", {"command": "reboot"})
    acknowledged = time.perf_counter() - began
    if page.message != "success":
        raise RuntimeError(f"The reboot of service {service} was refused: {page.message}")
    (run,) = await prefect.runs("power", service)
    end = await prefect.wait(run)
    if end.state != "COMPLETED":
        raise RuntimeError(f"The reboot of service {service} ended {end.state}: {end.message}")
    ended = (await prefect.send("GET", f"/flow_runs/{run}")).raise_for_status().json()["end_time"]
    return acknowledged, datetime.fromisoformat(str(ended)).timestamp() - pressed
