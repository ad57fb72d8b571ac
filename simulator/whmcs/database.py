"""The database of a simulated WHMCS: clients, products and services, and what clients and staff do to them.

Source: docs/sources.md, WHMCS 4.
"""

import copy
import secrets
import string
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from simulator.panel.clock import SimClock
from simulator.whmcs.records import ClientRecord, ModuleSettings, Product, ServiceRecord

REMEMBERED = ("clients", "products", "services", "_numbers")
"""What a back-up of WHMCS's database has."""


class WhmcsDatabase:
    """What one WHMCS remembers of clients, products and services, each with its own numbers."""

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.clients: dict[int, ClientRecord] = {}
        self.products: dict[int, Product] = {}
        self.services: dict[int, ServiceRecord] = {}
        self._numbers = {"client": 1, "product": 1, "service": 1001, "order": 501}

    def save(self) -> dict[str, Any]:
        """A back-up of WHMCS's database: clients, products, services and the next number of each, for `restore`."""
        return copy.deepcopy({name: getattr(self, name) for name in REMEMBERED})

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore a back-up: numbers that were given out since are given out again."""
        for name, value in copy.deepcopy(saved).items():
            setattr(self, name, value)

    def _next(self, kind: str) -> int:
        number = self._numbers[kind]
        self._numbers[kind] = number + 1
        return number

    def add_client(
        self, email: str, firstname: str, lastname: str, *, phone: str = "", email_verified: bool = True
    ) -> ClientRecord:
        """Register a client."""
        client = ClientRecord(self._next("client"), email, firstname, lastname, phone, email_verified)
        self.clients[client.id] = client
        return client

    def add_product(self, name: str, settings: ModuleSettings) -> Product:
        """Put a product on offer."""
        product = Product(self._next("product"), name, settings)
        self.products[product.id] = product
        return product

    def order(self, client_id: int, product_id: int, hostname: str) -> int:
        """Order a product: the number of a Pending service with a password of 10 letters and digits.

        Raises KeyError: no such client or product.
        Source: docs/sources.md, WHMCS 4 (username, password).
        """
        client, product = self.clients[client_id], self.products[product_id]
        password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(10))
        number, order = self._next("service"), self._next("order")
        username = "".join(filter(str.isalnum, hostname))[:8]
        today = f"{datetime.fromtimestamp(self.clock.now(), UTC):%Y-%m-%d}"
        self.services[number] = ServiceRecord(number, client.id, product.id, order, hostname, username, password, today)
        return number

    def give_out_again(self, number: int, client_id: int, product_id: int, hostname: str) -> None:
        """Order a product as after a restored dump: the service gets a number that was given out before."""
        newest = self.order(client_id, product_id, hostname)
        self.services[number] = replace(self.services.pop(newest), id=number)

    def move(self, number: int, client_id: int) -> None:
        """Staff move a service to another client; order and registration date stay.

        Raises KeyError: no such service or client.
        """
        self.services[number].client_id = self.clients[client_id].id

    def merge_clients(self, source: int, into: int) -> None:
        """Staff merge two clients: the one's services are the other's from now on, and the one is gone.

        Raises KeyError: no such client.
        """
        del self.clients[source]
        for service in self.services.values():
            if service.client_id == source:
                self.move(service.id, into)
