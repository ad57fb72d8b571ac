"""The commands of the person who decides: `dciflow held ...`, and what may become of a service that is not HELD."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markdown import Markdown
from rich.table import Column, Table

from dciflow.command import command, out, who

if TYPE_CHECKING:
    from ledger.snapshots import Choice

held_app = typer.Typer(no_args_is_help=True, help="Services that wait for a person's decision.")


ServiceId = Annotated[int, typer.Argument(help="The service.")]
Why = Annotated[str, typer.Option(help="The reason for the decision; it is kept.")]


@held_app.command("list")
@command
async def held_list() -> None:
    """List the services that are HELD, with the reason and the evidence, longest waiting first."""
    from ledger import services
    from tasks.connections import ledger

    held = await services.held(ledger())
    table = Table("Service", "Panel", "Server", "Was", "Since (UTC)", Column("Reason", no_wrap=True), "Evidence")
    for service in held:
        table.add_row(
            str(service.service_id),
            service.panel,
            str(service.claim.server_id) if service.claim else "-",
            str(service.held_from),
            f"{service.held_at:%Y-%m-%d %H:%M}" if service.held_at else "",
            service.held_reason or "",
            service.held_evidence or "",
        )
    out.print(table)


@held_app.command("show")
@command
async def held_show(service_id: ServiceId) -> None:
    """Show all that a person needs to decide: reason, evidence, server, the run that stopped, decisions so far."""
    from ledger import services
    from ledger.errors import Unknown
    from tasks.card import held_card
    from tasks.connections import ledger

    service = await services.get(ledger(), service_id)
    if service is None:
        raise Unknown(service_id)
    out.print(Markdown(await held_card(service)))


@held_app.command("release")
@command
async def held_release(service_id: ServiceId, why: Why) -> None:
    """Let a service go back to what it was before it was HELD. Nothing is started."""
    await _decide(service_id, "release", why)


@held_app.command("retry")
@command
async def held_retry(
    service_id: ServiceId,
    why: Why,
    past_cap: Annotated[
        bool, typer.Option("--past-cap", help="Let a service that a cap has stopped past it, this once.")
    ] = False,
) -> None:
    """Let a service go back to what it was, and start the action again that was stopped."""
    await _decide(service_id, "retry", why, past_cap=past_cap)


@held_app.command("terminate")
@command
async def held_terminate(service_id: ServiceId, why: Why) -> None:
    """Take a service's server back: its deletion is started, which wipes it."""
    await _decide(service_id, "terminate", why)


@held_app.command("accept-hardware")
@command
async def held_accept_hardware(service_id: ServiceId, why: Why) -> None:
    """Record the serial number and MAC addresses that the panel shows now as the service's own. Nothing is started."""
    await _decide(service_id, "accept-hardware", why)


@held_app.command("forget-server")
@command
async def held_forget_server(service_id: ServiceId, why: Why) -> None:
    """End the claim on a server that is gone from the panel for good. Should it come back, it is sold to nobody."""
    await _decide(service_id, "forget-server", why)


async def _decide(service_id: int, choice: "Choice", why: str, *, past_cap: bool = False) -> None:
    from tasks.decisions import Verdict, carry_out

    verdict = Verdict(choice=choice, who=who(), why=why, past_cap=past_cap)
    typer.echo(await carry_out(service_id, verdict))


@command
async def bring_back(service_id: ServiceId, why: Why) -> None:
    """Give a service its server back during its wipe delay; an ACTIVE one is put back on the network."""
    from tasks import decisions

    typer.echo(await decisions.bring_back(service_id, who=who(), why=why))


@command
async def protect(service_id: ServiceId, why: Why) -> None:
    """Let no automation suspend or terminate a service; a suspension by an administrator goes through."""
    from ledger import decisions
    from tasks.clock import clock
    from tasks.connections import ledger

    await decisions.protect(ledger(), service_id, who=who(), why=why, now=clock().now())
    typer.echo(f"Service {service_id} is protected.")


@command
async def unprotect(service_id: ServiceId, why: Why) -> None:
    """End the protection of a service."""
    from ledger import decisions
    from tasks.clock import clock
    from tasks.connections import ledger

    await decisions.unprotect(ledger(), service_id, who=who(), why=why, now=clock().now())
    typer.echo(f"Service {service_id} is not protected any more.")
