"""The demo's three planted differences: a reconciliation repairs two, and puts the third before a person."""

import asyncio
import time

from dciflow.demo.demo_client import DemoClient, say
from dciflow.demo.prefect_api import PrefectApi, RunEnd
from dciflow.demo.stack import Stack

LEFT_ALONE_SECONDS = 6.0
"""A service that a run worked on within the last five seconds is left for the next reconciliation."""

REPAIRED, HELD, UNREPAIRED = "repaired", "HELD", "not repaired"
WHY = "the owner is right again"


async def plant_and_reconcile(
    stack: Stack, prefect: PrefectApi, anna: DemoClient, boris: DemoClient, clara: DemoClient
) -> None:
    """Change three things by hand, reconcile with repair=safe, decide what it leaves to a person, look at all three.

    Raises Unexpected: one of them is not as it should be.
    """
    address = await clara.shop.address(clara.wants)
    await anna.by_hand("switch_port", to="down")
    await boris.by_hand("set_owner", email="stranger@example.com")
    await clara.shop.lose_addresses(clara.wants)
    say("changed by hand: Anna's ports are off, Boris's server is a stranger's, WHMCS forgot Clara's addresses")
    await asyncio.sleep(LEFT_ALONE_SECONDS)

    end = await _reconcile(prefect)
    is_held = end.state == "COMPLETED" and await _is_held(prefect, boris)
    outcomes = {
        "ports off by hand": (anna, REPAIRED if (await anna.server_now())["ports_up"] else UNREPAIRED),
        "owner changed by hand": (boris, HELD if is_held else UNREPAIRED),
        "write-back lost": (clara, REPAIRED if await clara.shop.address(clara.wants) == address else UNREPAIRED),
    }
    for what, (client, outcome) in outcomes.items():
        expected = HELD if client is boris else REPAIRED
        seen = end.model_copy(update={"state": outcome})
        await client.note(f"reconcile: {what}", expected, seen, shows=client.shown_as("Active"))

    await boris.by_hand("set_owner", email=boris.wants.email)
    say("the owner of Boris's server is set right by hand, and a person lets the service go on")
    await boris.note("held release", "ACTIVE", await _release(stack, boris), shows=boris.shown_as("Active"))


async def _reconcile(prefect: PrefectApi) -> RunEnd:
    """Run one reconciliation to its end; the end's message begins with the run's name, which sums it up."""
    started = time.monotonic()
    deployment = await prefect.deployment("reconcile/scheduled")
    run_id = await prefect.create(deployment, "reconcile", {"panel": "main", "repair": "safe"})
    end = await prefect.wait(run_id)
    name = str((await prefect.send("GET", f"/flow_runs/{run_id}")).json()["name"])
    say(f"{name} ({end.state})")
    return end.model_copy(update={"message": f"{name}: {end.message}", "seconds": time.monotonic() - started})


async def _is_held(prefect: PrefectApi, client: DemoClient) -> bool:
    """Whether the service is among those that wait for a person, as WHMCS's page shows them."""
    held = (await prefect.send("GET", "/variables/name/dciflow_held")).json()["value"]
    return client.wants.service_id in [one["service_id"] for one in held["services"]]


async def _release(stack: Stack, client: DemoClient) -> RunEnd:
    """Type the decision; the end has what the command said, and the state that the service is in again."""
    started = time.monotonic()
    said = (await stack.command("held", "release", str(client.wants.service_id), "--why", WHY)).strip()
    state = "ACTIVE" if f"Service {client.wants.service_id} is ACTIVE again" in said else "HELD"
    return RunEnd(run_id="", state=state, message=said, seconds=time.monotonic() - started)
