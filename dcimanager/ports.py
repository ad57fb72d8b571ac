"""The switch ports that servers are connected to."""

from collections.abc import Mapping

from pydantic import ValidationInfo, model_validator

from dcimanager.parsing import OptionalText, PanelData, PanelId, first, named, numbered, text_or_none, vocabulary_of
from dcimanager.transport import PanelTransport
from dcimanager.words import WordKind


class Connection(PanelData):
    """A cable between a server and a switch port; `id` is the port's, `admin_up` what the port was told to be.

    `admin_up` is None where the panel's word (`admin_status`) is not in the table, or there is none: such a port is
    neither up nor down. A connection of which the panel does not say whether it is the BMC's counts as the BMC's: it
    is never switched off.
    Source: docs/sources.md, panel 8.
    """

    id: PanelId
    switch_id: PanelId
    switch_name: OptionalText = None
    description: OptionalText = None
    admin_up: bool | None = None
    admin_status: OptionalText = None
    is_bmc: bool = True
    mac: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object, info: ValidationInfo) -> object:
        if not isinstance(row, Mapping):
            return row
        fields = {**row}
        fields.setdefault("switch_id", numbered(row.get("switch")))
        fields.setdefault("switch_name", named(row.get("switch")) if isinstance(row.get("switch"), Mapping) else None)
        if "admin_up" not in row:
            means = vocabulary_of(info).meaning(WordKind.PORT, text_or_none(row.get("admin_status")) or "")
            fields["admin_up"] = None if means is None else means == "up"
        if "is_bmc" not in row and row.get("is_ipmi_connection") is not None:
            fields["is_bmc"] = row["is_ipmi_connection"]
        mac = first(row, "mac")
        fields["mac"] = mac if isinstance(mac, str) else None
        return fields

    @property
    def title(self) -> str:
        """The port as staff know it: switch and interface."""
        return f"{self.switch_name or f'switch {self.switch_id}'}, {self.description or f'port {self.id}'}"


class Ports:
    """Switches ports on and off. Both are asynchronous on the panel: read the server again to see the effect."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    async def switch_on(self, connection: Connection) -> None:
        """Switch the port on. May be called many times. Raises PanelError."""
        await self._transport.request("port_on", ids={"switch": connection.switch_id, "port": connection.id})

    async def switch_off(self, connection: Connection) -> None:
        """Switch the port off. May be called many times.

        Raises ValueError, before any call: it is the BMC's port, without which nobody can reach the server again.
        Raises PanelError.
        """
        if connection.is_bmc:
            raise ValueError(f"{connection.title} is the port of a BMC: it is never switched off.")
        await self._transport.request("port_off", ids={"switch": connection.switch_id, "port": connection.id})
