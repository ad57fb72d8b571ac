"""Locations: the places that servers stand in."""

from dcimanager.listing import Listing, read_each
from dcimanager.parsing import PanelData, PanelId, Text
from dcimanager.transport import PanelTransport


class Location(PanelData):
    """A place with servers. Source: docs/sources.md, panel 12."""

    id: PanelId
    name: Text = ""


class Locations:
    """The locations of the panel."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    async def all(self) -> Listing[Location]:
        """All locations. Raises PanelError."""
        rows = await self._transport.read_rows("location_list")
        return await read_each(rows, Location, self._transport.dialect, "location_list")
