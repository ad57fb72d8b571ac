"""The command that a person types after a back-up was restored: `dciflow restored ledger|prefect|whmcs|panel`."""

import sys
from typing import Annotated, Literal

import typer

from dciflow.cli_support import command, fail, say, show_table, who

Side = Annotated[
    Literal["ledger", "prefect", "whmcs", "panel"], typer.Argument(help="The side that was restored, or lost.")
]

Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without it the plan is shown, and a terminal is asked.")]


Without = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PANEL",
        help="Leave this panel out, because it does not answer: nothing runs on it until --only. May be repeated.",
    ),
]

Only = Annotated[
    str | None, typer.Option(metavar="PANEL", help="Only compare this panel, which was left out, and let it go on.")
]


@command
async def restored(side: Side, yes: Yes = False, without: Without = None, only: Only = None) -> None:
    """Go through what a restored back-up has put in doubt, and let workers go on. It needs no worker; repeatable.

    Open requests are closed, what stands midway or disagrees is HELD, free servers that are not proved clean are set
    aside. Nothing is decided about a server, and nothing that has an owner is touched.
    """
    from dciflow.registration import POOL
    from runtime.connections import ledger
    from tasks.restored.going_through import Plan, go_through, plan, plan_left_out, take_in_left_out
    from tasks.restored.runs import PrefectOpenRuns

    def show(what: Plan) -> None:
        show_table(
            ["Done with it", "Panel", "Service", "Server", "What was found", "What you do"],
            (
                (one.does, one.panel, one.service_id, one.server_id, one.what, one.do)
                for does in ("hold", "set-aside", "nothing")
                for one in what.of(does)
            ),
            whole="Done with it",
        )

    out = tuple(without or ())
    if only is not None and out:
        fail("--only and --without exclude each other.")
    named = [f" --without {panel}" for panel in out] + ([] if only is None else [f" --only {only}"])
    typed = f"dciflow restored {side}{''.join(named)} --yes"
    await ledger().check()
    runs = PrefectOpenRuns(POOL)
    planned = await (plan(side, runs, without=out) if only is None else plan_left_out(side, only))
    if not yes:
        show(planned)
        say(
            f"To do: end {len(planned.runs)} run(s) in Prefect, close {len(planned.requests)} open request(s), hold "
            f"{len(planned.of('hold'))} service(s), set {len(planned.of('set-aside'))} server(s) aside, then let "
            "workers go on."
        )
        if not _can_be_asked():
            fail(f"Nothing was done. To do it: {typed}")
        if typer.prompt(f"Type {side} to do it") != side:
            fail("Nothing was done.")
    if only is None:
        show(await go_through(side, runs, who=who(), say=say, without=out))
    else:
        show(await take_in_left_out(side, only, who=who(), say=say))
    say("What is HELD waits for you: dciflow held list. Servers that are set aside: dciflow server list.")


def _can_be_asked() -> bool:
    return sys.stdin.isatty()
