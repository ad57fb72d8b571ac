"""Faults put into the product on purpose: the harness must catch each of them.

A mutant replaces functions of the product until the test is over.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession

import flows.activate
import flows.terminate
import tasks.addresses
import tasks.diagnostics
import tasks.os_install
import tasks.owner
from dcimanager.servers import Server
from ledger import claims, permits, services
from ledger.database import Ledger, writes
from ledger.lifecycle import State
from ledger.moves import driven, step
from ledger.snapshots import Driver, Permit, Service
from ledger.tables import ClaimRow
from tasks import allocation
from tasks.clock import clock
from tasks.connections import billing, ledger, panel_named
from tasks.identity import driver_of, fresh, own_server
from tasks.orders import order_of
from tests.crash.lives import Comeback

Patch = pytest.MonkeyPatch

NOBODY: dict[str, Any] = {"full_name": "", "password": SecretStr("of-a-mutant"), "phone": None}


@dataclass(frozen=True)
class Mutant:
    """One fault, the lifecycle that it shows in, and a part of the sentence that it is caught with."""

    name: str
    life: str
    make: Callable[[Patch], None]
    shows: str
    comeback: Comeback = Comeback.RETRY


def _claimed_after_the_owner_is_set(patch: Patch) -> None:
    async def claim_server(service: Service) -> Service:
        service = await fresh(service)
        if service.claim is not None:
            return service
        panel, whmcs = await panel_named(service.panel), await billing()
        client = await whmcs.clients.get((await whmcs.services.get(service.service_id)).client_id)
        found = await panel.users.find(client.email)
        user_id = found.id if found else await panel.users.create(email=client.email, **NOBODY)
        free = (await allocation._free_servers(panel, order_of(service)))[0]
        await panel.servers.set_owner(free.id, user_id)
        driver, now = driver_of(service), clock().now()
        identity: dict[str, Any] = {"serial": free.serial, "macs": free.macs, "barcode": free.barcode}
        await claims.take(ledger(), driver, server_id=free.id, **identity, now=now)
        return await services.advance(ledger(), driver, State.PREPARING, now=now)

    patch.setattr(flows.activate, "claim_server", claim_server)


def _claim_and_state_in_two_commits(patch: Patch) -> None:
    @writes
    async def promise(session: AsyncSession, /, driver: Driver, **claim: Any) -> None:
        row, _ = await driven(session, driver)
        claimed_at = claim.pop("now")
        session.add(
            ClaimRow(
                panel=row.panel,
                service_id=row.service_id,
                generation=row.generation + 1,
                claimed_at=claimed_at,
                **{**claim, "macs": list(claim["macs"])},
            )
        )

    @writes
    async def become_claimed(session: AsyncSession, driver: Driver) -> None:
        row, _ = await driven(session, driver)
        row.generation += 1
        step(row, State.CLAIMED, clock().now())

    async def take(ledger: Ledger, driver: Driver, **claim: Any) -> Service:
        await promise(ledger, driver, **claim)
        await become_claimed(ledger, driver)
        found = await services.get(ledger, driver.service_id)
        assert found is not None
        return found

    patch.setattr(claims, "take", take)


async def _blindly(
    *, look: Callable[[], Awaitable[Any]], send: Callable[[], Awaitable[Any]], what: str, lost_since: datetime | None
) -> Any:
    """`make_once` without its first look."""
    made = await send()
    return await look() if made is None else made


def _user_created_without_looking(patch: Patch) -> None:
    patch.setattr(tasks.owner, "make_once", _blindly)


def _installation_sent_again(patch: Patch) -> None:
    patch.setattr(tasks.os_install, "make_once", _blindly)


def _addresses_assigned_without_looking(patch: Patch) -> None:
    async def none_given(service: Service, server_id: int) -> list[Any]:
        return []

    async def blindly(*, send: Callable[[], Awaitable[Any]], **_: Any) -> None:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(tasks.addresses, "given_addresses", none_given)
            await send()

    patch.setattr(tasks.addresses, "make_once", blindly)


def _server_not_read_again_before_the_wipe(patch: Patch) -> None:
    """Each process believes what it saw when it wrote the permit."""
    seen: dict[Driver, Server] = {}

    async def as_first_seen(service: Service) -> Server:
        driver = driver_of(service)
        if driver not in seen:
            seen[driver] = await own_server(service)
        return seen[driver]

    patch.setattr(tasks.diagnostics, "own_server", as_first_seen)


def _released_before_the_wipe_is_proved(patch: Patch) -> None:
    async def do_not_wait(service: Service, permit_id: int) -> None:
        return None

    patch.setattr(flows.terminate, "wait_until_clear", do_not_wait)


def _permit_spent_after_the_call(patch: Patch) -> None:
    """A driver that dies in between leaves a permit that wipes a second time."""
    use, record_operation = permits.use, permits.record_operation

    async def later(ledger: Ledger, driver: Driver, permit_id: int, now: Any) -> None:
        return None

    async def spend_and_record(ledger: Ledger, driver: Driver, permit_id: int, operation_id: int, now: Any) -> Permit:
        await use(ledger, driver, permit_id, now)
        return await record_operation(ledger, driver, permit_id, operation_id, now)

    patch.setattr(permits, "use", later)
    patch.setattr(permits, "record_operation", spend_and_record)


MUTANTS = [
    Mutant(
        "the claim is written after the owner is set",
        "activate",
        _claimed_after_the_owner_is_set,
        shows="has an owner, and it is promised to nobody",
    ),
    Mutant(
        "claim and state are two commits",
        "activate",
        _claim_and_state_in_two_commits,
        shows="the service is NEW with a claim",
    ),
    Mutant(
        "the user is created without looking",
        "activate",
        _user_created_without_looking,
        shows="the creation of the panel user was sent twice",
    ),
    Mutant(
        "the installation is sent again after a lost answer",
        "activate",
        _installation_sent_again,
        shows="2 OS installations were asked for in 1 attempts",
        comeback=Comeback.OTHER,
    ),
    Mutant(
        "addresses are assigned again without looking",
        "activate",
        _addresses_assigned_without_looking,
        shows="addresses, 2 were ordered",
    ),
    Mutant(
        "the server is not read again before its wipe",
        "terminate, sold by hand meanwhile",
        _server_not_read_again_before_the_wipe,
        shows="wiped_with_owner",
    ),
    Mutant(
        "the claim is released before the wipe is proved",
        "terminate",
        _released_before_the_wipe_is_proved,
        shows="is free, and on its disk is: ",
    ),
    Mutant(
        "the permit is spent after the call",
        "terminate",
        _permit_spent_after_the_call,
        shows="2 wipes were asked for under 1 permits",
    ),
]
