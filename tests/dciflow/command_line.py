"""Commands as a person types them, while the test's event loop goes on."""

import asyncio

from click.testing import Result
from typer.testing import CliRunner

from dciflow.cli import app


async def typed(*words: str) -> Result:
    """What `dciflow` says to these words. It has an event loop of its own, hence the thread."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(words))
