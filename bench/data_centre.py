"""Data centres to measure in."""

from math import ceil

from simulator.panel.profile import DEALLOCATION, SERVERS_PER_RACK, Batch, PoolPlan, Profile

CONFIGURATIONS = 40
"""An activation reads every free server of its configuration: as at a host, a fleet has many of them."""


def instant(servers: int, *, install_seconds: float) -> Profile:
    """A panel that does everything at once, but for the installation: what is left is dciflow's and Prefect's time."""
    return Profile(
        fleet=_fleet(servers, CONFIGURATIONS),
        racks_per_location=ceil((servers + CONFIGURATIONS) / SERVERS_PER_RACK),
        pools=_POOLS,
        stale_address_every=0,
        power_seconds=0,
        port_seconds=0,
        address_seconds=0,
        queue_seconds=0,
        os_install_seconds=install_seconds,
    )


def usual(servers: int, *, install_seconds: float) -> Profile:
    """One kind of server, and a panel that takes its usual time: 5 s for a port, 10 s for an address.

    But for the power, which is on at once: a server that boots is none of what is measured.
    """
    return Profile(fleet=_fleet(servers, 1), pools=_POOLS, power_seconds=0, os_install_seconds=install_seconds)


def configuration(number: int, profile: Profile) -> str:
    """The configuration that the order with that number is for: all of them in turn."""
    return profile.fleet[number % len(profile.fleet)].configuration


_POOLS = (PoolPlan(name="public-v4", networks=("198.18.0.0/15",)), DEALLOCATION)


def _fleet(servers: int, kinds: int) -> tuple[Batch, ...]:
    each = ceil(servers / kinds)
    return tuple(
        Batch(configuration=f"EPYC-{9000 + kind}-128Gb", location="Riga", servers=each) for kind in range(kinds)
    )
