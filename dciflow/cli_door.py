"""The command `dciflow door`: what the WHMCS host reaches instead of Prefect's raw API (docs/least-privilege.md)."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dciflow.cli_support import fail, say

door_app = typer.Typer(
    invoke_without_command=True, help="Start the door of the WHMCS host to Prefect, or say who may come."
)
CONFIG = "DCIFLOW_DOOR_CONFIG"

ConfigFile = Annotated[
    Path, typer.Option(envvar=CONFIG, dir_okay=False, help="The installations' file; others must not read it.")
]
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_AT_ONCE = 200
"""Connections; each installation's share of Prefect is far below."""

PROXY = "127.0.0.1"
"""A web server on this machine says by X-Forwarded-For where a call comes from; nobody else is believed."""


@door_app.callback()
def door(
    context: typer.Context,
    host: Annotated[str, typer.Option(envvar="DCIFLOW_DOOR_HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="DCIFLOW_DOOR_PORT", help="Port to listen on.")] = 4280,
    certificate: Annotated[
        Path | None,
        typer.Option(envvar="DCIFLOW_DOOR_CERTIFICATE", exists=True, help="TLS certificate, with its chain."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(envvar="DCIFLOW_DOOR_KEY", exists=True, help="The certificate's private key.")
    ] = None,
    processes: Annotated[
        int, typer.Option(envvar="DCIFLOW_DOOR_PROCESSES", min=1, max=32, help="How many; rates are for each.")
    ] = 1,
    config: ConfigFile = Path("/etc/dciflow/door.toml"),
) -> None:
    """Start it. PREFECT_API_URL and PREFECT_API_AUTH_STRING say where Prefect is and how it lets the door in."""
    if context.invoked_subcommand is not None:
        return
    import uvicorn

    from door.installations import DoorNotConfigured, load
    from door.slow_callers import BoundedCalls

    if (certificate is None) != (key is None):
        fail("A certificate needs its key, and a key its certificate: give both, or neither behind a web server.")
    try:
        installations = load(config)
    except DoorNotConfigured as error:
        fail(str(error))
    if certificate is None and host not in LOOPBACK:
        say("Without a certificate the secrets are readable on the wire: --certificate and --key, or a web server.")
    anywhere = sorted(name for name, one in installations.items() if not one.addresses)
    if anywhere and host not in LOOPBACK:
        say(
            f"No `addresses` for {', '.join(anywhere)}: let the firewall admit WHMCS's address only. "
            f"Whoever else reaches this port can hold all {MOST_AT_ONCE} connections before a secret is asked for."
        )
    os.environ[CONFIG] = str(config)  # for the other processes, too
    say(f"The door is open on {host}:{port} for {', '.join(sorted(installations))}.")
    uvicorn.run(
        "door.app:from_environment", factory=True, host=host, port=port, workers=processes,
        ssl_certfile=certificate, ssl_keyfile=key, log_level="warning", access_log=False,
        proxy_headers=True, forwarded_allow_ips=PROXY, server_header=False, limit_concurrency=MOST_AT_ONCE,
        http=BoundedCalls,  # h11 bounds what comes before the body, and is strict; and a call that drips is cut
        timeout_graceful_shutdown=10,
    )  # fmt: skip


@door_app.command("add")
def door_add(
    name: Annotated[str, typer.Argument(help="The installation's name: lower-case letters, digits and dashes.")],
    panel: Annotated[list[str], typer.Option(help="A panel that is its own; main, or shop-* for a beginning.")],
    whmcs: Annotated[str | None, typer.Option(help="What its module calls it; the addon's page shows it.")] = None,
    address: Annotated[list[str] | None, typer.Option(help="Where its calls come from; may be repeated.")] = None,
    config: ConfigFile = Path("/etc/dciflow/door.toml"),
) -> None:
    """Context a WHMCS in: print its new secret, once, and keep the secret's hash. Restart the door afterwards."""
    from door.installations import DoorNotConfigured, add

    try:
        secret = add(config, name, panels=panel, whmcs=whmcs, addresses=address or [])
    except (DoorNotConfigured, OSError) as error:
        fail(f"Nothing was written: {error}")
    say("The auth string for the addon's settings in WHMCS, shown this once:")
    say(f"{name}:{secret}")
