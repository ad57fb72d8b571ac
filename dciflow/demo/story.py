"""`make demo`: three orders through their lives, three accidents on their way; `make up`: look at it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from pydantic import JsonValue

from dciflow import cli_support
from dciflow.demo.after_sale import use_what_is_offered
from dciflow.demo.demo_client import DemoClient, Unexpected, print_table, say
from dciflow.demo.drift_demo import plant_and_reconcile
from dciflow.demo.ordering import ApiOrdering, Ordering, Wants, whmcs_ordering, without_php
from dciflow.demo.prefect_api import PrefectApi
from dciflow.demo.stack import Stack, running_stack
from dciflow.registration import PROJECT
from runtime.errors import StepRefused
from simulator.panel.profile import DUAL, RYZEN, XEON
from simulator.processes import NotStarted

SPEED = 60.0
"""One simulated minute a second: an OS installation takes 15 s, diagnostics 20 s."""

TIMEOUT_MINUTES = 12
"""The hanging installation's time-out; those that work take 15 simulated minutes."""


async def _waits(client: DemoClient) -> None:
    await client.ask("activate")
    await client.uses_the_server()
    await use_what_is_offered(client)
    await client.ask("suspend")
    await client.ask("unsuspend")


async def _does_not_wait(client: DemoClient) -> None:
    # On a busy machine the installation may be over before Prefect says that the activation is.
    await client.ask("activate", shows=("Pending", "Active", "Active, 1 mail"))
    await client.watched()
    await client.uses_the_server()


async def _hangs(client: DemoClient) -> None:
    state = (await client.simulator.get("/control/state")).raise_for_status().json()
    for server in state["servers"]:
        if server["configuration"] == client.wants.configuration:
            body = {"type": "os_install", "server": server["id"]}
            (await client.simulator.post("/control/hang-next", json=body)).raise_for_status()
    late = f"did not finish within {TIMEOUT_MINUTES} minutes and was ended"
    await client.ask("activate", "FAILED", saying=late, shows=("Pending, 1 in the Module Queue",))
    client.wants.timeout_minutes = 60
    await client.ask("activate")
    await client.uses_the_server()


async def _leaves(client: DemoClient) -> None:
    await client.ask("terminate")


async def _does_not_pay_and_leaves(client: DemoClient) -> None:
    await client.ask("suspend")
    await client.ask("terminate")


async def run_story(stack: Stack) -> bool:
    """Take three orders side by side through their lives, with three differences planted on their way; print the table.

    True: every outcome is the expected one.
    """
    prefect = PrefectApi(stack.api)
    async with (
        httpx.AsyncClient(base_url=stack.simulator, timeout=30) as simulator,
        _shop(stack, prefect, simulator) as shop,
    ):
        orders = [
            Wants("Anna", XEON),
            Wants("Boris", RYZEN, wait_for_os=False),
            Wants("Clara", DUAL, timeout_minutes=TIMEOUT_MINUTES),
        ]
        clients = [DemoClient(shop, simulator, wants) for wants in orders]
        for wants in orders:
            await shop.buy(wants)
        say("three orders: one waits for its OS, one does not wait, one's installation hangs and is installed again")
        anna, boris, clara = clients
        good = (
            await _all_go_well(_waits(anna), _does_not_wait(boris), _hangs(clara))
            and await _all_go_well(plant_and_reconcile(stack, prefect, anna, boris, clara))
            and await _all_go_well(_leaves(anna), _does_not_pay_and_leaves(boris), _leaves(clara))
        )
        print_table(stack, [row for client in clients for row in client.rows])
        state = (await simulator.get("/control/state")).raise_for_status().json()
    await prefect.aclose()
    return _all_given_back(state) and good


async def _all_go_well(*stories: Awaitable[None]) -> bool:
    """Let the stories go on side by side to their ends. False: one had an outcome that was not expected."""
    ends = await asyncio.gather(*stories, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, Unexpected):
            raise end
    return not any(ends)


@asynccontextmanager
async def _shop(stack: Stack, prefect: PrefectApi, simulator: httpx.AsyncClient) -> AsyncIterator[Ordering]:
    """WHMCS with our module where PHP is here."""
    packages = await without_php()
    if packages:
        say(f"orders are placed through Prefect's API: for a WHMCS with the PHP module install {', '.join(packages)}")
        yield ApiOrdering(stack, prefect, simulator)
        return
    say("orders are placed by the PHP module, in a simulated WHMCS with the real one's call protocol")
    async with whmcs_ordering(stack, prefect) as shop:
        yield shop


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
        good = await run_story(stack)
        say("stopping what was started" if good else f"stopping what was started; logs: {_short(home)}")
    say("the demo went as it should" if good else "the demo did NOT go as it should")
    return 0 if good else 1


async def up() -> int:
    """The same stack, left running until interrupted. Each time it starts empty: the simulator keeps nothing."""
    home = PROJECT / ".dciflow" / f"up-{os.getpid()}"
    async with running_stack(
        home, say, speed=SPEED, prefect_port=4200, simulator_port=8600, keep=lambda: False
    ) as stack:
        cli_support.say(f"Prefect UI   {stack.prefect}")
        cli_support.say(f"Racks        {stack.simulator}/racks")
        cli_support.say(f"Logs         {_short(stack.home)}")
        cli_support.say("")
        cli_support.say("To use `dciflow` and `prefect` against it, in another terminal:")
        told = {name: stack.environment[name] for name in ("PREFECT_API_URL", "PREFECT_UI_URL", "DCIFLOW_LEDGER_URL")}
        for name, value in {**told, "SIMULATOR_URL": stack.simulator}.items():
            cli_support.say(f"    export {name}={value}")
        say("Ctrl-C stops it all")
        await asyncio.Event().wait()
    return 0


def _short(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


def main() -> int:
    """`python -m dciflow.demo [up]`."""
    try:
        return asyncio.run(_until_stopped(up() if sys.argv[1:] == ["up"] else demo()))
    except (StepRefused, NotStarted) as why:
        cli_support.say(f"dciflow: {why}", err=True)
        return 1
    except asyncio.CancelledError:
        return 130


async def _until_stopped(work: Coroutine[None, None, int]) -> int:
    """Do the work; Ctrl-C and SIGTERM stop what it started first. A shell's background job ignores SIGINT otherwise."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task
