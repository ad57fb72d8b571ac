"""One action asked for on one service: opened, looked at whether it may begin, and closed with its outcome."""

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from dcimanager.errors import WrongCredentials
from ledger import requests, services
from ledger.errors import (
    LedgerUnavailable,
    OvertakenByUnsuspend,
    RequestInProgress,
    ServiceNotFound,
    Superseded,
    WrongPanel,
)
from ledger.orders import Order
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Driver, Request, Service
from ledger.states import State
from ledger.wishes import ServiceWish
from runtime.clock import clock
from runtime.connections import connections, forget_panel, ledger, panel_named
from runtime.driver import ERRANDS, begin_drive, close_as, current_drive, finish, hold
from runtime.errors import Held, NoLongerWanted, Overtaken, StepRefused
from runtime.flow_run import created_at, is_over, label_run, run_id, run_link
from runtime.gate import require_proofs
from runtime.heartbeat import STALLED_AFTER, keep_alive
from runtime.ledger_time import warn_of_skew
from runtime.plain_text import person
from runtime.request_number import note_number
from runtime.run_log import one_line_of_the_unforeseen
from runtime.slots import abort_quietly, will_resume
from tasks.order import check_reorder
from tasks.progress import set_run_labels
from tasks.release import take_back
from tasks.service_summary import show_service_summary
from tasks.whose import is_vacant, whmcs_row

LOOKS_AGAIN = frozenset({"suspend", "unsuspend"})
"""Asked for again, these look at the ports again: a hand may have switched them meanwhile."""

PREDECESSOR_SECONDS = 2.0
PREDECESSOR_TRIES = 60
"""Two minutes: by then the activation that handed over has ended, or is stalled for so long that it counts as dead."""
ERRAND_TRIES = 30
"""A minute: an errand takes seconds, unless the panel is slow; a payment or a deletion then goes over it."""


@dataclass(frozen=True)
class Asked:
    """What a run was asked for: the action, its service, and what whoever asks says of both."""

    action: str
    service_id: int
    panel: str
    requested_by: str
    order: Order | None = None
    identity: ServiceIdentity | None = None
    """Whose service it is, as WHMCS sent it; None: nobody said."""
    asked_at: datetime | None = None
    """When WHMCS asked, by its clock; None: nobody said."""
    wish: ServiceWish | None = None
    """What WHMCS showed of the service then; None: nobody said."""
    who: str | None = None
    """The member of staff who asks, by the word of whoever started the run; None: nobody said."""
    after: str | None = None
    """The action whose end this one waits for."""
    flow_run_id: str = field(default_factory=lambda: run_id())
    """The run that asks: one that starts again after an outage is still the same."""

    @property
    def is_errand(self) -> bool:
        """Whether it leaves the service's state as it is."""
        return self.action in ERRANDS


class OpenRequest:
    """One action asked for on one service, while this run drives it."""

    def __init__(self, driver: Driver, service: Service, asked: Asked) -> None:
        self.driver = driver
        self.service = service
        self.asked = asked
        self.action = asked.action
        self.requested_by = asked.requested_by
        self.ends_in: State | None = None

    async def check_whose(self) -> None:
        """Compare the client, order and date that the command names with the ledger, before anything is overwritten.

        Held: they differ, and WHMCS shows what the command says. StepRefused: WHMCS shows what the ledger says, so the
        command is an old one or another's; it is of another WHMCS; or the service of old is over and none was ordered.
        A difference of a service that is HELD already changes nothing: it is refused for being HELD.
        """
        service, order, named = self.service, self.asked.order, self.asked.identity
        if named is not None and order is not None and named.client_id != order.client_id:
            raise StepRefused(
                f"The command names client {named.client_id} and its order client {order.client_id}. Nothing was "
                "touched: send it from WHMCS again."
            )
        if named is None and order is not None:
            named = ServiceIdentity(client_id=order.client_id)
        if named is None or service.state is State.HELD:
            return
        differing = named.differs_from(service)
        if is_vacant(service):
            await self._check_installation(named)
            if differing and order is None and self.action == "activate":
                raise StepRefused(
                    f"Service {service.service_id} of old is over, and WHMCS gave its number to another one. Nothing "
                    "was done: start the run with an order."
                )
            return
        await self._check_installation(named)
        if differing:
            await whmcs_row(service, fresh=True)
            raise StepRefused(
                f"The command names another {' and '.join(differing)} than WHMCS and the ledger have for service "
                f"{service.service_id}: it is an old one, or for another service. Nothing was touched."
            )
        await self._record_installation(named)
        gives = self.action == "unsuspend" and self.asked.identity is not None and service.client_id is not None
        current_drive().vouched_for = gives

    async def _check_installation(self, named: ServiceIdentity) -> None:
        """Raises StepRefused: the service, or where it has none the ledger, is another WHMCS's."""
        if named.installation is None or named.installation == self.service.installation:
            return
        known = self.service.installation
        if known is None:
            known = await services.serves_another(ledger(), named.installation)
        if known is not None:
            raise StepRefused(
                f"This ledger serves the WHMCS installation {known}, and {named.installation} asked. Nothing was "
                "touched: one ledger serves one WHMCS. If it is the same one under a new name, say so: "
                f"dciflow whmcs renamed {named.installation}"
            )

    async def _record_installation(self, named: ServiceIdentity) -> None:
        """Record of an older service which WHMCS it is of, once its order or its date is known to be the same."""
        if self.service.installation is None and named.installation is not None and named.is_of(self.service):
            await services.record_whose(
                ledger(), service_id=self.service.service_id, epoch=self.driver.epoch, identity=named
            )

    async def keep(self, panel: str, order: Order) -> None:
        """Make this the service's last order. Only now: one that is refused must not replace what was delivered.

        Raises StepRefused: what it changes was done already.
        """
        await check_reorder(self.service, order)
        self.service = await services.remember(
            ledger(),
            service_id=self.driver.service_id,
            panel=panel,
            client_id=order.client_id,
            identity=self.asked.identity,
            order=order,
            now=clock().now(),
        )
        begin_drive(self.driver, self.service, self.action)

    async def check_proofs(self, panel: str) -> None:
        """Raises StepRefused: an entry of the panel's dialect that the action needs is neither proved nor trusted."""
        if self.action == "terminate" and self.service.claim is None:
            return  # there is no server to take back: no call is made
        await require_proofs(await panel_named(panel), self.service, self.action)


@asynccontextmanager
async def open_request(asked: Asked) -> AsyncIterator[OpenRequest]:
    """Open the request, keep it alive, and close it with its outcome whatever happens.

    Raises StepRefused: another run drives the service (the text has its link), the ledger does not know it, or its
    server is on another panel.
    """
    action, service_id, panel, order = asked.action, asked.service_id, asked.panel, asked.order
    await warn_of_skew(connections().panels.get(panel))
    if order is not None and await services.get(ledger(), service_id) is None:
        await services.remember(ledger(), service_id=service_id, panel=panel, now=clock().now())
    await note_number()
    asked_first = _asked_first(asked)
    driver, service, overtook = await _open(asked, asked_first)
    drive = begin_drive(driver, service, action)
    drive.asked_first, drive.overtook, drive.flow_run_id = asked_first, overtook, asked.flow_run_id
    request = OpenRequest(driver, service, asked)
    shows_summary = True  # except after a good end of an action that changes nothing in the summary
    try:
        with keep_alive(driver), one_line_of_the_unforeseen():
            client_id = order.client_id if order else service.client_id
            if not service.is_rehearsal:  # its run is named after panel and server
                await label_run(action, service_id=service_id, panel=panel, client_id=client_id)
            yield request
    except Held as held:
        await set_run_labels(state=State.HELD, held=held.reason)
        await hold(driver, held)
        raise
    except asyncio.CancelledError:
        if not will_resume():
            await asyncio.shield(close_as(driver, "cancelled", "cancelled by hand"))
        abort_quietly()
        raise
    except LedgerUnavailable:
        raise  # the request stays open: this run restarts and goes on with it, or the janitor re-queues the run
    except Exception as error:
        if isinstance(error, WrongCredentials):
            forget_panel(panel)  # whoever comes next uses the block's credentials, which may be mended by then
        await close_as(driver, "failed", str(error))
        if isinstance(error, NoLongerWanted):
            await take_back(driver)  # only now: it would be refused while this request is open
        raise
    else:
        await finish(driver, to=request.ends_in)
        shows_summary = action not in LOOKS_AGAIN and not asked.is_errand
        if shows_summary and request.ends_in is not None:
            await set_run_labels(state=request.ends_in)
    finally:
        if shows_summary:
            await show_service_summary(service_id)


@asynccontextmanager
async def told_if_overtaken() -> AsyncIterator[None]:
    """Name the unsuspension that has taken a suspension over, where the ledger only says that another run drives."""
    try:
        yield
    except Superseded:
        with suppress(LookupError):
            driver = current_drive().driver
            if await requests.was_overtaken(ledger(), driver.request_id):
                raise Overtaken(
                    f"Overtaken by unsuspend: service {driver.service_id} stays on the network, or comes back to it."
                ) from None
        raise


def _asked_first(asked: Asked) -> datetime:
    """When the run was asked for: by WHMCS's word and by Prefect's record, whichever is older."""
    known = [moment for moment in (asked.asked_at, created_at()) if moment is not None]
    return min(*known, clock().now()) if known else clock().now()


async def _open(asked: Asked, asked_first: datetime) -> tuple[Driver, Service, Request | None]:
    """The driver, its service, and the suspension that an unsuspension took over."""
    service_id, panel = asked.service_id, asked.panel
    open_it = functools.partial(
        requests.open,
        ledger(),
        service_id=service_id,
        panel=panel,
        action=asked.action,
        flow_run_id=asked.flow_run_id,
        requested_by=asked.requested_by,
        asked_at=asked.asked_at,
        asked_first=asked_first,
        wish=asked.wish,
        who=person(asked.who),
        silent_after=STALLED_AFTER,
        goes_over=ERRANDS if asked.is_errand else None,
    )
    tries = 0
    goes_over: Request | None = None
    overtook: Request | None = None
    while True:
        try:
            driver, service = await open_it(now=clock().now(), takeover=overtook or goes_over)
            return driver, service, overtook
        except ServiceNotFound:
            raise StepRefused(
                f"The ledger does not know service {service_id}: nothing was touched. "
                "Activate it with an order first, or look after its server by hand."
            ) from None
        except WrongPanel as elsewhere:
            raise StepRefused(
                f"Service {service_id} has its server on panel {elsewhere.panel}, not on {panel}. Nothing was touched. "
                "Is it the same panel, entered anew in WHMCS? Then: "
                f"dciflow panel rename {elsewhere.panel} {panel}"
            ) from None
        except OvertakenByUnsuspend as later:
            raise Overtaken(str(later)) from None
        except RequestInProgress as busy:
            if (asked.action, busy.request.action) == requests.OVERTAKES and busy.request != overtook:
                overtook = busy.request  # whoever has paid waits for no suspension
                continue
            if asked.is_errand and busy.request.action not in ERRANDS:
                raise _busy(asked, busy.request) from None  # a lifecycle that broke off is its own run's to finish
            waits_for_errand = busy.request.action in ERRANDS and not asked.is_errand
            is_too_long = waits_for_errand and tries >= ERRAND_TRIES
            is_unseen = busy.request != goes_over
            if is_unseen and (is_too_long or await is_over(busy.request.flow_run_id)):
                goes_over = busy.request
                continue
            if not waits_for_errand and (busy.request.action != asked.after or tries == PREDECESSOR_TRIES):
                raise _busy(asked, busy.request) from None
        tries += 1
        await _let_go_on()


def _busy(asked: Asked, with_: Request) -> StepRefused:
    return StepRefused(
        f"Service {asked.service_id} is busy with {with_.action} since {with_.opened_at:%H:%M} UTC "
        f"({run_link(with_.flow_run_id)}). Wait for it or cancel it, then press Retry."
    )


async def _let_go_on() -> None:
    await asyncio.sleep(PREDECESSOR_SECONDS)  # real seconds, as heartbeats are
