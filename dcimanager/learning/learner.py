"""Reads all that a panel says of its calls, and proposes the dialect from it."""

import asyncio

from dcimanager.learning.description import Description, read_description
from dcimanager.learning.discovery import discover
from dcimanager.learning.proposal import Learned, propose
from dcimanager.panel import Panel


async def describe(panel: Panel) -> Description:
    """All calls that the panel's definitions describe. Raises PanelUnreachable, WrongCredentials."""
    # Large definitions take seconds to read; other runs share this event loop.
    return await asyncio.to_thread(read_description, await discover(panel.transport))


async def learn(panel: Panel) -> Learned:
    """What the panel's description proposes for each entry of the table. Raises PanelUnreachable, WrongCredentials."""
    description = await describe(panel)
    return await asyncio.to_thread(propose, description, panel.dialect)
