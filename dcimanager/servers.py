"""The servers of a panel: finding them, and what can be done to one."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import TypeAlias

from pydantic import Field as Attribute
from pydantic import JsonValue, SecretStr, model_validator

from dcimanager.endpoints import DialectError, Endpoint
from dcimanager.errors import NotFound, Refused, Surprise, WrongCredentials
from dcimanager.filters import Field, Filter
from dcimanager.paging import Row, Rows
from dcimanager.server import Power, Server, tells_owner
from dcimanager.shapes import OptionalText, Shape, numbered, outside, read
from dcimanager.transport import Transport, Words

__all__ = ["Accepted", "FreeServers", "Power", "Server", "Servers"]

FILTERED_IDS = 50
"""More would make an address of well over a thousand characters, and proxies cut long ones: all are listed then."""

READ_AT_ONCE = 50
"""Rows: reading one takes up to a millisecond, and in ten thousand of them nobody else would have a turn."""


class FreeServers(Shape):
    """How many servers of a configuration have no owner. Source: dossier, section 12."""

    configuration: OptionalText = None
    free_server_count: int = Attribute(ge=0)


class Accepted(Shape):
    """The panel took a long job on: the operation and the task to follow it by, where it tells them.

    Source: dossier "HTTP API of ISPsystem DCImanager 6", section 13 (`task` as a number, as a text, or not at all).
    """

    operation_id: int | None = None
    task: OptionalText = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if row is None:
            return {}
        if not isinstance(row, dict) or "operation" not in row:
            return row
        return {**row, "operation_id": numbered(row["operation"])}


Listed: TypeAlias = list[Server]
Stock: TypeAlias = list[FreeServers]


class Servers:
    """The servers of a panel."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, where: Filter | None = None) -> Listed:
        """All servers, or those that the panel's filter lets through; the caller checks them again.

        Raises Surprise: a row does not tell its owner; PanelError in general.
        Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 5 and 6.
        """
        servers: Listed = []
        for row in await self._transport.list("server_list", where=where):
            if len(servers) % READ_AT_ONCE == 0:
                await asyncio.sleep(0)
            servers.append(_read(row, self._transport.dialect["server_list"]))
        return servers

    async def get(self, server_id: int) -> Server:
        """One server, read as a filtered list, since only lists are sure to carry addresses and cables.

        Where the panel refuses that filter or finds nothing by it, the server is read by its id.
        Raises NotFound: there is no such server; PanelError in general.
        Source: dossier "HTTP API of ISPsystem DCImanager 6", section 5, last paragraph.
        """
        try:
            rows = await self._transport.list("server_list", where=Field("id").eq(server_id))
        except WrongCredentials:
            raise
        except Refused:
            rows = []
        for row in rows:
            if str(row.get("id")) == str(server_id):
                return _read(row, self._transport.dialect["server_list"])
        endpoint = self._transport.dialect["server_get"]
        try:
            answer = await self._transport.request("server_get", ids={"server": server_id})
        except NotFound as error:
            text = f"The panel {self._transport.access.name} has no server {server_id}: was it removed there?"
            raise NotFound(text, error.method, error.path, error.status, error.code) from None
        if not isinstance(answer, dict) or str(answer.get("id")) != str(server_id):
            text = f"The panel was asked for server {server_id} and gave something else: look at the server there."
            raise outside(text, endpoint, answer)
        return _read(answer, endpoint)

    async def among(self, ids: Collection[int]) -> dict[int, Server]:
        """Those of these servers that the panel lists, in one call for each page, however many they are.

        One that is missing may be there all the same, and so may one whose row does not fit: `get` tells.
        Raises PanelError. Source: dossier "HTTP API of ISPsystem DCImanager 6", section 5.
        """
        wanted = {str(number): number for number in ids}
        found: dict[int, Server] = {}
        for row in await self._rows_of(ids) if wanted else []:
            number = wanted.get(str(row.get("id")))
            if number is not None:  # of thousands of rows only those are read that somebody asked for
                with suppress(Surprise):
                    found[number] = _read(row, self._transport.dialect["server_list"])
        return found

    async def _rows_of(self, ids: Collection[int]) -> Rows:
        if len(ids) > FILTERED_IDS:
            return await self._transport.list("server_list")
        try:
            return await self._transport.list("server_list", where=Field("id").one_of(sorted(ids)))
        except WrongCredentials:
            raise
        except Refused:  # this filter, perhaps
            return await self._transport.list("server_list")

    async def configurations(self) -> Stock:
        """The free servers of each configuration. Raises PanelError. Source: dossier, section 12."""
        rows = await self._transport.list("server_configurations", orderby=None)
        return [read(FreeServers, row, self._transport.dialect["server_configurations"]) for row in rows]

    async def set_owner(self, server_id: int, user_id: int) -> None:
        """Make a user the owner of the server; read it back. Raises PanelError. Source: dossier, section 7.2."""
        await self._transport.request("owner_set", ids={"server": server_id}, words={"owner": user_id})

    async def clear_owner(self, server_id: int) -> None:
        """Take the server from its owner; read it back. Raises PanelError. Source: dossier, section 7.2."""
        await self._transport.request("owner_clear", ids={"server": server_id}, words={"owner": None})

    async def power_on(self, server_id: int) -> None:
        """Switch on a server that is off or unknown; takes effect later. Raises Refused: it is on; PanelError."""
        await self._transport.request("power_on", ids={"server": server_id})

    async def power_off(self, server_id: int) -> None:
        """Switch off a server that is on; takes effect later. Raises Refused: it is not on; PanelError."""
        await self._transport.request("power_off", ids={"server": server_id})

    async def power_reset(self, server_id: int) -> None:
        """Reboot the server, or switch it on; takes effect later. Raises PanelError. Source: dossier, section 7.1."""
        await self._transport.request("power_reset", ids={"server": server_id})

    async def install_os(
        self, server_id: int, *, template_id: int, password: SecretStr, hostname: str | None
    ) -> Accepted:
        """Start an OS installation, which overwrites the disks. Never to be repeated blindly: look first.

        Raises Refused: busy, protected, or no such template there; PanelError in general. Source: dossier, section 7.3.
        """
        words: dict[str, JsonValue | SecretStr] = {"os_template": template_id, "password": password}
        if hostname is not None:
            words["hostname"] = hostname
        return await self._start("os_install", server_id, words)

    async def run_diagnostics(self, server_id: int, *, clear_disks: bool) -> Accepted:
        """Start diagnostics, with the disks cleared if asked. Never to be repeated blindly: look first.

        Raises DialectError: disks are to be cleared and the table has no word for it, so nothing would be wiped.
        Raises Refused: busy or protected; PanelError in general. Source: dossier, section 7.4.
        """
        if clear_disks and "clear_disks" not in self._transport.dialect["diagnostics"].body:
            raise DialectError("[diagnostics] body has no key for clear_disks: add it, or disks would not be cleared.")
        return await self._start("diagnostics", server_id, {"clear_disks": clear_disks})

    async def _start(self, name: str, server_id: int, words: Words) -> Accepted:
        answer = await self._transport.request(name, ids={"server": server_id}, words=words)
        return read(Accepted, answer, self._transport.dialect[name])


def _read(row: Row, endpoint: Endpoint) -> Server:
    if not tells_owner(row):
        text = f"The panel does not tell whose server {row.get('id')} is, so it cannot be used: look at it there."
        raise outside(text, endpoint, row)
    return read(Server, row, endpoint)
