"""IP addresses of servers and the pools that they come from.

Source: docs/sources.md, panel 9.
"""

from simulator.panel.errors import ApiError, Code, no_element
from simulator.panel.models import SimAddress, SimPool, SimServer
from simulator.panel.state import PanelState


class SimAddresses:
    """Giving addresses to servers and taking them back; both take their time."""

    def __init__(self, world: PanelState) -> None:
        self._world = world

    def pool(self, pool_id: int) -> SimPool:
        """A pool by id. Raises ApiError 3080: there is none."""
        pool = self._world.pools.get(pool_id)
        if pool is None:
            raise no_element("ippool", pool_id)
        return pool

    def usual_pool(self, server: SimServer) -> SimPool:
        """The rack's pool, else the location's, else the one whose name has "public" in it.

        Raises ApiError: there is none of them.
        """
        own = [pool for pool in self._world.pools.values() if pool.id not in self._world.deallocation_pools]
        for fits in (
            lambda pool: server.rack in pool.racks,
            lambda pool: server.location_id in pool.location_ids,
            lambda pool: "public" in pool.name,
        ):
            if found := next(filter(fits, own), None):
                return found
        raise no_element("ippool", "public")

    def add(self, server: SimServer, pool: SimPool, count: int, *, source: SimPool | None = None) -> list[SimAddress]:
        """Give so many addresses, or none; `source`: the pool's IPv6 addresses.

        Raises ApiError: the pool has fewer, or does not serve the location.
        """
        source = source or pool
        if not pool.serves(server.location_id):
            raise no_element("ippool of the server's location", pool.id)
        if source.free < count:
            value = {"pool": pool.name, "free": source.free, "wanted": count}
            raise ApiError(400, Code.POOL_EXHAUSTED, "Not enough free addresses in the pool", value)
        return [self._allocate(server, source) for _ in range(count)]

    def get(self, server: SimServer | None, address_id: str) -> tuple[SimServer, SimAddress]:
        """An address and its server. Raises ApiError 3080: the server has no such address."""
        for candidate in self._world.servers.values() if server is None else (server,):
            for address in candidate.addresses:
                if str(address.id) == address_id:
                    return candidate, address
        raise no_element("ip", address_id)

    def remove(self, server: SimServer, address: SimAddress) -> None:
        """Take an address away; it is free again when it has left the server."""
        if address.status == "releasing":
            return
        address.status = "releasing"
        if not self._world.profile.failures.addresses_stuck:
            self._world.later(self._world.profile.address_seconds, lambda: self.drop(server, address))

    def name(self, address: SimAddress, domain: str) -> None:
        """Set an address's reverse name. Raises ApiError 1106: this panel has no module for it."""
        if self._world.variants.reverse_names == "absent":
            raise ApiError(404, Code.NO_ROUTE, "No such function")
        if self._world.variants.reverse_names == "served":
            address.domain = domain

    def borrow(self, server: SimServer, pool: SimPool) -> SimAddress:
        """An address at once, as diagnostics take it."""
        address = self._new(pool)
        address.status = "allocated"
        server.addresses.append(address)
        return address

    def drop(self, server: SimServer, address: SimAddress) -> None:
        """Take an address away at once."""
        if address in server.addresses:
            server.addresses.remove(address)
            pool = self._world.pools[address.pool_id]
            source = pool.ipv6 if ":" in address.address and pool.ipv6 is not None else pool
            source.give_back(address)

    def _new(self, pool: SimPool) -> SimAddress:
        ip, network, gateway = pool.take()
        return SimAddress(self._world.next_id("address", 55), ip, pool.id, network, gateway, "allocating")

    def _allocate(self, server: SimServer, pool: SimPool) -> SimAddress:
        address = self._new(pool)
        server.addresses.append(address)

        def ready() -> None:
            if address.status == "allocating":
                address.status = "allocated"

        if not self._world.profile.failures.addresses_stuck:
            self._world.later(self._world.profile.address_seconds, ready)
        return address
