"""What all lifecycles share: the request that is opened and closed, the state reached, names, tags, the card."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal, ParamSpec

from prefect import Flow, flow
from pydantic import ValidationError, validate_call
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random

from dcimanager.errors import WrongCredentials
from ledger import requests, services
from ledger.errors import Busy, Elsewhere, Outage, Protected, Unknown
from ledger.lifecycle import State
from ledger.orders import Order
from ledger.snapshots import Driver, Request, Service
from tasks.alerts import sounding_the_end
from tasks.card import show_card
from tasks.clock import clock
from tasks.closing import close_as, finish, hold
from tasks.connections import forget_panel, ledger
from tasks.effects import BROKE_OFF, SILENT
from tasks.heart import SILENT_AFTER, beating
from tasks.identity import drive
from tasks.log import one_line_of_the_unforeseen, quiet_expected_ends, run_log
from tasks.outcomes import Held, NoLongerWanted, Refusal
from tasks.progress import label, tell_the_end
from tasks.release import take_back
from tasks.reorder import check_reorder
from tasks.run import is_over, label_run, run_id, run_link
from tasks.seat import goes_on_later, stop_quietly

Requester = Literal["cron", "admin", "client", "api", "flow"]
"""Who asks. "flow": an activation that found its service ended in WHMCS; what it asks for is looked at once more."""

P = ParamSpec("P")

PARAMETERS = """

Args:
    service_id: The service's number in WHMCS.
    panel: The panel that sells it, as named in its block dcimanager-panel/<name>.
    requested_by: Who asks; it is recorded. A protected service is suspended for an admin only.
    order: What to deliver. None runs the service's last order again.
"""
"""What the Prefect UI's form says of each parameter: Prefect reads it from the flow's docstring."""

SHOWS_PROGRESS = frozenset({"activate", "watch-os-install", "terminate"})
"""WHMCS shows how far these are, and is told of their end. The others end while it waits, or are looked at by its cron:
to tell it of hundreds of suspensions would take as long as doing them."""

LOOKS_AGAIN = frozenset({"suspend", "unsuspend"})
"""Asked for again, these look at the ports again: a hand may have switched them meanwhile."""

TAKES_AWAY = frozenset({"suspend", "terminate"})
"""What a protected service is protected from."""

PATIENCE_SECONDS = 2.0
PATIENCE_TRIES = 60
"""Two minutes, in which an activation that handed over ends, or is silent for so long that it counts as dead."""

BEGINS = 5
"""So often a run begins that broke off, with the ledger's own minute of patience each time."""

BEGINS_IN_SILENCE = 2
"""Once more suffices for a restart: what is not repeated by itself comes after steps that are, for 100 s each."""


def lifecycle(
    ends_in: State, *, begins_with: Collection[State], after: str | None = None
) -> Callable[[Callable[P, Awaitable[State | None]]], "Flow[P, Any]"]:
    """Make a Prefect flow of a lifecycle's steps: one open request per service, its state moved when they are done.

    A service that is in `ends_in` already is left as it is. The body may return another state to end in. A lifecycle
    that comes `after` another action waits while that one is still at its end; every other one is refused then.
    """

    def decorate(body: Callable[P, Awaitable[State | None]]) -> "Flow[P, Any]":
        signature = inspect.signature(body)
        action = body.__name__.replace("_", "-")

        @validate_call
        @functools.wraps(body)
        def accept(*args: P.args, **kwargs: P.kwargs) -> inspect.BoundArguments:
            return signature.bind(*args, **kwargs)

        @functools.wraps(body)
        async def run(*args: P.args, **kwargs: P.kwargs) -> None:
            quiet_expected_ends()
            with _refusing_wrong_types():
                given = accept(*args, **kwargs)
            given.apply_defaults()
            asked = given.arguments
            order: Order | None = asked.get("order")
            service_id, panel = asked["service_id"], asked["panel"]

            async def once() -> None:
                async with _request(action, service_id, panel, asked["requested_by"], order, after) as request:
                    if request.may_begin(ends_in, begins_with):
                        if order is not None:
                            await request.keep(panel, order)
                        reached = await body(*given.args, **given.kwargs)
                        request.ends_in = reached or ends_in

            with sounding_the_end(action, service_id, panel), one_line_of_the_unforeseen():
                await _beginning_anew(once)

        run.__doc__ = f"{inspect.getdoc(body)}{PARAMETERS}"
        return flow(
            name=action,
            description=inspect.getdoc(body),
            persist_result=False,
            on_completion=[tell_the_end] if action in SHOWS_PROGRESS else None,
            on_failure=[tell_the_end],
            on_cancellation=[tell_the_end],
            validate_parameters=False,  # Prefect would make a model of the signature for each run; `accept` is one
        )(run)

    return decorate


async def _beginning_anew(once: Callable[[], Awaitable[None]]) -> None:
    """Begin once more what broke off for others' reasons, as after a death: by what the ledger says then.

    That is why this is safe: what was intended stands in it before it is sent, and each step looks first.
    Raises what it broke off with: again and again.
    """
    again = functools.partial(
        AsyncRetrying,
        wait=wait_random(2, 8),  # a hundred runs that broke off together must not come back together
        sleep=_sleep,
        before_sleep=_tell_why,
        reraise=True,
    )
    broke_off = again(retry=retry_if_exception_type(BROKE_OFF), stop=stop_after_attempt(BEGINS))
    silence = again(retry=retry_if_exception_type(SILENT), stop=stop_after_attempt(BEGINS_IN_SILENCE))
    await silence(broke_off, once)


async def _sleep(seconds: float) -> None:
    try:
        await clock().sleep(seconds)
    except asyncio.CancelledError:
        stop_quietly()
        raise


def _tell_why(tried: RetryCallState) -> None:
    why = tried.outcome.exception() if tried.outcome else None
    run_log().warning("%s The run begins anew, by what the ledger says.", why)


@contextmanager
def _refusing_wrong_types() -> Iterator[None]:
    """Make one line of parameters that a caller sent past Prefect's own check. Raises Refusal."""
    try:
        yield
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
        raise Refusal(f"The parameters are wrong ({'; '.join(wrong)}). Nothing was touched.") from None


class _Request:
    """One action asked for on one service, while this run drives it."""

    def __init__(self, driver: Driver, service: Service, action: str, requested_by: str) -> None:
        self.driver = driver
        self.service = service
        self.action = action
        self.requested_by = requested_by
        self.ends_in: State | None = None

    async def keep(self, panel: str, order: Order) -> None:
        """Make this the service's last order. Only now: one that is refused must not replace what was delivered.

        Raises Refusal: what it changes was done already.
        """
        await check_reorder(self.service, order)
        self.service = await services.remember(
            ledger(),
            service_id=self.driver.service_id,
            panel=panel,
            client_id=order.client_id,
            order=order,
            now=clock().now(),
        )
        drive(self.driver, self.service)

    def may_begin(self, ends_in: State, begins_with: Collection[State]) -> bool:
        """False: the service is there already. Raises Refusal: it cannot be done from where the service stands."""
        service = self.service
        if service.state is State.HELD:
            raise Refusal(
                f"Service {service.service_id} is HELD ({service.held_reason}): a person has to decide first, "
                "see `dciflow held list`. Nothing was touched."
            )
        self._check_protection()
        if service.state in begins_with or (service.state is ends_in and self.action in LOOKS_AGAIN):
            return True
        if service.state is ends_in:
            run_log().info("service %s is %s already: nothing to do", service.service_id, service.state)
            return False
        raise Refusal(
            f"Service {service.service_id} is {service.state}: {self.action} is for services that are "
            f"{', '.join(sorted(str(state) for state in begins_with))}. Nothing was touched."
        )

    def _check_protection(self) -> None:
        """Raises Refusal: the service is protected from what is asked for (safety rules 8 and 9)."""
        service = self.service
        if service.protected_at is None or self.action not in TAKES_AWAY:
            return
        if self.action == "terminate":
            raise Refusal(str(Protected(service.service_id)))
        if self.requested_by != "admin":
            raise Refusal(
                f"Service {service.service_id} is protected: only an administrator may {self.action} it, and "
                f"{self.requested_by} asked. Nothing was touched."
            )


@asynccontextmanager
async def _request(
    action: str, service_id: int, panel: str, requested_by: str, order: Order | None, after: str | None
) -> AsyncIterator[_Request]:
    """Open the request, keep it alive, and close it with its outcome whatever happens.

    Raises Refusal: another run drives the service (the text has its link), the ledger does not know it, or its server
    is on another panel.
    """
    if order is not None and await services.get(ledger(), service_id) is None:
        await services.remember(ledger(), service_id=service_id, panel=panel, now=clock().now())
    driver, service = await _drive(action, service_id, panel, requested_by, after)
    drive(driver, service)
    request = _Request(driver, service, action, requested_by)
    shows_card = True  # unless all went well with an action that changes nothing that the card shows
    try:
        with beating(driver), one_line_of_the_unforeseen():
            client_id = order.client_id if order else service.client_id
            await label_run(action, service_id=service_id, panel=panel, client_id=client_id)
            yield request
    except Held as held:
        await label(state=State.HELD, held=held.reason)
        await hold(driver, held)
        raise
    except asyncio.CancelledError:
        if not goes_on_later():
            await asyncio.shield(close_as(driver, "cancelled", "cancelled by hand"))
        stop_quietly()
        raise
    except Outage:  # the request stays open for whoever goes on: this run itself, or the janitor has it driven again
        raise
    except Exception as error:
        if isinstance(error, WrongCredentials):
            forget_panel(panel)  # whoever comes next uses the block's credentials, which may be mended by then
        await close_as(driver, "failed", str(error))
        if isinstance(error, NoLongerWanted):
            await take_back(service_id)  # only now: it would be refused while this request is open
        raise
    else:
        await finish(driver, to=request.ends_in)
        shows_card = action not in LOOKS_AGAIN
        if shows_card and request.ends_in is not None:
            await label(state=request.ends_in)
    finally:
        if shows_card:
            await show_card(service_id)


async def _drive(
    action: str, service_id: int, panel: str, requested_by: str, after: str | None
) -> tuple[Driver, Service]:
    open_request = functools.partial(
        requests.open,
        ledger(),
        service_id=service_id,
        panel=panel,
        action=action,
        flow_run_id=run_id(),
        requested_by=requested_by,
        silent_after=SILENT_AFTER,
    )
    tries = 0
    is_over_already: Request | None = None
    while True:
        try:
            return await open_request(now=clock().now(), takeover=is_over_already)
        except Unknown:
            raise Refusal(
                f"The ledger does not know service {service_id}: nothing was touched. "
                "Activate it with an order first, or look after its server by hand."
            ) from None
        except Elsewhere as elsewhere:
            raise Refusal(
                f"Service {service_id} has its server on panel {elsewhere.panel}, not on {panel}. Nothing was touched."
            ) from None
        except Busy as busy:
            if await is_over(busy.request.flow_run_id) and busy.request != is_over_already:
                is_over_already = busy.request
                continue
            if busy.request.action != after or tries == PATIENCE_TRIES:
                raise Refusal(
                    f"Service {service_id} is busy with {busy.request.action} since {busy.request.opened_at:%H:%M} UTC "
                    f"({run_link(busy.request.flow_run_id)}). Wait for it or cancel it, then press Retry."
                ) from None
        tries += 1
        await asyncio.sleep(PATIENCE_SECONDS)  # real seconds, as a silence is measured in
