"""What the commands have in common: how they print, how they end, how they ask for a secret.

Nothing else in the commands prints. Text that comes from a panel, a client, WHMCS or Prefect is shown as it is: it is
never markup, and a control character becomes its escape (safety rule 15).
"""

import asyncio
import functools
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, NoReturn, ParamSpec

import httpx
import typer
from pydantic import BaseModel, SecretStr, ValidationError
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Column, Table
from rich.text import Text

from runtime.plain_text import one_line

P = ParamSpec("P")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs; docs/operate.md has the keys.")]

LONGEST_LINE = 4_000
"""Characters of a line that a command prints: as much as the evidence of a HELD service may have."""

WIDTH_OF_A_PIPE = 200
"""A pipe or a file has no width that tables must keep to."""


def say(text: object, *, err: bool = False) -> None:
    """Print one line, to stderr if `err`."""
    typer.echo(one_line(text, LONGEST_LINE), err=err)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", whole: str = "") -> None:
    """Print a table, None as nothing. `whole`: the column whose cells are never broken into lines."""
    heads = [Column(Text(one_line(column)), no_wrap=column == whole) for column in columns]
    table = Table(*heads, title=Text(one_line(title)) if title else None)
    for row in rows:
        table.add_row(*(Text("" if cell is None else one_line(cell)) for cell in row))
    _console().print(table)


def show_list(
    items: Sequence[BaseModel],
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    as_json: bool,
    whole: str = "",
    odd: Iterable[tuple[str, str]] = (),
) -> None:
    """Print a list, as JSON or as a table of `rows`; `odd`: what is on it and cannot be read, with the reason.

    Those are named in a line each, on stderr. Raises typer.Exit with code 1 if there are any: the list lacks them.
    """
    if as_json:
        show_json(items)
    else:
        show_table(columns, rows, whole=whole)
    left_out = [f"{one_line(what)} is left out, it cannot be read: {why}" for what, why in odd]
    for line in left_out:
        say(f"dciflow: {line}", err=True)
    if left_out:
        raise typer.Exit(1)


def show_markdown(text: str) -> None:
    """Print markdown of our own; what it quotes from outside was made inert by `runtime.markdown.code`."""
    _console().print(Markdown(text))


def show_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """Print a model, or a list of them, as JSON in ASCII: no character in it can do anything to a terminal."""
    ready = (
        value.model_dump(mode="json") if isinstance(value, BaseModel) else [x.model_dump(mode="json") for x in value]
    )
    typer.echo(json.dumps(ready, indent=2).replace("\x7f", "\\u007f"))


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)


def fail(text: object) -> NoReturn:
    """Say in one line what happened and what to do, and leave with exit code 1."""
    say(f"dciflow: {text}", err=True)
    raise typer.Exit(1)


def command(body: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async command and close what it opened; an expected end is one line, never a stack trace."""

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from runtime.connections import close_connections
        from runtime.run_log import EXPECTED

        async def whole() -> None:
            try:
                await body(*args, **kwargs)
            finally:
                await close_connections()

        try:
            asyncio.run(whole())
        except EXPECTED as error:
            fail(error)
        except ValidationError as error:
            fail(first_fault(error))
        except httpx.HTTPError as error:
            fail(
                f"The Prefect API does not answer ({type(error).__name__}): is the server up, and PREFECT_API_URL set?"
            )

    return run


def secret(variable: str, prompt: str) -> SecretStr:
    """From the environment, else asked for without echo: a secret on a command line is read by every `ps`."""
    value = os.environ.get(variable)
    if value is None:
        if not sys.stdin.isatty():
            fail(f"No terminal to ask for the {prompt.lower()}: set {variable}.")
        value = str(typer.prompt(prompt, hide_input=True))
    return SecretStr(value)


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with what was typed, as one line."""
    first = error.errors()[0]
    return ": ".join(filter(None, (".".join(str(part) for part in first["loc"]), first["msg"])))


def who(typed: str = "") -> str:
    """The operating system's user who types, and `typed`, their own word where several people use one account.

    A decision is kept with it.
    """
    account = os.environ.get("SUDO_USER") or getpass.getuser()
    return f"{account} ({typed.strip()})" if typed.strip() else account
