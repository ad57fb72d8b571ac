"""What the commands have in common: an expected end is one line and exit code 1, never a stack trace."""

import asyncio
import functools
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn, ParamSpec

import httpx
import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console

P = ParamSpec("P")

out = Console(width=None if sys.stdout.isatty() else 200)  # a pipe or a file has no width that tables must keep to


def fail(text: str) -> NoReturn:
    """Say in one line what happened and what to do, and leave with exit code 1."""
    typer.echo(f"dciflow: {text}", err=True)
    raise typer.Exit(1)


def command(body: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async command and close what it opened; an expected end is one line, never a stack trace."""

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from tasks.connections import close_connections
        from tasks.log import EXPECTED

        async def whole() -> None:
            try:
                await body(*args, **kwargs)
            finally:
                await close_connections()

        try:
            asyncio.run(whole())
        except EXPECTED as error:
            fail(str(error))
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


def who() -> str:
    """Who types: the name that a decision is kept with."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
