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
import flows.suspend
import flows.terminate
import flows.unsuspend
import tasks.addresses
import tasks.os_install
import tasks.owner
import tasks.reinstall
import tasks.whose
import tasks.wipe
from dcimanager.servers import Power, Server
from ledger import claims, permits, services, suspensions
from ledger.database import Ledger, writes
from ledger.snapshots import Driver, Permit, ReinstallPermit, Service
from ledger.states import State
from ledger.tables import ClaimRow
from ledger.transitions import require_driver, transition
from runtime.clock import clock
from runtime.connections import ledger, panel_named, whmcs_api
from runtime.driver import driving
from tasks import allocation
from tasks.identity import hardware_of, own_server
from tasks.order import order_of
from tasks.power import power_off, power_on
from tests.crash.scenarios import Recovery

Patch = pytest.MonkeyPatch

NOBODY: dict[str, Any] = {"full_name": "", "password": SecretStr("of-a-mutant"), "phone": None}


@dataclass(frozen=True)
class Mutant:
    """One fault, the lifecycle that it shows in, and a part of the sentence that it is caught with."""

    name: str
    scenario: str
    make: Callable[[Patch], None]
    shows: str
    recovery: Recovery = Recovery.RETRY


def _claimed_after_the_owner_is_set(patch: Patch) -> None:
    async def claim_server(service: Service) -> Service:
        service = await driving(service).fresh()
        if service.claim is not None:
            return service
        panel, whmcs = await panel_named(service.panel), await whmcs_api()
        client = await whmcs.clients.get((await whmcs.services.get(service.service_id)).client_id)
        found = await panel.users.find(client.email)
        user_id = found.id if found else await panel.users.create(email=client.email, **NOBODY)
        free = (await allocation._free_servers(panel, order_of(service)))[0]
        await panel.servers.set_owner(free.id, user_id)
        driver, now = driving(service).driver, clock().now()
        await claims.take(ledger(), driver, server_id=free.id, hardware=hardware_of(free), now=now)
        return await services.advance(ledger(), driver, now, State.PREPARING)

    patch.setattr(flows.activate, "claim_server", claim_server)


def _claim_and_state_in_two_commits(patch: Patch) -> None:
    @writes
    async def promise(session: AsyncSession, /, driver: Driver, **claim: Any) -> None:
        row, _ = await require_driver(session, driver)
        claimed_at = claim.pop("now")
        session.add(
            ClaimRow(
                panel=row.panel,
                service_id=row.service_id,
                generation=row.generation + 1,
                claimed_at=claimed_at,
                server_id=claim["server_id"],
                **claim["hardware"].model_dump(),
            )
        )

    @writes
    async def become_claimed(session: AsyncSession, driver: Driver) -> None:
        row, _ = await require_driver(session, driver)
        row.generation += 1
        transition(row, State.CLAIMED, clock().now())

    async def take(ledger: Ledger, driver: Driver, now: datetime, **claim: Any) -> Service:
        await promise(ledger, driver, now=now, **claim)
        await become_claimed(ledger, driver)
        found = await services.get(ledger, driver.service_id)
        assert found is not None
        return found

    patch.setattr(claims, "take", take)


async def _blindly(
    *, look: Callable[[], Awaitable[Any]], send: Callable[[], Awaitable[Any]], what: str, lost_since: datetime | None
) -> Any:
    """`create_once` without its first look."""
    made = await send()
    return await look() if made is None else made


def _user_created_without_looking(patch: Patch) -> None:
    patch.setattr(tasks.owner, "create_once", _blindly)


def _installation_sent_again(patch: Patch) -> None:
    patch.setattr(tasks.os_install, "create_once", _blindly)


def _addresses_assigned_without_looking(patch: Patch) -> None:
    async def none_given(service: Service, server_id: int) -> list[Any]:
        return []

    async def blindly(*, send: Callable[[], Awaitable[Any]], **_: Any) -> None:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(tasks.addresses, "given_addresses", none_given)
            await send()

    patch.setattr(tasks.addresses, "create_once", blindly)


def _server_not_read_again_before_the_wipe(patch: Patch) -> None:
    """Each process believes what it saw when it wrote the permit."""
    seen: dict[Driver, Server] = {}

    async def as_first_seen(service: Service) -> Server:
        driver = driving(service).driver
        if driver not in seen:
            seen[driver] = await own_server(service)
        return seen[driver]

    patch.setattr(tasks.wipe, "own_server", as_first_seen)


def _released_before_the_wipe_is_proved(patch: Patch) -> None:
    async def do_not_wait(service: Service, permit_id: int) -> None:
        return None

    patch.setattr(flows.terminate, "wait_until_clear", do_not_wait)


def _permit_spent_after_the_call(patch: Patch) -> None:
    """A driver that dies in between leaves a permit that wipes a second time."""
    use, record_operation = permits.use, permits.record_operation

    async def later(ledger: Ledger, driver: Driver, now: datetime, permit_id: int) -> None:
        return None

    async def spend_and_record(
        ledger: Ledger, driver: Driver, now: datetime, permit_id: int, operation_id: int
    ) -> Permit:
        await use(ledger, driver, now, permit_id)
        return await record_operation(ledger, driver, now, permit_id, operation_id)

    patch.setattr(permits, "use", later)
    patch.setattr(permits, "record_operation", spend_and_record)


def _power_noted_after_it_is_off(patch: Patch) -> None:
    async def noted_later(service: Service) -> None:
        server = await own_server(service)
        if server.power is Power.ON:
            await power_off(service)
            await driving(service).write(suspensions.note_power, is_off=True)

    patch.setattr(flows.suspend, "switch_off_too", noted_later)


def _power_forgotten_before_it_is_on(patch: Patch) -> None:
    async def forgotten_first(service: Service) -> None:
        if service.claim is not None and service.claim.powered_off_at is not None:
            await driving(service).write(suspensions.note_power, is_off=False)
            await power_on(service)

    patch.setattr(flows.unsuspend, "switch_on_again", forgotten_first)


async def _believe(service: Service, present: Permit | None = None) -> None:
    return None


def _client_not_compared(patch: Patch) -> None:
    patch.setattr(tasks.whose, "check_whose", lambda service, record: None)


def _nothing_asked_at_the_permit(patch: Patch) -> None:
    # Either of the two looks alone finds it: they share WHMCS's row.
    patch.setattr(tasks.wipe, "confirm_whose", _believe)
    patch.setattr(tasks.wipe, "confirm_wipe", _believe)


def _reinstallation_not_looked_for(patch: Patch) -> None:
    async def not_found(service: Service, permit: ReinstallPermit) -> bool:
        return False

    patch.setattr(tasks.reinstall, "_found", not_found)


MUTANTS = [
    Mutant(
        "what the suspension switches off is noted after it is off",
        "suspend with its power, then unsuspend",
        _power_noted_after_it_is_off,
        shows="is off",
        recovery=Recovery.OTHER,
    ),
    Mutant(
        "what the suspension switched off is forgotten before it is on",
        "unsuspend with its power",
        _power_forgotten_before_it_is_on,
        shows="is off",
    ),
    Mutant(
        "the client is not compared",
        "terminate a number given out again",
        _client_not_compared,
        shows="the service is RELEASED, HELD because of: None",
    ),
    Mutant(
        "WHMCS is not asked at the permit",
        "terminate, the number given out again meanwhile",
        _nothing_asked_at_the_permit,
        shows="the service is RELEASED, HELD because of: None",
    ),
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
        recovery=Recovery.OTHER,
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
    Mutant(
        "what an interrupted reinstallation started is not looked for",
        "reinstall",
        _reinstallation_not_looked_for,
        shows="2 OS installations were asked for in 1 attempts",
    ),
]
