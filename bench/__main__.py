"""`make bench`: measure, keep the figures, write docs/benchmarks.md, and say whether the targets hold.

`make bench BENCH="--help"` lists the options. A part that is measured again replaces its own figures only.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import activations, burst, latency, waiting
from bench.plot import draw
from bench.report import PLOT, markdown, show
from bench.results import Database, Part, Results, load, save
from bench.sizes import QUICK, Sizes
from bench.targets import verdicts
from dciflow.demo.stack import Say
from dciflow.registration import PROJECT
from runtime.settings import MOST

FIGURES, DOCUMENT = "benchmarks.json", "benchmarks.md"
DOCS, TRIED = PROJECT / "docs", PROJECT / ".dciflow" / "bench"


class Choice(StrEnum):
    """The parts, as an option."""

    LATENCY = "latency"
    BURSTS = "bursts"
    WAITING = "waiting"
    ACTIVATIONS = "activations"


class On(StrEnum):
    """The databases, as an option."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


MEASURES: dict[Choice, Callable[[Database, Sizes, Say], Awaitable[Part]]] = {
    Choice.LATENCY: latency.measure,
    Choice.BURSTS: burst.measure,
    Choice.WAITING: waiting.measure,
    Choice.ACTIVATIONS: activations.measure,
}

console = Console(width=160 if not sys.stdout.isatty() else None)


def say(text: str) -> None:
    """Progress, one line each."""
    console.print(f"· {text}", highlight=False)


def main(
    part: Annotated[list[Choice] | None, typer.Option(help="Only this part; may be repeated.")] = None,
    database: Annotated[list[On] | None, typer.Option(help="Only this database; may be repeated.")] = None,
    quick: Annotated[bool, typer.Option(help="Small sizes, to try it; writes to .dciflow/bench.")] = False,
    write: Annotated[bool, typer.Option(help="Only write the report again from the figures.")] = False,
    into: Annotated[Path | None, typer.Option(help="The folder for figures and report; docs unless --quick.")] = None,
) -> None:
    """Measure dciflow against Prefect's process worker and against the floor of Prefect's engine."""
    folder = into or (TRIED if quick else DOCS)
    folder.mkdir(parents=True, exist_ok=True)
    databases = [Database[one.name] for one in database or On]
    # Here a thousand installations wait; the cap on how many may be under way is lower. It is read once, and later.
    os.environ["DCIFLOW_CAP_INSTALLATIONS"] = str(MOST)
    if not write:
        asyncio.run(_until_stopped(_measure(part or list(Choice), databases, QUICK if quick else Sizes(), folder)))
    results = load(folder / FIGURES)
    _write(results, folder)
    show(results, console)
    held = all(verdict.held for one, measured in results.on.items() for verdict in verdicts(one, measured))
    say("every target is held" if held else "NOT every target is held")
    raise typer.Exit(0 if held else 1)


async def _measure(parts: list[Choice], databases: list[Database], sizes: Sizes, folder: Path) -> None:
    for database in databases:
        for part in parts:
            say(f"{part} on {database}")
            measured = await MEASURES[part](database, sizes, say)
            save(load(folder / FIGURES).merged(database, **{part.value: measured}), folder / FIGURES)


def _write(results: Results, folder: Path) -> None:
    (folder / DOCUMENT).write_text(markdown(results), encoding="utf-8")
    draw(results, folder / PLOT)


async def _until_stopped(work: Awaitable[None]) -> None:
    """Do the work; Ctrl-C and SIGTERM stop what it started first."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task


if __name__ == "__main__":
    typer.run(main)
