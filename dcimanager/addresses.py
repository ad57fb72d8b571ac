"""IP addresses of servers, and the pools that they come from."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, model_validator

from dcimanager.listing import Listing, named_rows, read_each
from dcimanager.parsing import (
    OptionalText,
    PanelData,
    PanelId,
    Text,
    each,
    first,
    numbered,
    schema_error,
    text_or_none,
    vocabulary_of,
)
from dcimanager.transport import PanelTransport
from dcimanager.words import Vocabulary, WordKind

Family = Literal["ipv4", "ipv6"]
"""What an address is, as `Address.family` has it."""

_NOT_READY = ("allocating", "releas", "deallocat")


def is_ready(status: str, vocabulary: Vocabulary) -> bool:
    """Whether an address with this status can be used, by its whole word; one that is not in the table by its parts.

    Whatever does not say that it is being given or taken away is ready. Source: docs/sources.md, panel 6.2.
    """
    means = vocabulary.meaning(WordKind.ADDRESS, status)
    return means == "ready" if means is not None else not any(part in status.lower() for part in _NOT_READY)


class Address(PanelData):
    """An address of a server; `family` is "ipv4" or "ipv6", `pool_id` is None when the panel does not tell.

    `ready`: it can be used, as far as its status tells; it is neither being given nor being taken away.
    Source: docs/sources.md, panel 6.2 and 9 (`name` in one version of the panel, `ip_addr` in another).
    """

    id: PanelId
    address: Annotated[str, Field(min_length=1)]
    family: str
    gateway: OptionalText = None
    status: Text = ""
    ready: bool = True
    pool_id: PanelId | None = None
    domain: OptionalText = None
    """Its reverse name; None or empty: the panel tells none."""

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object, info: ValidationInfo) -> object:
        if not isinstance(row, Mapping):
            return row
        address = first(row, "address", "name", "ip_addr", "ip")
        told = str(row.get("family") or "")
        family = f"ipv{told}" if told in ("4", "6") else told.lower()
        return {
            **row,
            "address": address,
            "ready": is_ready(text_or_none(row.get("status")) or "", vocabulary_of(info)),
            "family": family or ("ipv6" if ":" in str(address) else "ipv4"),
            "pool_id": numbered(first(row, "pool_id", "pool", "ippool")),
        }


class Network(PanelData):
    """A network of addresses. `gives_addresses`: None where the panel does not tell, or by a word not in the table.

    Source: docs/sources.md, panel 9 and 18.8.
    """

    id: PanelId
    name: Text = ""
    pool_id: PanelId | None = None
    kind: OptionalText = None
    gives_addresses: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object, info: ValidationInfo) -> object:
        if not isinstance(row, Mapping):
            return row
        kind = text_or_none(first(row, "kind", "state", "status", "type"))
        means = vocabulary_of(info).meaning(WordKind.NETWORK, kind or "")
        return {
            **row,
            "kind": kind,
            "pool_id": numbered(first(row, "pool_id", "pool", "ippool")),
            "gives_addresses": None if means is None else means == "gives addresses",
        }


class IpPool(PanelData):
    """A pool of addresses; `free` is the number of IPv4 addresses left, None when the panel does not tell.

    `location_id` is None for one that is not tied to a place, or whose place the panel does not tell.
    """

    id: PanelId
    name: Text = ""
    free: int | None = None
    location_id: PanelId | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if not isinstance(row, Mapping):
            return row
        place = str(numbered(first(row, "location_id", "location")))
        row = {**row, "location_id": place if place.isdecimal() else None}
        if "free" in row:
            return row
        ipv4 = row.get("ipv4")
        counts = ipv4 if isinstance(ipv4, Mapping) else row
        total, used = _count(counts, "total", "total_ip"), _count(counts, "used", "using_ip")
        return {**row, "free": None if total is None or used is None else max(0, total - used)}


def _count(row: Mapping[str, object], *keys: str) -> int | None:
    """A number that comes as such or as its digits, sometimes with a fraction of nothing."""
    value = first(row, *keys)
    try:
        return int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None


class Addresses:
    """The addresses of servers and their pools. Source: docs/sources.md, panel 9."""

    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport

    async def of_server(self, server_id: int) -> list[Address]:
        """All addresses of a server, in the panel's order: one that cannot be read is a surprise, none is left out.

        Raises UnexpectedPanelResponse; PanelError in general.
        """
        dialect = self._transport.dialect
        rows = await self._transport.read_rows("address_list", ids={"server": server_id})
        listed = await read_each(rows, Address, dialect, "address_list")
        if listed.odd:
            text = f"An address of server {server_id} cannot be read ({named_rows(listed.odd, 'address')})."
            raise schema_error(f"{text} Look at it on the panel.", dialect["address_list"], rows)
        return listed

    async def add(self, server_id: int, *, pool_id: int, count: int, family: Family = "ipv4") -> None:
        """Give the server `count` more addresses of a pool. Not to be repeated blindly: look first.

        Raises ValueError: count < 1. Raises PanelRefused: the pool has not that many. Raises PanelError.
        """
        if count < 1:
            raise ValueError(f"{count} addresses cannot be added to server {server_id}: ask for one or more.")
        entry = "address_add" if family == "ipv4" else "address_add_ipv6"
        words = {"pool": pool_id, "family": self._transport.dialect_value(entry, family), "count": count}
        await self._transport.request(entry, ids={"server": server_id}, words=words)

    async def remove(self, server_id: int, address_id: int) -> None:
        """Take an address away from the server. Raises PanelNotFound: it is not there; PanelError in general."""
        await self._transport.request("address_remove", ids={"server": server_id, "address": address_id})

    async def set_ptr(self, address_id: int, name: str | None) -> None:
        """Set an address's reverse name; None takes it away. Raises PanelError.

        Raises PanelNotFound: there is no such address, or the panel does not manage reverse names.
        """
        domain = self._transport.dialect_value("ptr_set", "none") if name is None else name
        await self._transport.request("ptr_set", ids={"address": address_id}, words={"domain": domain})

    async def pools(self) -> Listing[IpPool]:
        """All pools of the panel. Raises PanelError."""
        rows = await self._transport.read_rows("ip_pool_list")
        return await read_each(rows, IpPool, self._transport.dialect, "ip_pool_list")

    async def networks(self) -> Listing[Network]:
        """All networks of the panel. Raises PanelError. Source: docs/sources.md, panel 9 and 18.8."""
        rows = await self._transport.read_rows("network_list")
        return await read_each(rows, Network, self._transport.dialect, "network_list")

    async def deallocation_pools(self) -> list[int]:
        """The ids of the pools that servers under diagnostics get their addresses from; empty: none is marked.

        Raises UnexpectedPanelResponse: the settings do not tell; PanelError in general.
        Source: DCImanager manual, Integration with WHMCS, "DCImanager configuration".
        """
        settings = await self._transport.request("ip_pool_settings")
        try:
            if not isinstance(settings, dict):
                raise KeyError
            return TypeAdapter(list[int]).validate_python([numbered(p) for p in each(settings["deallocation_pools"])])
        except (KeyError, ValidationError):
            endpoint = self._transport.dialect["ip_pool_settings"]
            text = "The panel's pool settings do not tell the pools for deallocation: correct [ip_pool_settings]."
            raise schema_error(text, endpoint, settings) from None
