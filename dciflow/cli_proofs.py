"""The command by which a person answers for calls of a panel that nothing has proved: `dciflow panel trust`."""

from typing import Annotated

import typer

from dciflow.cli_support import command, fail, say, who


@command
async def panel_trust(
    name: Annotated[str, typer.Argument(help="The panel's name.")],
    why: Annotated[str, typer.Option(help="Why you know that its calls are right; it is kept with your name.")],
    entry: Annotated[
        list[str] | None, typer.Option(help="An entry of the dialect; repeatable. None: all that nothing has proved.")
    ] = None,
) -> None:
    """Answer for calls of a panel without a rehearsal: they are used on clients' servers as they are now."""
    from runtime.connections import panel_named
    from tasks.panel_trust import trust

    if not why.strip():
        fail("A reason is needed: it is kept with your name.")
    trusted = await trust(await panel_named(name), entry or [], who=who(), why=why.strip())
    if not trusted:
        return say(f"Panel {name}: every entry is proved already; there is nothing to answer for.")
    say(f"Panel {name}: {', '.join(trusted)} {'is' if len(trusted) == 1 else 'are'} trusted, on the word of {who()}.")
    say(f"A change of an entry or of its words ends that. See how each stands: dciflow panel check {name}")
