"""The command `dciflow`: what a host's staff type. Every refusal is one line and exit code 1."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from dciflow.command import command, fail, first_fault, out, secret
from dciflow.held import bring_back, held_app, protect, unprotect
from dciflow.notify import notify_app

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Sells DCImanager 6 servers through WHMCS, as Prefect flows."
)
panel_app = typer.Typer(no_args_is_help=True, help="The DCImanager panels that servers are sold from.")
whmcs_app = typer.Typer(no_args_is_help=True, help="The WHMCS that bills.")
app.add_typer(panel_app, name="panel")
app.add_typer(whmcs_app, name="whmcs")
app.add_typer(held_app, name="held")
app.add_typer(notify_app, name="notify")


@app.command()
def simulate(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8600,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    servers: Annotated[int, typer.Option(min=3, max=10_000, help="How many servers the panel has.")] = 12,
    profile: Annotated[
        Path | None,
        typer.Option(
            envvar="DCIFLOW_SIMULATED_PROFILE",
            exists=True,
            dir_okay=False,
            help="JSON file: another data centre, its fleet and how long things take there (simulator/profile.py).",
        ),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, help="Simulated seconds per second.")] = 60.0,
) -> None:
    """Run a DCImanager 6 and a WHMCS api.php that remember, with a page that shows the racks."""
    from simulator.profile import Profile
    from simulator.server import serve

    chosen = Profile.demo() if servers == 12 else Profile.large(servers)
    if profile is not None:
        try:
            chosen = Profile.model_validate_json(profile.read_text(encoding="utf-8"))
        except ValidationError as error:
            fail(f"{profile}: {first_fault(error)}")
    serve(host=host, port=port, profile=chosen, speed=speed)


@app.command()
@command
async def setup() -> None:
    """Prepare the ledger and register everything with Prefect: block types, work pool, deployments. Repeatable."""
    from dciflow.registration import register_all

    for done in [step async for step in register_all()]:
        typer.echo(done)


@app.command()
@command
async def proxy_map() -> None:
    """Print which deployments the WHMCS host may start, as nginx reads it (docs/least-privilege.md)."""
    from dciflow import least_privilege

    typer.echo(await least_privilege.proxy_map())


@panel_app.command("add")
@command
async def panel_add(
    name: Annotated[str, typer.Argument(help="The panel's name: lower-case letters, digits and dashes.")],
    url: Annotated[str, typer.Option(help="The panel's address, https://panel.example.com")],
    username: Annotated[str, typer.Option(help="The administrator's e-mail.")],
    verify_tls: Annotated[bool, typer.Option(help="Verify the panel's certificate.")] = True,
) -> None:
    """Store a panel's credentials in Prefect (block dcimanager-panel/NAME); the password comes from the prompt or
    DCIFLOW_PANEL_PASSWORD."""
    from dcimanager.transport import Access
    from tasks.blocks import DcimanagerPanel

    password = secret("DCIFLOW_PANEL_PASSWORD", "Password")
    Access(name=name, url=url, username=username, password=password, verify_tls=verify_tls)
    block = DcimanagerPanel(url=url, username=username, password=password, verify_tls=verify_tls)
    await block.asave(name, overwrite=True)
    typer.echo(f"Panel {name} is stored. Check it: dciflow panel check {name}")


@panel_app.command("list")
@command
async def panel_list() -> None:
    """List the panels that Prefect has credentials of."""
    from dciflow.registration import stored_panels

    table = Table("Panel", "Address", "Username")
    for name, panel in sorted((await stored_panels()).items()):
        table.add_row(name, panel.url, panel.username)
    out.print(table)


@panel_app.command("check")
@command
async def panel_check(name: Annotated[str, typer.Argument(help="The panel's name.")]) -> None:
    """Log in, compare the dialect, and say whether the panel is ready for orders and for deletions."""
    from tasks.connections import panel_named
    from tasks.panels import Readiness, examine

    report = await examine(await panel_named(name))
    table = Table("", "What was looked at", title=f"Panel {name}")
    for line in [*report.orders, *report.deletions]:
        table.add_row(line.verdict.value, line.what)
    out.print(table)
    dialect = Table("Entry", "Our mark", "Panel's Swagger", "Note", title="Dialect")
    for finding in report.dialect:
        dialect.add_row(finding.endpoint, finding.mark.value, finding.verdict.value, finding.note)
    out.print(dialect)
    typer.echo(f"Ready for orders: {'yes' if report.ready_for_orders else 'no'}.")
    typer.echo(f"Ready for deletions: {'yes' if report.ready_for_deletions else 'no'}.")
    if any(line.verdict is Readiness.MEND for line in [*report.orders, *report.deletions]):
        raise typer.Exit(1)


@panel_app.command("recount")
@command
async def panel_recount(name: Annotated[str, typer.Argument(help="The panel's name.")]) -> None:
    """Let the next reconciliation believe its lists, however much shorter they are than the last ones."""
    from ledger import overview
    from tasks.connections import ledger

    if not await overview.forget_counts(ledger(), name):
        fail(f"Panel {name} was never reconciled: there is nothing to forget.")
    typer.echo(f"The next reconciliation of panel {name} counts anew.")


@whmcs_app.command("set")
@command
async def whmcs_set(
    url: Annotated[str, typer.Option(help="WHMCS's address, https://billing.example.com/whmcs")],
    identifier: Annotated[str, typer.Option(help="The API credential's identifier.")],
    verify_tls: Annotated[bool, typer.Option(help="Verify WHMCS's certificate.")] = True,
) -> None:
    """Store WHMCS's API credential in Prefect; the secret comes from the prompt or DCIFLOW_WHMCS_SECRET."""
    from tasks.blocks import Whmcs
    from tasks.connections import BILLING_BLOCK
    from whmcs.transport import Access

    api_secret = secret("DCIFLOW_WHMCS_SECRET", "API secret")
    Access(url=url, identifier=identifier, secret=api_secret, verify_tls=verify_tls)
    block = Whmcs(url=url, identifier=identifier, secret=api_secret, verify_tls=verify_tls)
    await block.asave(BILLING_BLOCK, overwrite=True)
    typer.echo("WHMCS is stored.")


app.command("bring-back")(bring_back)
app.command("protect")(protect)
app.command("unprotect")(unprotect)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line."""
    return app(arguments)
