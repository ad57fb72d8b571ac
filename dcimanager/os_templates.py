"""Templates of operating systems."""

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import model_validator

from dcimanager.shapes import Flag, OptionalText, Shape, Text, each, first, named, numbered, read
from dcimanager.transport import Transport


class OsTemplate(Shape):
    """A template; `location_id` is None for one that is not tied to a place, `kind` None when the panel tells none.

    Source: dossier "HTTP API of ISPsystem DCImanager 6", section 11.
    """

    id: int
    name: Text
    location_id: int | None = None
    tags: tuple[str, ...] = ()
    kind: OptionalText = None
    admin_only: Flag = False

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if not isinstance(row, Mapping):
            return row
        tags = row.get("tags")
        return {
            **row,
            "location_id": numbered(first(row, "location_id", "location")),
            "tags": tuple(filter(None, (named(tag) for tag in (tags if isinstance(tags, tuple) else each(tags))))),
            "kind": first(row, "kind", "type"),
            "admin_only": first(row, "admin_only", "adminonly") or "admin" in str(row.get("access")).lower(),
        }


Templates: TypeAlias = list[OsTemplate]


class OsTemplates:
    """The templates of the panel."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Templates:
        """All templates of all locations. Raises PanelError."""
        rows = await self._transport.list("os_template_list")
        return [read(OsTemplate, row, self._transport.dialect["os_template_list"]) for row in rows]
