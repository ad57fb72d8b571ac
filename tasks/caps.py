"""What a run does when a cap is reached (safety rule 7): destruction is HELD for a person, an installation waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ledger.caps import Caps
from ledger.errors import CapReached
from ledger.given_back import given_back
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Service
from runtime.alerts import emit_alert, full_panel_alert
from runtime.clock import clock
from runtime.driver import driving
from runtime.errors import Held, StepRefused
from runtime.run_log import run_log
from runtime.settings import settings
from runtime.slots import slot_released

TURN_SECONDS = 30.0
"""Installations take minutes, so a place that got free is noticed soon enough."""


def caps_of_destruction() -> Caps:
    """The caps as this process is set."""
    here = settings()
    return Caps(
        terminations_per_day=here.cap_terminations_per_day,
        terminations_share=here.cap_terminations_share,
        small_fleet=here.cap_small_fleet,
        wipes_per_hour=here.cap_wipes_per_hour,
        reinstalls_per_day=here.cap_reinstalls_per_day,
        burst_times=here.burst_times,
        burst_at_least=here.burst_at_least,
        ceiling_per_day=here.ceiling_per_day,
    )


@contextmanager
def held_past_cap(service: Service) -> Iterator[None]:
    """Make a reached cap a matter for a person. Raises Held."""
    try:
        yield
    except CapReached as full:
        reason = HoldReason(full.cap)
        raise Held(
            reason,
            f"{full} {_what_to_do(reason, service.service_id)}",
            limit=full.limit,
            counted=full.count,
        ) from None


def _what_to_do(reason: HoldReason, number: int) -> str:
    match reason:
        case HoldReason.CEILING:
            return (
                "No decision passes this ceiling. Wait a day, or set DCIFLOW_CEILING_PER_DAY for every worker and "
                f"restart them. Then: dciflow held retry {number}."
            )
        case HoldReason.BURST:
            return (
                "Nothing was done to the service. If the whole burst is meant: dciflow held burst retry; if it is a "
                f"mistake: dciflow held burst release. This one alone: dciflow held retry {number} --past-cap."
            )
        case _:
            return f"Should service {number} lose its server all the same: dciflow held retry {number} --past-cap."


async def wait_a_turn(service: Service, full: CapReached) -> None:
    """Wait for a place among the installations, without a slot; the caller asks again afterwards."""
    run_log().info("%s Waiting for one of them to end.", full)
    emit_alert(full_panel_alert(service, full))
    async with slot_released():
        await clock().sleep(TURN_SECONDS)


async def check_addresses_back(service: Service, count: int) -> None:
    """Raises StepRefused: the service is protected, or so many addresses went back that more are not meant."""
    if service.protected_at is not None:
        raise StepRefused(f"Service {service.service_id} is protected: no address goes back. Nothing was touched.")
    drive = driving(service)
    most = settings().cap_addresses_back_per_day
    gone = await given_back(drive.ledger, service.panel, since=drive.now() - timedelta(days=1))
    if gone + count > most:
        raise StepRefused(
            f"{gone} addresses of panel {service.panel} went back within a day, and with these it would be more than "
            f"{most}. Nothing was touched. If they are all meant, move DCIFLOW_CAP_ADDRESSES_BACK_PER_DAY for every "
            "worker and restart them (docs/operate.md, Caps)."
        )
