"""The data centre of all crashes before anything happens, and what the client ordered there."""

from typing import Any
from weakref import WeakKeyDictionary

from ledger.orders import Order
from simulator.panel.models import SimServer
from simulator.panel.profile import XEON, Batch
from tests.harness import QUICK, Harness

ADDRESSES = 2

FLEET = QUICK.model_copy(
    update={
        "fleet": (Batch(configuration=XEON, location="Riga", servers=3),),
        "stale_address_every": 1,
        "ports_down_every": 1,
    }
)
"""Equal servers, each with an old address and its ports down, so that whichever is taken has every write to it."""

NAMED: "WeakKeyDictionary[Harness, str]" = WeakKeyDictionary()
"""The address that goes back, as whoever asks has read it before the first run."""

NEIGHBOUR = 1
"""A server of another client, which no scenario may touch."""


def order(harness: Harness, **changes: Any) -> Order:
    """What the client ordered."""
    return harness.order(**{"ipv4_count": ADDRESSES, "hostname": "web1.example.com", **changes})


def open_harness(harness: Harness) -> Harness:
    """The data centre before anything happens: a neighbour, and free servers that are switched off."""
    harness.panel.admin.set_owner(NEIGHBOUR, "neighbour@example.com")
    harness.panel.write_tenant_data(NEIGHBOUR, "the neighbour's photographs")
    for server in harness.panel.servers.values():
        harness.panel.admin.power(server.id, "on" if server.id == NEIGHBOUR else "off")
    return harness


def servers_of_the_client(harness: Harness) -> list[SimServer]:
    """The servers that the panel says are the client's."""
    return [
        server for server in harness.panel.servers.values() if harness.panel.owner_of(server.id) == harness.client.email
    ]
