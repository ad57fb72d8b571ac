"""The step's world in one object: the service that the current run drives, its ledger, its panel, its clock.

A step gets it once, by `driving(service)`. Here is also the end of a request, kept for good.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Concatenate, Literal, ParamSpec, TypeVar

from answers.breaker import is_urgent
from dcimanager.fair_queue import queue_key
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import requests, services
from ledger.database import Ledger
from ledger.errors import LedgerError, LedgerUnavailable, Superseded
from ledger.snapshots import Driver, Request, Service
from ledger.states import State
from runtime.clock import clock
from runtime.connections import ledger, panel_named
from runtime.errors import Held
from whmcs.services import WhmcsService

P = ParamSpec("P")
R = TypeVar("R")

URGENT_ACTIONS = frozenset({"suspend", "unsuspend"})
"""What goes by the urgent queue: such a run asks a panel whatever is known of it."""

ERRANDS = frozenset({"power", "sign-in", "change-addresses", "change-order", "set-ptr", "rescue", "rename"})
"""Actions that leave a service's state as it is. A lifecycle waits a minute for one and then goes over it."""


class Drive:
    """What the current run knows and may do as the driver of one service."""

    def __init__(self, driver: Driver, service: Service, action: str = "") -> None:
        self.driver = driver
        self.action = action
        """What the run was asked for; empty for a repair."""
        self.opened = service
        """The service as the run's opening read it."""
        self.asked_first = self.since = clock().now()
        """When the run became the driver: what an earlier one asked for was asked for before that. `asked_first`: when
        WHMCS, or whoever it was, asked for the run."""
        self.flow_run_id = ""
        """The run, the same one when it starts again after an outage or a crash; empty for a repair."""
        self.overtook: Request | None = None
        """The open suspension that this run took over, whose last calls may still be on their way to the panel."""
        self.wrote = False
        """Whether the run may have changed the service since its opening."""
        self.confirmed: tuple[datetime, Server] | None = None
        """When `confirm_identity` saw the server, and how; the step right after it need not ask again."""
        self.billed: tuple[datetime, WhmcsService] | None = None
        """When WHMCS was asked for its row of the service, and what it showed (`tasks.whose`)."""
        self.vouched_for = False
        """Whether the command named the client whose the service is, and gives them what is theirs: an unsuspension."""

    @property
    def ledger(self) -> Ledger:
        """The ledger, for what only reads."""
        return ledger()

    async def write(
        self, verb: Callable[Concatenate[Ledger, Driver, datetime, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Have the ledger write something in this driver's name, at this moment. Raises what the verb raises."""
        self.wrote = True
        return await verb(self.ledger, self.driver, self.now(), *args, **kwargs)

    async def fresh(self) -> Service:
        """The service as it is now. Raises Superseded: another run drives it, so this one must not act any more."""
        number = self.driver.service_id
        now = await services.get(self.ledger, number)
        if now is None or now.epoch != self.driver.epoch:
            raise Superseded(f"Another run drives service {number} now: nothing more is done here. Follow that one.")
        return now

    async def panel(self) -> Panel:
        """The panel that has the service's server. Raises StepRefused: Prefect has no block for it."""
        return await panel_named(self.opened.panel)

    def now(self) -> datetime:
        """The time, as it goes into the ledger."""
        return clock().now()

    def elapsed(self, since: datetime) -> timedelta:
        """How long ago that was."""
        return clock().elapsed(since)

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await clock().sleep(seconds)


_current: ContextVar[Drive] = ContextVar("drive")


def begin_drive(driver: Driver, service: Service, action: str = "") -> Drive:
    """From here on the current run drives the service, which is as the ledger has it now.

    The run's calls of a panel queue under the service's name, so that no service holds up the others; those of a
    suspension or an unsuspension are never refused because the panel was away.
    """
    drive = Drive(driver, service, action)
    _current.set(drive)
    queue_key.set(f"service {driver.service_id}")
    is_urgent.set(action in URGENT_ACTIONS)
    return drive


def current_drive() -> Drive:
    """The drive of the current run, whichever service it is for. Raises LookupError: the run drives none."""
    return _current.get()


def driving(service: Service) -> Drive:
    """The step's world, as this run got it when it opened the service's request."""
    drive = current_drive()
    if drive.driver.service_id != service.service_id:
        raise AssertionError(f"service {service.service_id} is not driven by this run")
    return drive


async def finish(driver: Driver, *, to: State | None) -> None:
    """Close the request as done and, in the same commit, move the service to `to` if given.

    Raises LedgerError as `requests.close`; LedgerUnavailable: the request may still be open.
    """
    await _for_good(lambda: requests.close(ledger(), driver, clock().now(), outcome="done", message="", to=to))


async def close_as(driver: Driver, outcome: Literal["done", "failed", "cancelled"], message: str) -> None:
    """Close the request, unless another run drives the service by now, whose it is then, or the ledger is away."""
    with suppress(LedgerError):
        await _for_good(lambda: requests.close(ledger(), driver, clock().now(), outcome=outcome, message=message))


async def hold(driver: Driver, held: Held) -> None:
    """Put the service on HELD and close the request.

    Raises LedgerError as `requests.hold_and_close`; LedgerUnavailable.
    """
    reason, evidence = str(held.reason), held.evidence
    await _for_good(lambda: requests.hold_and_close(ledger(), driver, clock().now(), reason=reason, evidence=evidence))


async def _for_good(close: Callable[[], Awaitable[None]]) -> None:
    """Close, and once more when the commit's answer was lost: it may have been kept, or not."""
    try:
        await close()
    except LedgerUnavailable:
        with suppress(Superseded):  # the request is closed, so it was kept the first time
            await close()
