"""Faults put into the product, which the machine has to find."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

import flows._request
import flows.power
import flows.reinstall
import flows.suspend
import flows.terminate
import tasks.allocation
import tasks.ports
import tasks.power
import tasks.ptr
import tasks.reinstall
import tasks.whose
import tasks.wipe
from dcimanager.addresses import Address
from dcimanager.server_row import Server
from ledger import claims
from ledger.database import Ledger
from ledger.snapshots import Driver, Service
from ledger.tables import ClaimRow
from runtime.connections import panel_named
from runtime.driver import ERRANDS, Drive, driving
from runtime.errors import StepRefused
from tasks.identity import claim_of, read_server
from tests.machine.faults import SERVERS

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Planted:
    """One fault, and a word of the line that it has to lead to."""

    name: str
    plant: Callable[[Patch], None]
    shows: str


def _suspended_whosesoever_it_is(patch: Patch) -> None:
    async def believe(service: Service) -> None:
        return None

    async def any_server(service: Service) -> Server:
        service = await driving(service).fresh()
        return await read_server(await panel_named(service.panel), claim_of(service))

    patch.setattr(flows.suspend, "confirm_identity", believe)
    patch.setattr(tasks.ports, "confirmed_server", any_server)


def _released_without_proof(patch: Patch) -> None:
    async def do_not_wait(service: Service, permit_id: int) -> None:
        return None

    patch.setattr(flows.terminate, "wait_until_clear", do_not_wait)


def _promised_to_whoever_comes_last(patch: Patch) -> None:
    take = claims.take

    async def take_from_others(
        ledger: Ledger, driver: Driver, now: datetime, *, server_id: int, **more: Any
    ) -> Service:
        async with ledger.transaction() as session:
            present = await session.get(ClaimRow, ("main", server_id))
            if present is not None and present.service_id != driver.service_id:
                await session.delete(present)
        return await take(ledger, driver, now, server_id=server_id, **more)

    async def nothing(ledger: Ledger, panel: str) -> dict[int, int]:
        return {}

    patch.setattr(claims, "take", take_from_others)
    patch.setattr(claims, "claimed", nothing)


def _whosesoever_it_is_by_now(patch: Patch) -> None:
    async def believe(request: object) -> None:
        return None

    patch.setattr(flows._request.OpenRequest, "check_whose", believe)
    patch.setattr(tasks.whose, "check_whose", lambda service, record: None)


def _wiped_though_it_was_paid(patch: Patch) -> None:
    async def believe(*_: object) -> None:
        return None

    patch.setattr(flows.terminate, "confirm_wish", believe)
    patch.setattr(tasks.wipe, "confirm_wipe", believe)


def _powered_whosesoever_it_is(patch: Patch) -> None:
    async def believe(service: Service) -> None:
        return None

    patch.setattr(flows.power, "confirm_identity", believe)
    patch.setattr(tasks.power, "own_server", _any_server)


async def _any_server(service: Service) -> Server:
    service = await driving(service).fresh()
    return await read_server(await panel_named(service.panel), claim_of(service))


def _installed_over_whosesoever_it_is(patch: Patch) -> None:
    async def believe(service: Service) -> None:
        return None

    patch.setattr(flows.reinstall, "confirm_identity", believe)
    patch.setattr(tasks.reinstall, "own_server", _any_server)


def _named_whosesoever_it_is(patch: Patch) -> None:
    async def any_address(service: Service, address: str) -> Address:
        panel = await panel_named(service.panel)
        for server_id in SERVERS:
            for row in await panel.addresses.of_server(server_id):
                if row.address == address:
                    return row
        raise StepRefused(f"Nobody has address {address!r}.")

    patch.setattr(tasks.ptr, "_own_address", any_address)


def _goes_on_after_it_was_superseded(patch: Patch) -> None:
    fresh = Drive.fresh

    async def as_opened(drive: Drive) -> Service:
        return drive.opened if drive.action in ERRANDS else await fresh(drive)

    patch.setattr(Drive, "fresh", as_opened)


OWNER_NOT_CHECKED = Planted(
    "an errand does not check the server's owner", _powered_whosesoever_it_is, r"power_\w+ .*owned by"
)
GOES_ON = Planted(
    "an errand goes on after it was superseded", _goes_on_after_it_was_superseded, "goes on after another run"
)
NAME_NOT_CHECKED = Planted(
    "a reverse name is set of whichever address is named", _named_whosesoever_it_is, "ptr_set .*does not claim"
)
INSTALLED_OVER = Planted(
    "a reinstallation does not check the server's owner", _installed_over_whosesoever_it_is, "os_install .*owned by"
)

ON_PURPOSE = [NAME_NOT_CHECKED, INSTALLED_OVER]
"""Too rare for a search: their press is played on purpose."""

# `make test` looks for the first one only: to search for the others takes minutes, which `make crash` has.
PLANTED = [
    Planted(
        "nobody compares whose a service is",
        _whosesoever_it_is_by_now,
        "nobody asked|in WHMCS and its|is shown to|is owned by|lost|pressed it",
    ),
    Planted(
        "WHMCS is never asked about a deletion", _wiped_though_it_was_paid, "deletion was asked for|nobody asked for"
    ),
    Planted("suspend does not check the server's owner", _suspended_whosesoever_it_is, "port_off"),
    Planted("the claim is released without proof of the wipe", _released_without_proof, "came back|is free with"),
    OWNER_NOT_CHECKED,
    GOES_ON,
    Planted("a promised server is promised again", _promised_to_whoever_comes_last, "with None"),
]
