"""Faults put into the change of a service's addresses on purpose: the harness must catch each of them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import tasks.address_change
import tasks.addresses
from ledger.snapshots import Service
from tests.crash.mutants import Mutant

Patch = pytest.MonkeyPatch


def _main_address_given_back(patch: Patch) -> None:
    """Whichever address is named, the first one goes."""

    async def anything(service: Service, own: list[Any], *, fresh: bool = False) -> list[str]:
        return [address.address for address in own]

    check = tasks.address_change._change_to

    async def the_first(service: Service, ipv4_count: int, give_back: str = "", *_: Any) -> Any:
        own = await tasks.address_change._own_addresses(service)
        return await check(service, ipv4_count, own[0].address if give_back else "")

    patch.setattr(tasks.address_change, "_can_go", anything)
    patch.setattr(tasks.address_change, "_change_to", the_first)


def _address_chosen_from_the_list(patch: Patch) -> None:
    """Whatever is named, the last ones of the list go until so many are left; a second run finds others there."""
    check = tasks.address_change._change_to

    async def the_last(service: Service, ipv4_count: int, give_back: str = "", *_: Any) -> Any:
        own = await tasks.address_change._own_addresses(service)
        return await check(service, ipv4_count, ", ".join(address.address for address in own[ipv4_count:][-1:]))

    patch.setattr(tasks.address_change, "_change_to", the_last)


def _more_addresses_given_without_looking(patch: Patch) -> None:
    async def none_there(service: Service) -> list[Any]:
        return []

    async def blindly(*, send: Callable[[], Awaitable[Any]], **_: Any) -> None:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(tasks.address_change, "_own_addresses", none_there)
            await send()

    patch.setattr(tasks.addresses, "create_once", blindly)


ADDRESS_MUTANTS = [
    Mutant(
        "the main address is given back",
        "change addresses, fewer",
        _main_address_given_back,
        shows="WHMCS was told the server twice",
    ),
    Mutant(
        "the address that goes back is chosen from the list",
        "change addresses, fewer",
        _address_chosen_from_the_list,
        shows="which nobody named",
    ),
    Mutant(
        "further addresses are given again without looking",
        "change addresses, more",
        _more_addresses_given_without_looking,
        shows="were ordered",
    ),
]
