"""The command `dciflow`: what a host's staff type. Every refusal is one line and exit code 1."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from dciflow.cli_doctor import doctor
from dciflow.cli_door import door_app
from dciflow.cli_held import bring_back, held_app, protect, unprotect
from dciflow.cli_learn import panel_learn
from dciflow.cli_notify import notify_app
from dciflow.cli_proofs import panel_trust
from dciflow.cli_rehearse import panel_rehearse
from dciflow.cli_rename import panel_rename
from dciflow.cli_restored import restored
from dciflow.cli_server import server_app
from dciflow.cli_support import AsJson, command, fail, first_fault, say, secret, show_json, show_list, show_table
from dciflow.cli_survey import panel_survey, show_survey
from dciflow.cli_whose import panel_user, whmcs_renamed

app = typer.Typer(no_args_is_help=True, help="Sells DCImanager 6 servers through WHMCS, as Prefect flows.")
panel_app = typer.Typer(no_args_is_help=True, help="The DCImanager panels that servers are sold from.")
whmcs_app = typer.Typer(no_args_is_help=True, help="The WHMCS that bills.")
app.add_typer(panel_app, name="panel")
app.add_typer(whmcs_app, name="whmcs")
app.add_typer(held_app, name="held")
app.add_typer(server_app, name="server")
app.add_typer(notify_app, name="notify")
app.add_typer(door_app, name="door")


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"dciflow {version('dciflow')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


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
            help="JSON file: another data centre, its fleet and its times (simulator/panel/profile.py).",
        ),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, help="Simulated seconds per second.")] = 60.0,
) -> None:
    """Run a DCImanager 6 and a WHMCS api.php that remember, with a page that shows the racks."""
    from simulator.http.server import serve
    from simulator.panel.profile import Profile

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
        say(done)


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
    from dcimanager.transport import PanelAccess
    from ledger import panels
    from ledger.panel_name import panel_name
    from runtime.blocks import DcimanagerPanel
    from runtime.connections import ledger

    panel_name(name)
    password = secret("DCIFLOW_PANEL_PASSWORD", "Password")
    PanelAccess(name=name, url=url, username=username, password=password, verify_tls=verify_tls)
    await panels.recognise(ledger(), name, panels.address_of(url), datetime.now(UTC))
    block = DcimanagerPanel(url=url, username=username, password=password, verify_tls=verify_tls)
    await block.asave(name, overwrite=True)
    say(f"Panel {name} is stored. Check it: dciflow panel check {name}")


@panel_app.command("list")
@command
async def panel_list(as_json: AsJson = False) -> None:
    """List the panels that Prefect has credentials of."""
    from dciflow.cli_output import StoredPanel
    from runtime.blocks import DcimanagerPanel
    from runtime.connections import stored_panels

    panels: list[StoredPanel] = []
    odd: list[tuple[str, str]] = []
    for name in await stored_panels():
        try:
            block: DcimanagerPanel = await DcimanagerPanel.aload(name)
        except (ValueError, RuntimeError) as error:  # what Prefect raises for a block that lacks a field, or is gone
            odd.append((f"Panel {name}", f"{type(error).__name__}; store it again: dciflow panel add {name}"))
        else:
            panels.append(StoredPanel(panel=name, url=block.url, username=block.username))
    rows = ((one.panel, one.url, one.username) for one in panels)
    show_list(panels, ["Panel", "Address", "Username"], rows, as_json=as_json, odd=odd)


@panel_app.command("check")
@command
async def panel_check(name: Annotated[str, typer.Argument(help="The panel's name.")], as_json: AsJson = False) -> None:
    """Log in, compare the dialect, survey what is there, and say whether orders and deletions can be served."""
    from dciflow.cli_output import CheckedPanel
    from runtime.connections import panel_named
    from tasks.panel_check import Readiness, examine
    from tasks.panel_survey import survey

    panel = await panel_named(name)
    report = await examine(panel)
    surveyed = await survey(panel)
    report = report.with_survey(surveyed)
    lines = [*report.orders, *report.deletions]
    if as_json:
        show_json(CheckedPanel.of(report))
    else:
        rows = ((line.verdict.value, line.what) for line in lines)
        show_table(["", "What was looked at"], rows, title=f"Panel {name}")
        show_table(
            ["Entry", "Our mark", "Panel's Swagger", "Note"],
            ((one.endpoint, one.mark.value, one.verdict.value, one.note) for one in report.dialect),
            title="Dialect",
        )
        show_table(
            ["Entry", "For clients' servers"],
            ((one.entry, one.sentence()) for one in report.proofs),
            title="Proofs",
        )
        show_survey(surveyed)
        say(f"Ready for orders: {'yes' if report.ready_for_orders else 'no'}.")
        say(f"Ready for deletions: {'yes' if report.ready_for_deletions else 'no'}.")
    if any(line.verdict is Readiness.MEND for line in lines):
        raise typer.Exit(1)


@panel_app.command("recount")
@command
async def panel_recount(name: Annotated[str, typer.Argument(help="The panel's name.")]) -> None:
    """Let the next reconciliation believe its lists, however much shorter they are than the last ones."""
    from ledger import reconciliation
    from ledger.panel_name import panel_name
    from runtime.connections import ledger

    panel_name(name)
    if not await reconciliation.forget_counts(ledger(), name):
        fail(f"Panel {name} was never reconciled: there is nothing to forget.")
    say(f"The next reconciliation of panel {name} takes its lists as they are.")


@whmcs_app.command("set")
@command
async def whmcs_set(
    url: Annotated[str, typer.Option(help="WHMCS's address, https://billing.example.com/whmcs")],
    identifier: Annotated[str, typer.Option(help="The API credential's identifier.")],
    verify_tls: Annotated[bool, typer.Option(help="Verify WHMCS's certificate.")] = True,
) -> None:
    """Store WHMCS's API credential in Prefect; the secret comes from the prompt or DCIFLOW_WHMCS_SECRET."""
    from runtime.blocks import Whmcs
    from runtime.connections import WHMCS_BLOCK
    from whmcs.transport import WhmcsAccess

    api_secret = secret("DCIFLOW_WHMCS_SECRET", "API secret")
    WhmcsAccess(url=url, identifier=identifier, secret=api_secret, verify_tls=verify_tls)
    block = Whmcs(url=url, identifier=identifier, secret=api_secret, verify_tls=verify_tls)
    await block.asave(WHMCS_BLOCK, overwrite=True)
    say("WHMCS is stored.")


panel_app.command("rehearse")(panel_rehearse)
panel_app.command("user")(panel_user)
whmcs_app.command("renamed")(whmcs_renamed)
panel_app.command("rename")(panel_rename)
panel_app.command("trust")(panel_trust)
panel_app.command("survey")(panel_survey)
panel_app.command("learn")(panel_learn)
app.command("doctor")(doctor)
app.command("restored")(restored)
app.command("bring-back")(bring_back)
app.command("protect")(protect)
app.command("unprotect")(unprotect)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line."""
    return app(arguments)
