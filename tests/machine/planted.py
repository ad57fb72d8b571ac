"""Faults put into the product, which the machine has to find."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

import flows.suspend
import flows.terminate
import tasks.allocation
import tasks.ports
from dcimanager.server import Server
from ledger import claims
from ledger.database import Ledger
from ledger.snapshots import Driver, Service
from ledger.tables import ClaimRow
from tasks.connections import panel_named
from tasks.identity import claim_of, fresh, read_server

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
        service = await fresh(service)
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
        ledger: Ledger, driver: Driver, *, server_id: int, now: datetime, **more: Any
    ) -> Service:
        async with ledger.transaction() as session:
            present = await session.get(ClaimRow, ("main", server_id))
            if present is not None and present.service_id != driver.service_id:
                await session.delete(present)
        return await take(ledger, driver, server_id=server_id, now=now, **more)

    async def nothing(ledger: Ledger, panel: str) -> dict[int, int]:
        return {}

    patch.setattr(claims, "take", take_from_others)
    patch.setattr(claims, "claimed", nothing)


PLANTED = [
    Planted("suspend does not look whose the server is", _suspended_whosesoever_it_is, "port_off"),
    Planted("the claim is released without proof of the wipe", _released_without_proof, "came back|is free with"),
    Planted("a promised server is promised again", _promised_to_whoever_comes_last, "with None"),
]
