"""The safe repairs of reconciliation: each one request of the ledger, through the steps that the lifecycles use.

Only towards service (safety rule 8): ports on, a write-back, or to stop before a person. The ledger's request keeps a
repair and a lifecycle apart; whoever drives the service already is left to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from ledger import reconciliation, requests
from ledger.errors import LedgerError, RequestInProgress
from ledger.reconciliation import DifferenceKey
from ledger.snapshots import Service
from runtime.alerts import emit_alert, hold_alert
from runtime.clock import clock
from runtime.connections import ledger
from runtime.driver import begin_drive, close_as, hold
from runtime.errors import Held
from runtime.heartbeat import STALLED_AFTER, keep_alive
from runtime.polling import gather_all
from runtime.run_log import EXPECTED, run_log
from runtime.settings import settings
from tasks.identity import confirm_identity
from tasks.ports import enable_ports
from tasks.reconciliation.comparison import ACTION, LEASE, Comparison
from tasks.reconciliation.differences import Difference, Repair
from tasks.reconciliation.drift import DesiredState, desired_state
from tasks.reconciliation.sources import allowed_shrinkage
from tasks.service_summary import show_service_summary
from tasks.suspended_power import switch_on_again
from tasks.whose import whmcs_row
from tasks.write_back import announce, write_addresses

AT_ONCE = 8
"""Repairs that go on at the same time: as many calls of one panel as are let through."""

MOST_REPAIRS = 3
"""A difference that came back so often has a cause that no repair mends: a person has to look."""


class RepairOutcome(StrEnum):
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
    outcome: RepairOutcome
    line: str


class _MovedOn(Exception):
    """The service is not as it was when the sources were compared."""


async def repair_safe(comparison: Comparison) -> list[Repaired]:
    """Repair what may be repaired without asking, a few at a time; a failure is reported and hinders nothing else.

    Raises LedgerError: another run compares the panel by now.
    """
    panel = comparison.panel
    await reconciliation.keep(ledger(), panel, comparison.flow_run_id, lease=LEASE, now=clock().now())
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(difference: Difference) -> Repaired:
        async with gate:
            outcome, line = await _repair(panel, comparison.flow_run_id, difference)
        run_log().info("service %s: %s: %s", difference.service_id, difference.drift, line)
        return Repaired(difference, outcome, line)

    # Each in a task of its own: which service a step drives is known by its context.
    return await gather_all(*(asyncio.create_task(one(each)) for each in select_repairs(comparison)))


def attempted(repaired: Iterable[Repaired]) -> set[DifferenceKey]:
    """The differences whose repair was tried, whatever came of it."""
    return {one.difference.key for one in repaired if one.outcome is not RepairOutcome.SKIPPED}


def select_repairs(comparison: Comparison) -> list[Difference]:
    """The differences that are repaired now: not those that came back too often, and not too many at once.

    Identities that differ everywhere at once are more likely a panel that is read wrongly: then no service is held.
    """
    safe = [one for one in comparison.differences if one.repair is not Repair.NONE]
    worth_it = [one for one in safe if comparison.repairs(one) < MOST_REPAIRS]
    holds = [one for one in worth_it if one.repair is Repair.HOLD]
    if len(holds) > allowed_shrinkage(comparison.list_lengths["services"], settings().reconcile_shrink_share):
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


async def _repair(panel: str, flow_run_id: str, difference: Difference) -> tuple[RepairOutcome, str]:
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
            silent_after=STALLED_AFTER,
        )
    except RequestInProgress as busy:
        return RepairOutcome.SKIPPED, str(busy)
    except LedgerError as error:
        return RepairOutcome.FAILED, str(error)
    begin_drive(driver, service, ACTION)
    try:
        with keep_alive(driver):
            if service.epoch - 1 != difference.epoch:
                raise _MovedOn("a run has driven it since it was looked at")
            await _ACTIONS[difference.repair](service)
    except _MovedOn as moved:
        await close_as(driver, "done", str(moved))
        return RepairOutcome.SKIPPED, str(moved)
    except Held as held:
        await hold(driver, held)
        emit_alert(hold_alert(ACTION, service.service_id, panel, held.reason, flow_run_id))
        await show_service_summary(service.service_id)
        return RepairOutcome.HELD, str(held)
    except asyncio.CancelledError:
        await asyncio.shield(close_as(driver, "cancelled", "cancelled by hand"))
        raise
    except EXPECTED as error:
        await close_as(driver, "failed", str(error))
        return RepairOutcome.FAILED, str(error)
    except Exception as error:
        await close_as(driver, "failed", type(error).__name__)
        raise
    await close_as(driver, "done", difference.repair)
    return RepairOutcome.REPAIRED, str(difference.repair)


async def _ports_on(service: Service) -> None:
    await _still(service, {DesiredState.ACTIVE})
    await confirm_identity(service)
    await enable_ports(service)
    await switch_on_again(service)  # of a suspension that stopped on its way


async def _announce(service: Service) -> None:
    await _still(service, {DesiredState.NEW})
    await confirm_identity(service)
    await announce(service)


async def _write_addresses(service: Service) -> None:
    await _still(service, {DesiredState.ACTIVE, DesiredState.SUSPENDED})
    await confirm_identity(service)
    await write_addresses(service)


async def _still(service: Service, any_of: Collection[DesiredState]) -> None:
    """The last look before acting: WHMCS may want something else by now."""
    record = await whmcs_row(service)
    if desired_state(record) not in any_of:
        raise _MovedOn(f"it is {record.status} in WHMCS by now")


_ACTIONS: Mapping[Repair, Callable[[Service], Awaitable[None]]] = {
    Repair.PORTS_ON: _ports_on,
    Repair.ANNOUNCE: _announce,
    Repair.WRITE_ADDRESSES: _write_addresses,
    Repair.HOLD: confirm_identity,
}
