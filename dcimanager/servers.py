"""The servers of a panel: finding them, and what can be done to one."""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from pydantic import Field as Attribute
from pydantic import JsonValue, SecretStr, model_validator

from dcimanager.endpoints import Dialect, DialectError
from dcimanager.errors import PanelNotFound, PanelRefused, UnexpectedPanelResponse, WrongCredentials
from dcimanager.filters import Field, Filter
from dcimanager.listing import READ_AT_ONCE, Listing, read_each, repeated_ids
from dcimanager.paging import Row, Rows
from dcimanager.parsing import OptionalText, PanelData, PanelId, numbered, read, schema_error
from dcimanager.said_words import said_words
from dcimanager.server_row import Inventory, Power, Server, inventory_of, tells_owner
from dcimanager.transport import BodyFields, PanelTransport
from dcimanager.words import WordKind

__all__ = ["Accepted", "FreeServers", "Inventory", "Power", "Server", "Servers"]

FILTERED_IDS = 50
"""More would make an address of well over a thousand characters, and proxies cut long ones: all are listed then."""


class FreeServers(PanelData):
    """How many servers of a configuration have no owner. Source: docs/sources.md, panel 12."""

    configuration: OptionalText = None
    free_server_count: int = Attribute(ge=0)


class Accepted(PanelData):
    """The panel took a long job on: the operation and the task to follow it by, where it tells them.

    Source: docs/sources.md, panel 13 (`task` as a number, as a text, or not at all).
    """

    operation_id: PanelId | None = None
    task: OptionalText = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if row is None:
            return {}
        if not isinstance(row, dict) or "operation" not in row:
            return row
        return {**row, "operation_id": numbered(row["operation"])}


class Servers:
    """The servers of a panel."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    async def all(self, where: Filter | None = None) -> Listing[Server]:
        """All servers, or those that the panel's filter lets through; the caller checks them again.

        A row that does not tell its owner is odd, too. Raises PanelError. Source: docs/sources.md, panel 5 and 6.
        """
        rows = await self._transport.read_rows("server_list", where=where)
        return await read_each(rows, Server, self._transport.dialect, "server_list", read_row=_read)

    async def inventory(self) -> list[Inventory]:
        """By what each server can be told from another one, and its ports; also of those whose rows do not fit.

        Raises PanelError. Source: docs/sources.md, panel 5, 6.1 and 8.
        """
        found: list[Inventory] = []
        for row in await self._transport.read_list("server_list"):
            if len(found) % READ_AT_ONCE == 0:
                await asyncio.sleep(0)
            found.append(inventory_of(row))
        return found

    async def get(self, server_id: int) -> Server:
        """One server, read as a filtered list, since only lists are sure to carry addresses and cables.

        Where the panel refuses that filter or finds nothing by it, the server is read by its id.
        Raises PanelNotFound: there is no such server; PanelError in general.
        Source: docs/sources.md, panel 5.
        """
        try:
            rows = await self._transport.read_list("server_list", where=Field("id").eq(server_id))
        except WrongCredentials:
            raise
        except PanelRefused:
            rows = []
        named = [row for row in rows if str(row.get("id")) == str(server_id)]
        if len(named) > 1:
            text = f"The panel has two servers with the id {server_id}: look at them there."
            raise schema_error(text, self._transport.dialect["server_list"], [*named])
        if named:
            return _read(named[0], self._transport.dialect, "server_list")
        return await self.read_alone(server_id)

    async def read_alone(self, server_id: int) -> Server:
        """One server by its id; whether its addresses and cables are told so is not sure. Raises as `get`."""
        try:
            answer = await self._transport.request("server_get", ids={"server": server_id})
        except PanelNotFound as error:
            text = f"The panel {self._transport.access.name} has no server {server_id}: was it removed there?"
            raise PanelNotFound(text, error.method, error.path, error.status, error.code) from None
        if not isinstance(answer, dict) or str(answer.get("id")) != str(server_id):
            text = f"The panel was asked for server {server_id} and gave something else: look at the server there."
            raise schema_error(text, self._transport.dialect["server_get"], answer)
        return _read(answer, self._transport.dialect, "server_get")

    async def words_of(self, server_id: int) -> list[tuple[WordKind, str]]:
        """The panel's words in the server's row, as the panel spells them. Raises PanelError."""
        rows = await self._transport.read_list("server_list", where=Field("id").eq(server_id))
        return [
            (kind, word) for row in rows if str(row.get("id")) == str(server_id) for kind, _, word in said_words(row)
        ]

    async def among(self, ids: Collection[int]) -> dict[int, Server]:
        """Those of these servers that the panel lists, in one call for each page, however many they are.

        One that is missing may be there all the same, and so may one whose row does not fit: `get` tells.
        Raises PanelError. Source: docs/sources.md, panel 5.
        """
        wanted = {str(number): number for number in ids}
        found: dict[int, Server] = {}
        rows = await self._rows_of(ids) if wanted else []
        twice = repeated_ids(rows)
        for row in rows:
            number = wanted.get(str(row.get("id")))
            if (
                number is not None and str(number) not in twice
            ):  # of thousands of rows only those are read that somebody asked for
                with suppress(UnexpectedPanelResponse):
                    found[number] = _read(row, self._transport.dialect, "server_list")
        return found

    async def _rows_of(self, ids: Collection[int]) -> Rows:
        if len(ids) > FILTERED_IDS:
            return await self._transport.read_list("server_list")
        try:
            return await self._transport.read_list("server_list", where=Field("id").one_of(sorted(ids)))
        except WrongCredentials:
            raise
        except PanelRefused:  # this filter, perhaps
            return await self._transport.read_list("server_list")

    async def configurations(self) -> Listing[FreeServers]:
        """The free servers of each configuration. Raises PanelError. Source: docs/sources.md, panel 12."""
        rows = await self._transport.read_rows("server_configurations", orderby=None)
        return await read_each(rows, FreeServers, self._transport.dialect, "server_configurations")

    async def set_owner(self, server_id: int, user_id: int) -> None:
        """Make a user the owner of the server; read it back. Raises PanelError. Source: docs/sources.md, panel 7.2."""
        await self._transport.request("owner_set", ids={"server": server_id}, words={"owner": user_id})

    async def clear_owner(self, server_id: int) -> None:
        """Take the server from its owner; read it back. Raises PanelError. Source: docs/sources.md, panel 7.2."""
        await self._transport.request("owner_clear", ids={"server": server_id}, words={"owner": None})

    async def set_host_name(self, server_id: int, name: str) -> None:
        """Set the host name that the panel shows of the server; read it back. Raises PanelError.

        Source: docs/sources.md, panel 7.7.
        """
        await self._transport.request("host_name_set", ids={"server": server_id}, words={"hostname": name})

    async def power_on(self, server_id: int) -> None:
        """Switch on a server that is off or unknown; takes effect later. Raises PanelRefused: it is on; PanelError."""
        await self._transport.request("power_on", ids={"server": server_id})

    async def power_off(self, server_id: int) -> None:
        """Switch off a server that is on; takes effect later. Raises PanelRefused: it is not on; PanelError."""
        await self._transport.request("power_off", ids={"server": server_id})

    async def power_reset(self, server_id: int) -> None:
        """Reboot a server, or switch one on that is off. Never to be repeated blindly: a reboot cannot be seen.

        Raises PanelError. Source: docs/sources.md, panel 7.1.
        """
        await self._transport.request("power_reset", ids={"server": server_id})

    async def install_os(
        self,
        server_id: int,
        *,
        template_id: int,
        password: SecretStr,
        hostname: str | None,
        ssh_key_id: int | None = None,
    ) -> Accepted:
        """Start an OS installation, which overwrites the disks. Never to be repeated blindly: look first.

        `ssh_key_id`: a key of the owner's that the OS lets in; such an installation is a call of its own in the table.
        Raises PanelRefused: busy, protected, or no such template there; PanelError in general.
        Source: docs/sources.md, panel 7.3.
        """
        words: dict[str, JsonValue | SecretStr] = {"os_template": template_id, "password": password}
        if hostname is not None:
            words["hostname"] = hostname
        if ssh_key_id is None:
            return await self._start("os_install", server_id, words)
        return await self._start("os_install_with_key", server_id, {**words, "ssh_keys": [ssh_key_id]})

    async def run_diagnostics(self, server_id: int, *, clear_disks: bool) -> Accepted:
        """Start diagnostics, with the disks cleared if asked. Never to be repeated blindly: look first.

        Raises DialectError: disks are to be cleared and the table has no word for it, so nothing would be wiped.
        Raises PanelRefused: busy or protected; PanelError in general. Source: docs/sources.md, panel 7.4.
        """
        if clear_disks and "clear_disks" not in self._transport.dialect["diagnostics"].body:
            raise DialectError("[diagnostics] body has no key for clear_disks: add it, or disks would not be cleared.")
        return await self._start("diagnostics", server_id, {"clear_disks": clear_disks})

    async def start_rescue(self, server_id: int, *, template_id: int, password: SecretStr) -> Accepted:
        """Boot a server into the panel's rescue system, which leaves its disks as they are; it takes minutes.

        Raises PanelRefused: busy, protected, or no such template there; PanelError in general.
        Source: docs/sources.md, panel 7.5.
        """
        return await self._start("rescue_start", server_id, {"os_template": template_id, "password": password})

    async def leave_rescue(self, server_id: int) -> None:
        """Boot a server into its own OS again; takes effect later. Raises PanelRefused: it is there; PanelError."""
        await self._transport.request("rescue_leave", ids={"server": server_id})

    async def _start(self, name: str, server_id: int, words: BodyFields) -> Accepted:
        answer = await self._transport.request(name, ids={"server": server_id}, words=words)
        return read(Accepted, answer, self._transport.dialect, name)


def _read(row: Row, dialect: Dialect, name: str) -> Server:
    if not tells_owner(row):
        text = f"The panel does not tell whose server {row.get('id')} is, so it cannot be used: look at it there."
        raise schema_error(text, dialect[name], row)
    return read(Server, row, dialect, name)
