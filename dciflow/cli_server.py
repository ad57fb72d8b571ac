"""The commands about single servers: `dciflow server list|set-aside|allow|reserve|release|exchange`."""

from typing import TYPE_CHECKING, Annotated

import typer

from dciflow.cli_support import AsJson, command, fail, say, show_list, who

if TYPE_CHECKING:
    from dciflow.cli_output import NotedServer

server_app = typer.Typer(no_args_is_help=True, help="Servers that failed, are set aside, or reserved.")

Panel = Annotated[str, typer.Argument(help="The panel's name.")]
Server = Annotated[int, typer.Argument(help="The server's id on the panel.")]
Why = Annotated[str, typer.Option(help="The reason; it is kept with your name.")]


@server_app.command("list")
@command
async def server_list(
    panel: Annotated[str | None, typer.Option(help="One panel only.")] = None, as_json: AsJson = False
) -> None:
    """List the servers on which activations failed last, and those that are set aside or reserved, with the reason."""
    from dciflow.cli_output import NotedServer
    from ledger import server_notes
    from runtime.connections import ledger

    read, odd = await server_notes.listed_and_odd(ledger(), panel)
    noted = [NotedServer.of(note) for note in read]
    show_list(
        noted,
        ["Panel", "Server", "Failures", "Set aside (UTC)", "By", "Reason", "Reserved (UTC)"],
        (
            (
                one.panel,
                one.server_id,
                one.failures,
                f"{one.set_aside_at:%Y-%m-%d %H:%M}" if one.set_aside_at else "-",
                one.who or "-",
                one.reason or "-",
                _reserve(one),
            )
            for one in noted
        ),
        whole="Server",
        as_json=as_json,
        odd=odd,
    )


@server_app.command("set-aside")
@command
async def server_set_aside(panel: Panel, server: Server, why: Why) -> None:
    """Sell a server to nobody until it is allowed again. Whoever has it keeps it."""
    from ledger import server_notes
    from runtime.clock import clock
    from runtime.connections import ledger

    reason = _reason(why)
    await server_notes.set_aside(ledger(), panel=panel, server_id=server, who=who(), why=reason, now=clock().now())
    say(f"Server {server} of panel {panel} is set aside. Sell it again: dciflow server allow {panel} {server}")


@server_app.command("allow")
@command
async def server_allow(panel: Panel, server: Server, why: Why) -> None:
    """Let a server be sold again, and forget the activations that failed on it."""
    from ledger import server_notes
    from runtime.clock import clock
    from runtime.connections import ledger

    reason = _reason(why)
    await server_notes.allow(ledger(), panel=panel, server_id=server, who=who(), why=reason, now=clock().now())
    say(f"Server {server} of panel {panel} is sold again, once it is free.")


@server_app.command("reserve")
@command
async def server_reserve(
    panel: Panel,
    server: Server,
    why: Why,
    service: Annotated[int | None, typer.Option("--for", help="The service that alone may get it.")] = None,
) -> None:
    """Keep a server from every order, or from all but one service's. Whoever has it keeps it.

    A reserve for a service ends when its activation went well on the server; any other one by `dciflow server release`.
    """
    from ledger import server_notes
    from runtime.clock import clock
    from runtime.connections import ledger

    reason = _reason(why)
    await server_notes.reserve(
        ledger(), panel=panel, server_id=server, service_id=service, who=who(), why=reason, now=clock().now()
    )
    whom = "nobody" if service is None else f"service {service} alone"
    say(f"Server {server} of panel {panel} is reserved for {whom}. End it: dciflow server release {panel} {server}")


@server_app.command("release")
@command
async def server_release(panel: Panel, server: Server, why: Why) -> None:
    """End a server's reserve: orders get it again, once it is free."""
    from ledger import server_notes
    from runtime.clock import clock
    from runtime.connections import ledger

    reason = _reason(why)
    await server_notes.release(ledger(), panel=panel, server_id=server, who=who(), why=reason, now=clock().now())
    say(f"Server {server} of panel {panel} is not reserved any more.")


@server_app.command("exchange")
@command
async def server_exchange(
    service: Annotated[int, typer.Argument(help="The service's number in WHMCS.")],
    why: Why,
    to: Annotated[int | None, typer.Option(help="The server that it gets. Left out: any that fits.")] = None,
    wipe_after: Annotated[int, typer.Option(help="Days until its old server is wiped.")] = 7,
) -> None:
    """Activate a service that its client uses on another server; the client has both until the old one is wiped."""
    from tasks.exchange import exchange

    say(await exchange(service, who=who(), why=_reason(why), to=to, wipe_after_days=wipe_after))


def _reserve(server: "NotedServer") -> str:
    if server.reserved_at is None:
        return "-"
    whom = "nobody" if server.reserved_for is None else f"service {server.reserved_for}"
    return f"{server.reserved_at:%Y-%m-%d %H:%M} for {whom}, by {server.reserved_by}: {server.reserved_why}"


def _reason(why: str) -> str:
    if not why.strip():
        fail("A reason is needed: it is kept with your name.")
    return why.strip()
