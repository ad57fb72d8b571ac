"""Templates of operating systems."""

from collections.abc import Mapping

from pydantic import model_validator

from dcimanager.listing import Listing, read_each
from dcimanager.parsing import Flag, OptionalText, PanelData, PanelId, Text, each, first, flag_or_none, named, numbered
from dcimanager.transport import PanelTransport


class OsTemplate(PanelData):
    """A template; `location_id` is None for one that is not tied to a place, `kind` None when the panel tells none.

    `efi`: whether it supports servers that boot by EFI; None where the panel does not tell.

    Source: docs/sources.md, panel 11.
    """

    id: PanelId
    name: Text
    location_id: PanelId | None = None
    tags: tuple[str, ...] = ()
    kind: OptionalText = None
    admin_only: Flag = False
    efi: bool | None = None

    @property
    def is_tool(self) -> bool:
        """Whether it boots a tool of the panel, diagnostics or a rescue system, and installs no OS."""
        return any(part in (self.kind or "").casefold() for part in ("diag", "recover", "rescue"))

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
            "efi": flag_or_none(row.get("efi")),
            "admin_only": first(row, "admin_only", "adminonly") or "admin" in str(row.get("access")).lower(),
        }


class OsTemplates:
    """The templates of the panel."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    @property
    def rescue_kind(self) -> str:
        """The panel's word for the kind of templates that are rescue systems."""
        return str(self._transport.dialect_value("rescue_start", "kind"))

    async def all(self) -> Listing[OsTemplate]:
        """All templates of all locations. Raises PanelError."""
        rows = await self._transport.read_rows("os_template_list")
        return await read_each(rows, OsTemplate, self._transport.dialect, "os_template_list")
