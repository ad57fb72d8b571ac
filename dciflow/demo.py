"""`make demo`: three orders through their whole lives against a DCImanager that remembers; `make up`: look at it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue
from rich.console import Console
from rich.table import Table

from dciflow.registration import PROJECT
from dciflow.shop import Action, ApiShop, Shop, Wants, whmcs_shop, without_php
from dciflow.stack import Stack, running_stack
from dciflow.trigger import PrefectApi, RunEnd
from simulator.profile import DUAL, RYZEN, XEON
from tasks.outcomes import Refusal

SPEED = 60.0
"""One simulated minute a second: an OS installation takes 15 s, diagnostics 20 s."""

TIMEOUT_MINUTES = 12
"""The hanging installation's time-out; those that work take 15 simulated minutes."""

console = Console(width=200 if not sys.stdout.isatty() else None)


def say(text: str) -> None:
    """Progress, one line each."""
    console.print(f"· {text}", highlight=False)


SHOWS: dict[Action, str] = {
    "activate": "Active, 1 mail",
    "suspend": "Suspended, 1 mail",
    "unsuspend": "Active, 1 mail",
    "terminate": "Terminated, 1 mail",
}
"""What WHMCS shows after each action: the service's status, and that its welcome mail went out once."""


class Row(BaseModel):
    """One line of the table: what was asked, what was expected and what came."""

    model_config = ConfigDict(frozen=True)

    service_id: int
    action: str
    expected: str
    saying: str
    """What its message has to have in it: a run that fails for another reason is not as expected."""
    end: RunEnd
    shows: str
    """What WHMCS should show afterwards."""
    shown: str | None
    """What it shows; None where no WHMCS of ours is asked."""

    @property
    def as_expected(self) -> bool:
        """Whether it came as expected."""
        ended = self.end.state == self.expected and self.saying in self.end.message
        return ended and self.shown in (None, self.shows)


class Unexpected(Exception):
    """An outcome was not the expected one: that customer's story ends here."""


@dataclass
class Customer:
    """One client with one service."""

    shop: Shop
    simulator: httpx.AsyncClient
    wants: Wants
    rows: list[Row] = field(default_factory=list)

    async def ask(
        self, action: Action, expected: str = "COMPLETED", *, saying: str = "", shows: str | None = None
    ) -> None:
        """Ask for an action as WHMCS does, and wait for its end."""
        await self._note(action, expected, await self.shop.ask(self.wants, action), saying, shows or SHOWS[action])

    async def watched(self) -> None:
        """Wait for the run that follows the installation."""
        run_id = await self.shop.prefect.find("watch-os-install", self.wants.service_id, within_seconds=60)
        end = await self.shop.prefect.wait(run_id)
        await self._note("watch-os-install", "COMPLETED", end, "", SHOWS["activate"])

    async def uses_the_server(self) -> None:
        """Leave something on the disk that the deletion has to clear."""
        address = await self.shop.address(self.wants)
        state = (await self.simulator.get("/control/state")).raise_for_status().json()
        server = next(int(s["id"]) for s in state["servers"] if address in s["addresses"])
        body = {"action": "write_tenant_data", "server": server, "text": f"{self.wants.name}'s photographs"}
        (await self.simulator.post("/control/by-hand", json=body)).raise_for_status()

    async def _note(self, action: str, expected: str, end: RunEnd, saying: str, shows: str) -> None:
        shown = await self.shop.shows(self.wants, shows)
        row = Row(
            service_id=self.wants.service_id,
            action=action,
            expected=expected,
            saying=saying,
            end=end,
            shows=shows,
            shown=shown,
        )
        self.rows.append(row)
        text = f"service {row.service_id}: {action} {end.state} in {end.seconds:.1f} s"
        text += f"; WHMCS shows {shown}" if shown else ""
        say(text if row.as_expected else f"{text} (expected {expected}; {shows}): {end.message}")
        if not row.as_expected:
            raise Unexpected


async def _waits(customer: Customer) -> None:
    await customer.ask("activate")
    await customer.uses_the_server()
    await customer.ask("suspend")
    await customer.ask("unsuspend")
    await customer.ask("terminate")


async def _does_not_wait(customer: Customer) -> None:
    await customer.ask("activate", shows="Pending")
    await customer.watched()
    await customer.uses_the_server()
    await customer.ask("suspend")
    await customer.ask("terminate")


async def _hangs(customer: Customer) -> None:
    state = (await customer.simulator.get("/control/state")).raise_for_status().json()
    for server in state["servers"]:
        if server["configuration"] == customer.wants.configuration:
            body = {"type": "os_install", "server": server["id"]}
            (await customer.simulator.post("/control/hang-next", json=body)).raise_for_status()
    late = f"did not finish within {TIMEOUT_MINUTES} minutes and was ended"
    await customer.ask("activate", "FAILED", saying=late, shows="Pending, 1 in the Module Queue")
    customer.wants.timeout_minutes = 60
    await customer.ask("activate")
    await customer.uses_the_server()
    await customer.ask("terminate")


async def play(stack: Stack) -> bool:
    """Play the three orders side by side and print the table. True: every outcome is the expected one."""
    prefect = PrefectApi(stack.api)
    async with (
        httpx.AsyncClient(base_url=stack.simulator, timeout=30) as simulator,
        _shop(stack, prefect, simulator) as shop,
    ):
        wishes = [
            Wants("Anna", XEON),
            Wants("Boris", RYZEN, wait_for_os=False),
            Wants("Clara", DUAL, timeout_minutes=TIMEOUT_MINUTES),
        ]
        customers = [Customer(shop, simulator, wants) for wants in wishes]
        for wants in wishes:
            await shop.buy(wants)
        say("three orders: one waits for its OS, one does not wait, one's installation hangs and is installed again")
        plots = zip((_waits, _does_not_wait, _hangs), customers, strict=True)
        stories = await asyncio.gather(*(plot(customer) for plot, customer in plots), return_exceptions=True)
        for story in stories:
            if isinstance(story, BaseException) and not isinstance(story, Unexpected):
                raise story
        rows = [row for customer in customers for row in customer.rows]
        _print(stack, rows)
        state = (await simulator.get("/control/state")).raise_for_status().json()
    await prefect.aclose()
    return _all_given_back(state) and all(row.as_expected for row in rows) and not any(stories)


@asynccontextmanager
async def _shop(stack: Stack, prefect: PrefectApi, simulator: httpx.AsyncClient) -> AsyncIterator[Shop]:
    """WHMCS with our module where PHP is here."""
    packages = await without_php()
    if packages:
        say(f"orders are placed through Prefect's API: for a WHMCS with the PHP module install {', '.join(packages)}")
        yield ApiShop(stack, prefect, simulator)
        return
    say("orders are placed by the PHP module, in a WHMCS that plays the real one's call protocol")
    async with whmcs_shop(stack, prefect) as shop:
        yield shop


def _print(stack: Stack, rows: list[Row]) -> None:
    table = Table("Service", "Action", "Outcome", "Seconds", "WHMCS shows", "Flow run")
    for row in rows:
        outcome = row.end.state if row.as_expected else f"{row.end.state}, expected {row.expected}"
        link = f"{stack.prefect}/v2/runs/flow-run/{row.end.run_id}"
        shown = row.shown or "-"
        table.add_row(str(row.service_id), row.action, outcome, f"{row.end.seconds:.1f}", shown, link)
    console.print(table)


def _all_given_back(state: dict[str, list[dict[str, JsonValue]]]) -> bool:
    """Whether every server is free again, its disk clear, and nothing bad was recorded on the way."""
    left = [s["name"] for s in state["servers"] if s["owner"] is not None or not s["disk_clear"]]
    for name in left:
        say(f"{name} is not clean and free")
    for incident in state["incidents"]:
        say(f"incident: {incident}")
    if not left and not state["incidents"]:
        say("every released server is free and its disk is clear")
    return not left and not state["incidents"]


async def demo() -> int:
    """Everything from nothing to nothing; the exit code says whether it went as it should."""
    home = PROJECT / ".dciflow" / f"demo-{os.getpid()}"
    good = False
    async with running_stack(home, say, speed=SPEED, keep=lambda: not good) as stack:
        good = await play(stack)
        say("stopping what was started" if good else f"stopping what was started; logs: {_short(home)}")
    say("the demo went as it should" if good else "the demo did NOT go as it should")
    return 0 if good else 1


async def up() -> int:
    """The same stack, left running until interrupted. It begins anew each time: the simulator remembers no other."""
    home = PROJECT / ".dciflow" / f"up-{os.getpid()}"
    async with running_stack(
        home, say, speed=SPEED, prefect_port=4200, simulator_port=8600, keep=lambda: False
    ) as stack:
        console.print(f"Prefect UI   {stack.prefect}")
        console.print(f"Racks        {stack.simulator}/racks")
        console.print(f"Logs         {_short(stack.home)}")
        console.print("\nTo use `dciflow` and `prefect` against it, in another terminal:")
        for name in ("PREFECT_API_URL", "DCIFLOW_LEDGER_URL"):
            console.print(f"    export {name}={stack.environment[name]}", soft_wrap=True)
        say("Ctrl-C stops it all")
        await asyncio.Event().wait()
    return 0


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


def main() -> int:
    """`python -m dciflow.demo [up]`."""
    try:
        return asyncio.run(_until_stopped(up() if sys.argv[1:] == ["up"] else demo()))
    except Refusal as refusal:
        print(f"dciflow: {refusal}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return 130


async def _until_stopped(work: Coroutine[None, None, int]) -> int:
    """Do the work; Ctrl-C and SIGTERM stop what it started first. A shell's background job ignores SIGINT otherwise."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
