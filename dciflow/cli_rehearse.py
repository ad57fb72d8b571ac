"""`dciflow panel rehearse`: starts the rehearsal of a panel on one spare server and follows it to its end."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dciflow.cli_support import command, fail, say, show_table

if TYPE_CHECKING:
    from uuid import UUID

    from dcimanager.servers import Server

LOOK_SECONDS = 2.0
"""Between two looks at the run, which takes an hour or two on real machines."""


@command
async def panel_rehearse(
    name: Annotated[str, typer.Argument(help="The panel's name.")],
    server: Annotated[int, typer.Option(help="The number of a free server that nobody needs: its disks are cleared.")],
    template: Annotated[
        str | None, typer.Option(help="OS template to install; one that the server does not have if not named.")
    ] = None,
    pool: Annotated[str | None, typer.Option(help="IP pool to take an address from; the first that fits.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: the server's disks may be cleared.")] = False,
) -> None:
    """Play every call of the lifecycles on one spare server and keep a proof of each. CLEARS THE SERVER'S DISKS.

    Ctrl-C leaves the rehearsal running; it goes on after a crash like any other run.
    """
    from ledger import proofs
    from runtime.connections import ledger, panel_named

    there = await (await panel_named(name)).servers.get(server)
    _ask(there, name, yes)
    run = await _start(name, server, template, pool)
    state, message = await _follow(run)
    kept = [one for one in await proofs.of_panel(ledger(), name) if one.flow_run_id == str(run)]
    rows = ((one.entry, one.before, one.after) for one in reversed(kept))
    show_table(["Entry", "Before", "After"], rows, title=f"Proved on server {server}")
    if state != "COMPLETED":
        fail(f"The rehearsal is {state}: {message}")
    say(f"The rehearsal is done and server {server} is free again. See all proofs: dciflow panel check {name}")


def _ask(server: "Server", panel: str, yes: bool) -> None:
    """Have the person name the server once more. Raises typer.Exit."""
    what = f"server {server.id} of panel {panel} ({server.name or 'no name'}, serial {server.serial or 'unknown'})"
    say(f"A rehearsal installs an operating system on {what} twice and then clears its disks.")
    if yes:
        return
    if not _has_terminal():
        fail("No terminal to ask for the server's number: say --yes if its disks may be cleared. Nothing was touched.")
    if typer.prompt("All that is on it is lost. Type the server's number to go on") != str(server.id):
        fail("Nothing was touched.")


def _has_terminal() -> bool:
    return sys.stdin.isatty()


async def _start(name: str, server: int, template: str | None, pool: str | None) -> "UUID":
    from prefect.deployments import arun_deployment
    from prefect.exceptions import ObjectNotFound

    from runtime.flow_run import run_link

    chosen = {"os_template": template, "ip_pool": pool}
    parameters = {"panel": name, "server": server, "clear_its_disks": True}
    parameters |= {word: value for word, value in chosen.items() if value is not None}
    try:
        run = await arun_deployment("rehearse/by-hand", parameters=parameters, timeout=0, as_subflow=False)
    except ObjectNotFound:
        fail("Prefect has no deployment rehearse/by-hand. Register it: dciflow setup")
    say(f"The rehearsal is started: {run_link(str(run.id))}")
    return run.id


async def _follow(run: "UUID") -> tuple[str, str]:
    """The state and the message that the run ends with."""
    from prefect import get_client

    async with get_client() as client:
        while True:
            state = (await client.read_flow_run(run)).state
            if state is not None and state.is_final():
                return state.type.value, state.message or ""
            await asyncio.sleep(LOOK_SECONDS)
