"""`make bench-module`: how long WHMCS waits for a suspension, through the module's PHP; written to docs.

Services suspended one after the other, as WHMCS's cron does, in a simulated WHMCS beside a whole stack. The same again
with a module that does not wait for its run's end and no worker: the way to an accepted run alone. Then a client
reboots one server after the other.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench import data_centre, errands
from bench.__main__ import On, say
from bench.environment import Environment, prepared
from bench.figures import p50, percentile
from bench.results import Database, Host
from bench.seed import seed
from dciflow.demo.ordering import WhmcsOrdering, whmcs_ordering
from dciflow.registration import PROJECT
from simulator.whmcs_php.control import Command
from tests.whmcs_module.stories import OVERLAY, hurried

SERVICES = 200
REBOOTS = 50
DOCUMENT = PROJECT / "docs" / "benchmarks-module.md"
MARIADB = os.environ.get("DCIFLOW_TEST_MARIADB")


@dataclass(frozen=True)
class ModuleRow:
    """One row of the table: what was measured. finished: how many answers had the run's end in them."""

    databases: str
    what: str
    seconds: list[float]
    finished: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        times = (p50(self.seconds), percentile(self.seconds, 99), max(self.seconds))
        ends = f"{self.finished} of {len(self.seconds)}"
        return (self.databases, self.what, str(len(self.seconds)), *(f"{time:.3f} s" for time in times), ends)


def main(
    database: Annotated[list[On] | None, typer.Option(help="Prefect's and the ledger's; may be repeated.")] = None,
    services: Annotated[int, typer.Option(help="How many services are suspended.")] = SERVICES,
    reboots: Annotated[int, typer.Option(help="How many servers a client reboots.")] = REBOOTS,
    write: Annotated[bool, typer.Option(help="Write docs/benchmarks-module.md.")] = True,
) -> None:
    """Measure the module."""
    rows: list[ModuleRow] = []
    pressed: list[errands.RebootRow] = []
    for one in [Database[chosen.name] for chosen in database or On]:
        if services:
            rows += asyncio.run(measure(one, services))
        pressed += asyncio.run(errands.measure(one, reboots, MARIADB, say))
    text = document(rows, pressed)
    print(text)
    if write:
        DOCUMENT.write_text(text, encoding="utf-8")


async def measure(database: Database, count: int) -> list[ModuleRow]:
    """All rows on one database. Raises RuntimeError: WHMCS was not answered with success."""
    profile = data_centre.instant(count + 1, install_seconds=0)
    async with prepared(database, profile, say) as environment:
        services = await seed(environment, count + 1, wait_for_os=True)
        databases = f"{database}; WHMCS: {'SQLite' if MARIADB is None else 'MariaDB'}"
        async with sold(environment, OVERLAY, services) as ordering:
            await ask(ordering, services[:1], "SuspendAccount")  # first connections are no part of it
            began = await _rows(ordering, "done")
            seconds = await ask(ordering, services[1:], "SuspendAccount")
            waited = ModuleRow(databases, "suspend, waited for", seconds, await _rows(ordering, "done") - began)
            renewals = await ask(ordering, services[1:], "Renew")
            nothing = ModuleRow(databases, "a command that asks nobody", renewals, len(renewals))
        async with sold(environment, hurried(environment.stack.home / "hurried", 0.0), services) as ordering:
            await environment.stack.stop("worker")
            await ask(ordering, services[:1], "SuspendAccount")
            seconds = await ask(ordering, services[1:], "SuspendAccount")
            accepted = ModuleRow(databases, "suspend, accepted only", seconds, await _rows(ordering, "done"))
            if await _rows(ordering, "running") != len(services):
                raise RuntimeError("Not every request that was answered with success has its run in Prefect.")
    return [waited, accepted, nothing]


@asynccontextmanager
async def sold(environment: Environment, module: Path, services: Sequence[int]) -> AsyncIterator[WhmcsOrdering]:
    """A WHMCS in which these services of the ledger are Active ones."""
    async with whmcs_ordering(environment.stack, environment.prefect, database=MARIADB, module=module) as ordering:
        client = await ordering.whmcs.add_client("client@example.com")
        product = await ordering.whmcs.add_product("Server", ["any", "any", "", "any", "60", "", ""])
        for service in services:
            row = await ordering.whmcs.order(client, product, f"web{service}.example.com", server=ordering.server)
            # A detour by numbers that no row has: the ledger's are taken by rows that are still to be moved.
            await ordering.whmcs.sql(
                "UPDATE tblhosting SET id = ?, domainstatus = 'Active' WHERE id = ?", service + 1_000_000, row
            )
        await ordering.whmcs.sql("UPDATE tblhosting SET id = id - 1000000")
        yield ordering


async def ask(ordering: WhmcsOrdering, services: Sequence[int], command: Command) -> list[float]:
    """One command after the other: how long each answer took. Raises RuntimeError: an answer was no success."""
    took = []
    for service in services:
        began = time.perf_counter()
        said = await ordering.whmcs.command(service, command, "automation")
        took.append(time.perf_counter() - began)
        if said != "success":
            raise RuntimeError(f"{command} of service {service}: {said}")
    return took


async def _rows(ordering: WhmcsOrdering, state: str) -> int:
    (row,) = await ordering.whmcs.sql("SELECT COUNT(*) AS n FROM mod_dcimanager6_request WHERE state = ?", state)
    return int(row["n"])


def document(rows: Sequence[ModuleRow], pressed: Sequence[errands.RebootRow]) -> str:
    """The page of docs."""
    head = ("Prefect and ledger", "what", "calls", "p50", "p99", "slowest", "answered with the end")
    return "\n".join(
        [
            "# How long WHMCS waits for the module",
            "",
            f"Written by `make bench-module`: {Host().sentence}. One machine runs",
            "everything: a simulated WHMCS on PHP's own web server, Prefect's server, the worker, the simulated panel.",
            f"Its load was {os.getloadavg()[2]:.1f} over the last 15 minutes, the benchmark's and all others'.",
            "",
            "Services are suspended one after the other, as WHMCS's cron does. Each time is one module call as its",
            "caller sees it, with the start of a PHP request and the module's rows in WHMCS's database. The panel does",
            "everything at once.",
            "",
            "* **waited for**: the module as it is; it answers with the run's end if that comes within 8 s.",
            "* **accepted only**: a copy of the module that does not wait, and no worker: until Prefect has the run.",
            "* **asks nobody**: `Renew`, which returns at once: what PHP and the simulated WHMCS take in the others.",
            "",
            *_table(head, [row.cells for row in rows]),
            "",
            "## A client reboots",
            "",
            "A client presses Reboot on the page of one service after the other; the panel resets the power at once.",
            "",
            "* **press to acknowledged**: the page's answer, with the start of a PHP request and Prefect's run in it.",
            "* **press to done**: until Prefect has the end of the run: identity compared, rebooted, power looked at.",
            "",
            *_table(errands.HEAD, [row.cells for row in pressed]),
            "",
        ]
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


if __name__ == "__main__":
    typer.run(main)
