"""What a run does when a cap is reached (safety rule 7): destruction is HELD for a person, an installation waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.caps import Caps
from ledger.errors import CapReached
from ledger.snapshots import Service
from tasks.alerts import of_full_panel, sound
from tasks.clock import clock
from tasks.log import run_log
from tasks.outcomes import Held, Reason
from tasks.seat import away
from tasks.settings import settings

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
    )


@contextmanager
def held_past_cap(service: Service) -> Iterator[None]:
    """Make a reached cap a matter for a person. Raises Held."""
    try:
        yield
    except CapReached as full:
        number = service.service_id
        raise Held(
            Reason(full.cap),
            f"{full} Should service {number} lose its server all the same: dciflow held retry {number} --past-cap.",
            limit=full.limit,
            counted=full.count,
        ) from None


async def wait_a_turn(service: Service, full: CapReached) -> None:
    """Wait a while for a place, without a seat; whoever waits asks again afterwards."""
    run_log().info("%s Waiting for one of them to end.", full)
    sound(of_full_panel(service, full))
    async with away():
        await clock().sleep(TURN_SECONDS)
