"""`dciflow doctor`: looks at everything that has to be right, and says what is not. Nothing is changed."""

from pathlib import Path
from typing import Annotated

import typer

from dciflow.cli_support import AsJson, command, say, show_json


@command
async def doctor(
    backups: Annotated[
        Path | None, typer.Option(help="The folder of the back-ups, to look how old the newest ones are.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at this installation: machine, ledger, Prefect, worker, panels, WHMCS. Exit code 1: something is wrong."""
    from dciflow.doctor.checks import all_checks, examine, is_wrong

    found = await examine(await all_checks(backups))
    if as_json:
        show_json(found)
    else:
        for one in found:
            to_do = f". To do: {one.do}" if one.do else ""
            what = one.what if one.what.endswith("...") else one.what.removesuffix(".")
            say(f"{one.verdict:<5} {one.about}: {what}{to_do}")
    if is_wrong(found):
        raise typer.Exit(1)
