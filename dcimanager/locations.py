"""Locations: the places that servers stand in."""

from typing import TypeAlias

from dcimanager.shapes import Shape, Text, read
from dcimanager.transport import Transport


class Location(Shape):
    """A place with servers. Source: dossier "HTTP API of ISPsystem DCImanager 6", section 12."""

    id: int
    name: Text = ""


Places: TypeAlias = list[Location]


class Locations:
    """The locations of the panel."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Places:
        """All locations. Raises PanelError."""
        rows = await self._transport.list("location_list")
        return [read(Location, row, self._transport.dialect["location_list"]) for row in rows]
