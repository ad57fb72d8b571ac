"""The commands by which a person says whose something is: a panel user, or all services of a WHMCS."""

from typing import Annotated

import typer

from dciflow.cli_support import command, fail, say


@command
async def panel_user(
    name: Annotated[str, typer.Argument(help="The panel's name.")],
    user: Annotated[int, typer.Argument(help="The panel user's id.")],
    client: Annotated[int, typer.Option(help="The WHMCS client whose user it is from now on.")],
) -> None:
    """Say that a panel user is this client's from now on: it gets the servers that the client orders."""
    from ledger import panel_users
    from runtime.clock import clock
    from runtime.connections import ledger, panel_named

    found = await (await panel_named(name)).users.get(user)
    if found is None or found.is_admin:
        fail(f"User {user} of panel {name} is {'an administrator' if found else 'not there'}: nothing was recorded.")
    was = await panel_users.client_of(ledger(), name, user)
    await panel_users.give(ledger(), panel=name, user_id=user, client_id=client, now=clock().now())
    before = "" if was in (None, client) else f" and was client {was}'s until now"
    say(f"User {user} of panel {name} is client {client}'s{before}.")


@command
async def whmcs_renamed(
    installation: Annotated[str, typer.Argument(help="What the module calls this WHMCS now; the refusal names it.")],
) -> None:
    """Say that the WHMCS that asks is the one that was served until now, though its module has another name for it."""
    from ledger import services
    from runtime.connections import ledger

    renamed = await services.rename_installation(ledger(), installation)
    say(f"{renamed} services are those of WHMCS installation {installation} from now on.")
