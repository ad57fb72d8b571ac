"""IP addresses of servers, and the pools that they come from."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from dcimanager.shapes import OptionalText, Shape, Text, each, first, numbered, outside, read
from dcimanager.transport import Transport

_NOT_READY = ("allocating", "releas", "deallocat")


class Address(Shape):
    """An address of a server; `family` is "ipv4" or "ipv6", `pool_id` is None when the panel does not tell.

    Source: dossier "HTTP API of ISPsystem DCImanager 6", sections 6.2 and 9 (`name` in one version of the panel,
    `ip_addr` in another).
    """

    id: int
    address: Annotated[str, Field(min_length=1)]
    family: str
    gateway: OptionalText = None
    status: Text = ""
    pool_id: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if not isinstance(row, Mapping):
            return row
        address = first(row, "address", "name", "ip_addr", "ip")
        told = str(row.get("family") or "")
        family = f"ipv{told}" if told in ("4", "6") else told.lower()
        return {
            **row,
            "address": address,
            "family": family or ("ipv6" if ":" in str(address) else "ipv4"),
            "pool_id": numbered(first(row, "pool_id", "pool", "ippool")),
        }

    @property
    def ready(self) -> bool:
        """The address can be used: it is neither being given nor being taken away, as far as its status tells."""
        return not any(part in self.status.lower() for part in _NOT_READY)


class IpPool(Shape):
    """A pool of addresses; `free` is the number of IPv4 addresses left, None when the panel does not tell."""

    id: int
    name: Text = ""
    free: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_wire(cls, row: object) -> object:
        if not isinstance(row, Mapping) or "free" in row:
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


Addressing: TypeAlias = list[Address]
Pools: TypeAlias = list[IpPool]
PoolIds: TypeAlias = list[int]


class Addresses:
    """The addresses of servers and their pools. Source: dossier, section 9."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def of_server(self, server_id: int) -> Addressing:
        """All addresses of a server, in the panel's order. Raises PanelError."""
        rows = await self._transport.list("address_list", ids={"server": server_id})
        return [read(Address, row, self._transport.dialect["address_list"]) for row in rows]

    async def add(self, server_id: int, *, pool_id: int, count: int) -> None:
        """Give the server `count` more IPv4 addresses of a pool. Not to be repeated blindly: look first.

        Raises ValueError: count < 1. Raises Refused: the pool has not that many. Raises PanelError.
        """
        if count < 1:
            raise ValueError(f"{count} addresses cannot be added to server {server_id}: ask for one or more.")
        family = self._transport.spoken("address_add", "ipv4")
        words = {"pool": pool_id, "family": family, "count": count}
        await self._transport.request("address_add", ids={"server": server_id}, words=words)

    async def remove(self, server_id: int, address_id: int) -> None:
        """Take an address away from the server. Raises NotFound: it is not there; PanelError in general."""
        await self._transport.request("address_remove", ids={"server": server_id, "address": address_id})

    async def pools(self) -> Pools:
        """All pools of the panel. Raises PanelError."""
        rows = await self._transport.list("ip_pool_list")
        return [read(IpPool, row, self._transport.dialect["ip_pool_list"]) for row in rows]

    async def deallocation_pools(self) -> PoolIds:
        """The ids of the pools that servers under diagnostics get their addresses from; empty: none is marked.

        Raises Surprise: the settings do not tell; PanelError in general.
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
            raise outside(text, endpoint, settings) from None
