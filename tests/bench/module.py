"""`make bench-module`: how long WHMCS waits for a suspension, through the module's PHP; written to docs.

Services suspended one after the other, as WHMCS's cron does, in a pretend WHMCS beside a whole stack. The same again
with a module that does not wait for its run's end and no worker: the way to an accepted run alone.
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

from dciflow.registration import PROJECT
from dciflow.shop import WhmcsShop, whmcs_shop
from simulator.whmcs_control import Command
from tests.bench import data_centre
from tests.bench.__main__ import On, say
from tests.bench.figures import p50, percentile
from tests.bench.ground import Ground, prepared
from tests.bench.results import Database, Host
from tests.bench.seed import seed
from tests.whmcs_module.stories import OVERLAY, hurried

SERVICES = 200
DOCUMENT = PROJECT / "docs" / "benchmarks-module.md"
MARIADB = os.environ.get("DCIFLOW_TEST_MARIADB")


@dataclass(frozen=True)
class Row:
    """What was measured in one shop. finished: how many answers had the run's end in them."""

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
    write: Annotated[bool, typer.Option(help="Write docs/benchmarks-module.md.")] = True,
) -> None:
    """Measure the module."""
    rows: list[Row] = []
    for one in [Database[chosen.name] for chosen in database or On]:
        rows += asyncio.run(measure(one, services))
    text = document(rows)
    print(text)
    if write:
        DOCUMENT.write_text(text, encoding="utf-8")


async def measure(database: Database, count: int) -> list[Row]:
    """All rows on one database. Raises RuntimeError: WHMCS was not answered with success."""
    profile = data_centre.instant(count + 1, install_seconds=0)
    async with prepared(database, profile, say) as ground:
        services = await seed(ground, count + 1, wait_for_os=True)
        databases = f"{database}; WHMCS: {'SQLite' if MARIADB is None else 'MariaDB'}"
        async with sold(ground, OVERLAY, services) as shop:
            await ask(shop, services[:1], "SuspendAccount")  # first connections are no part of it
            began = await _rows(shop, "done")
            seconds = await ask(shop, services[1:], "SuspendAccount")
            waited = Row(databases, "suspend, waited for", seconds, await _rows(shop, "done") - began)
            renewals = await ask(shop, services[1:], "Renew")
            nothing = Row(databases, "a command that asks nobody", renewals, len(renewals))
        async with sold(ground, hurried(ground.stack.home / "hurried", 0.0), services) as shop:
            await ground.stack.stop("worker")
            await ask(shop, services[:1], "SuspendAccount")
            seconds = await ask(shop, services[1:], "SuspendAccount")
            accepted = Row(databases, "suspend, accepted only", seconds, await _rows(shop, "done"))
            if await _rows(shop, "running") != len(services):
                raise RuntimeError("Not every request that was answered with success has its run in Prefect.")
    return [waited, accepted, nothing]


@asynccontextmanager
async def sold(ground: Ground, module: Path, services: Sequence[int]) -> AsyncIterator[WhmcsShop]:
    """A WHMCS in which these services of the ledger are Active ones."""
    async with whmcs_shop(ground.stack, ground.prefect, database=MARIADB, module=module) as shop:
        client = await shop.whmcs.add_client("client@example.com")
        product = await shop.whmcs.add_product("Server", ["any", "any", "", "any", "60", "", ""])
        for service in services:
            row = await shop.whmcs.order(client, product, f"web{service}.example.com", server=shop.server)
            # A detour by numbers that no row has: the ledger's are taken by rows that are still to be moved.
            await shop.whmcs.sql(
                "UPDATE tblhosting SET id = ?, domainstatus = 'Active' WHERE id = ?", service + 1_000_000, row
            )
        await shop.whmcs.sql("UPDATE tblhosting SET id = id - 1000000")
        yield shop


async def ask(shop: WhmcsShop, services: Sequence[int], command: Command) -> list[float]:
    """One command after the other: how long each answer took. Raises RuntimeError: an answer was no success."""
    took = []
    for service in services:
        began = time.perf_counter()
        said = await shop.whmcs.command(service, command, "automation")
        took.append(time.perf_counter() - began)
        if said != "success":
            raise RuntimeError(f"{command} of service {service}: {said}")
    return took


async def _rows(shop: WhmcsShop, state: str) -> int:
    (row,) = await shop.whmcs.sql("SELECT COUNT(*) AS n FROM mod_dcimanager6_request WHERE state = ?", state)
    return int(row["n"])


def document(rows: Sequence[Row]) -> str:
    """The page of docs."""
    head = ("Prefect and ledger", "what", "calls", "p50", "p99", "slowest", "answered with the end")
    return "\n".join(
        [
            "# How long WHMCS waits for the module",
            "",
            f"Written by `make bench-module`: {Host().sentence}. One machine plays",
            "everything: a pretend WHMCS on PHP's own web server, Prefect's server, the worker, the simulated panel.",
            f"Its load was {os.getloadavg()[2]:.1f} over the last 15 minutes, the benchmark's and all others'.",
            "",
            "Services are suspended one after the other, as WHMCS's cron does. Each time is one module call as its",
            "caller sees it, with the start of a PHP request and the module's rows in WHMCS's database. The panel does",
            "everything at once.",
            "",
            "* **waited for**: the module as it is; it answers with the run's end if that comes within 8 s.",
            "* **accepted only**: a copy of the module that does not wait, and no worker: until Prefect has the run.",
            "* **asks nobody**: `Renew`, which returns at once: the share of PHP and the pretend WHMCS in the others.",
            "",
            *(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *(row.cells for row in rows))),
            "",
        ]
    )


if __name__ == "__main__":
    typer.run(main)
