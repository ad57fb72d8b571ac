"""The safe repairs of reconciliation: each one request of the ledger, through the steps that the lifecycles use.

Only towards service (safety rule 8): ports on, a write-back, or to stop before a person. The ledger's request keeps a
repair and a lifecycle apart; whoever drives the service already is left to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from ledger import overview, requests
from ledger.errors import Busy, LedgerError
from ledger.overview import DifferenceKey
from ledger.snapshots import Service
from tasks.alerts import of_hold, sound
from tasks.at_once import all_of
from tasks.billing import announce, write_addresses
from tasks.card import show_card
from tasks.clock import clock
from tasks.closing import close_as, hold
from tasks.connections import billing, ledger
from tasks.differences import Difference, Repair, Wish, wish_of
from tasks.heart import SILENT_AFTER, beating
from tasks.identity import confirm_identity, drive
from tasks.log import EXPECTED, run_log
from tasks.outcomes import Held
from tasks.ports import enable_ports
from tasks.reconciliation import ACTION, LEASE, Comparison
from tasks.settings import settings
from tasks.sides import may_go_missing

AT_ONCE = 8
"""Repairs that go on at the same time: as many calls of one panel as are let through."""

MOST_REPAIRS = 3
"""A difference that came back so often has a cause that no repair mends: a person has to look."""


class Outcome(StrEnum):
    """What became of one repair."""

    REPAIRED = "repaired"
    HELD = "HELD"
    """The service waits for a person now."""
    SKIPPED = "skipped"
    """Somebody drives the service, or did since it was looked at."""
    FAILED = "failed"


class Repaired(NamedTuple):
    """One repair and what became of it."""

    difference: Difference
    outcome: Outcome
    line: str


class _MovedOn(Exception):
    """The service is not as it was when the sides were compared."""


async def repair_safe(comparison: Comparison) -> list[Repaired]:
    """Repair what may be repaired without asking, a few at a time; what fails is told and hinders nothing else.

    Raises LedgerError: another run compares the panel by now.
    """
    panel = comparison.panel
    await overview.keep(ledger(), panel, comparison.flow_run_id, lease=LEASE, now=clock().now())
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(difference: Difference) -> Repaired:
        async with gate:
            outcome, line = await _repair(panel, comparison.flow_run_id, difference)
        run_log().info("service %s: %s: %s", difference.service_id, difference.drift, line)
        return Repaired(difference, outcome, line)

    # Each in a task of its own: which service a step drives is known by its context.
    return await all_of(*(asyncio.create_task(one(each)) for each in chosen(comparison)))


def tried(repaired: Iterable[Repaired]) -> set[DifferenceKey]:
    """The differences whose repair was tried, whatever came of it."""
    return {one.difference.key for one in repaired if one.outcome is not Outcome.SKIPPED}


def chosen(comparison: Comparison) -> list[Difference]:
    """The differences that are repaired now: not those that came back too often, and not too many at once.

    Identities that differ everywhere at once are more likely a panel that is read wrongly: then no service is held.
    """
    safe = [one for one in comparison.differences if one.repair is not Repair.NONE]
    worth_it = [one for one in safe if comparison.repairs(one) < MOST_REPAIRS]
    holds = [one for one in worth_it if one.repair is Repair.HOLD]
    if len(holds) > may_go_missing(comparison.list_lengths["services"], settings().reconcile_shrink_share):
        run_log().warning(
            "the servers of %s services are not what they were, all at once: none is held, look at panel %s",
            len(holds),
            comparison.panel,
        )
        worth_it = [one for one in worth_it if one.repair is not Repair.HOLD]
    most = settings().reconcile_repairs
    if len(worth_it) > most:
        run_log().warning("%s of %s repairs are left for the next run", len(worth_it) - most, len(worth_it))
    return worth_it[:most]


async def _repair(panel: str, flow_run_id: str, difference: Difference) -> tuple[Outcome, str]:
    if difference.service_id is None:
        raise AssertionError(f"{difference.drift} has no service to repair")
    try:
        driver, service = await requests.open(
            ledger(),
            service_id=difference.service_id,
            panel=panel,
            action=ACTION,
            flow_run_id=flow_run_id,
            requested_by="api",
            now=clock().now(),
            silent_after=SILENT_AFTER,
        )
    except Busy as busy:
        return Outcome.SKIPPED, str(busy)
    except LedgerError as error:
        return Outcome.FAILED, str(error)
    drive(driver, service)
    try:
        with beating(driver):
            if service.epoch - 1 != difference.epoch:
                raise _MovedOn("a run has driven it since it was looked at")
            await _ACTIONS[difference.repair](service)
    except _MovedOn as moved:
        await close_as(driver, "done", str(moved))
        return Outcome.SKIPPED, str(moved)
    except Held as held:
        await hold(driver, held)
        sound(of_hold(ACTION, service.service_id, panel, held.reason, flow_run_id))
        await show_card(service.service_id)
        return Outcome.HELD, str(held)
    except asyncio.CancelledError:
        await asyncio.shield(close_as(driver, "cancelled", "cancelled by hand"))
        raise
    except EXPECTED as error:
        await close_as(driver, "failed", str(error))
        return Outcome.FAILED, str(error)
    except Exception as error:
        await close_as(driver, "failed", type(error).__name__)
        raise
    await close_as(driver, "done", difference.repair)
    return Outcome.REPAIRED, str(difference.repair)


async def _ports_on(service: Service) -> None:
    await _still(service, {Wish.ACTIVE})
    await confirm_identity(service)
    await enable_ports(service)


async def _announce(service: Service) -> None:
    await _still(service, {Wish.NEW})
    await confirm_identity(service)
    await announce(service)


async def _write_addresses(service: Service) -> None:
    await _still(service, {Wish.ACTIVE, Wish.SUSPENDED})
    await confirm_identity(service)
    await write_addresses(service)


async def _still(service: Service, wishes: Collection[Wish]) -> None:
    """The last look before acting: WHMCS may want something else by now."""
    record = await (await billing()).services.get(service.service_id)
    if wish_of(record) not in wishes:
        raise _MovedOn(f"it is {record.status} in WHMCS by now")


_ACTIONS: Mapping[Repair, Callable[[Service], Awaitable[None]]] = {
    Repair.PORTS_ON: _ports_on,
    Repair.ANNOUNCE: _announce,
    Repair.WRITE_ADDRESSES: _write_addresses,
    Repair.HOLD: confirm_identity,
}
