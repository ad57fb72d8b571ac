"""The command `dciflow panel rename`: for a panel that was entered anew in WHMCS, under another name."""

from typing import Annotated

import typer

from dciflow.cli_support import command, say


@command
async def panel_rename(
    old: Annotated[str, typer.Argument(help="The name that the panel has.")],
    new: Annotated[str, typer.Argument(help="The name that it gets.")],
) -> None:
    """Give a panel another name: its services, servers, proofs and differences go with it.

    For a panel that was entered anew in WHMCS. Refused while a request of the panel is open.
    """
    from ledger import panels
    from ledger.panel_name import panel_name
    from runtime.blocks import DcimanagerPanel
    from runtime.connections import ledger, stored_panels

    panel_name(new)
    stored = await stored_panels()
    count = await panels.rename(ledger(), old, new)
    if new not in stored and old in stored:
        block: DcimanagerPanel = await DcimanagerPanel.aload(old)
        await block.asave(new, overwrite=True)
    say(f"Panel {old} is called {new} from now on; services: {count}.")
    if new not in stored and old not in stored:
        say(f"Prefect has no credentials of it: dciflow panel add {new} --url ... --username ...")
    if old in stored:
        say(f"What asks for {old} is refused: set products and services in WHMCS to the server record of {new}.")
