"""Faults put into what staff do by a command, and into a changed order: the harness must catch each of them."""

from typing import Any

import pytest

import flows.change_order
from ledger import leftovers, server_notes
from ledger.database import Ledger
from ledger.orders import Order
from ledger.snapshots import Service
from runtime.connections import panel_named
from tasks import allocation
from tasks.address_change import take_over_order
from tasks.order import as_meant
from tests.crash.mutants import Mutant
from tests.crash.staff import RESERVED
from tests.harness import PANEL

Patch = pytest.MonkeyPatch


def _order_taken_over_first(patch: Patch) -> None:
    """A run that dies then leaves an order that is no change any more, and addresses that were never given."""
    check = flows.change_order.check_new_order

    async def and_take_over(service: Service, order: Order) -> Any:
        change = await check(service, order)
        await take_over_order(service, as_meant(order))
        return change

    patch.setattr(flows.change_order, "check_new_order", and_take_over)


def _old_server_switched_off(patch: Patch) -> None:
    exchange = leftovers.exchange

    async def and_switch_off(ledger: Ledger, service_id: int, **given: Any) -> Service:
        leftover = await exchange(ledger, service_id, **given)
        assert leftover.claim is not None
        await (await panel_named(PANEL)).servers.power_off(leftover.claim.server_id)
        return leftover

    patch.setattr(leftovers, "exchange", and_switch_off)


def _reserve_never_ends(patch: Patch) -> None:
    async def keep(*_: Any, **__: Any) -> None:
        return None

    patch.setattr(server_notes, "note_success", keep)


def _reserve_not_seen(patch: Patch) -> None:
    async def nothing(*_: Any) -> dict[int, str]:
        return {}

    async def none(*_: Any) -> set[int]:
        return set()

    patch.setattr(server_notes, "withheld", nothing)
    patch.setattr(server_notes, "reserved_for", none)
    patch.setattr(allocation, "SystemRandom", _AsListed)


class _AsListed:
    """Tries servers in the panel's order, which begins with another one than the reserve: chance may find it, too."""

    def shuffle(self, servers: list[Any]) -> None:
        assert [server.id for server in servers[:1]] != [RESERVED]


STAFF_MUTANTS = [
    Mutant(
        "the new order is taken over before its addresses are given",
        "change order",
        _order_taken_over_first,
        shows="has 2 addresses, 4 were ordered",
    ),
    Mutant(
        "the old server is switched off when it is exchanged",
        "exchange",
        _old_server_switched_off,
        shows="was touched while its client moves",
    ),
    Mutant(
        "a reserve never ends",
        "end a reserve",
        _reserve_never_ends,
        shows="a server is still reserved for the service",
    ),
    Mutant("a reserve is not looked at", "reserve", _reserve_not_seen, shows="the service did not get server 3"),
]
