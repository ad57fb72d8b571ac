"""What all lifecycles share: parameters, request, the restart after an outage, and what WHMCS is told at the end."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec

from prefect import Flow, flow
from pydantic import ValidationError, validate_call
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random

from flows._admission import may_begin
from flows._client_limit import ClientLimit, OftenCheck, check_asked
from flows._request import Asked, open_request, told_if_overtaken
from ledger.snapshots import FIRST_LEFTOVER
from ledger.states import State
from runtime.alerts import alert_on_failure
from runtime.clock import clock
from runtime.errors import StepRefused
from runtime.run_log import one_line_of_the_unforeseen, quiet_expected_ends, run_log
from runtime.slots import abort_quietly, slot_released
from runtime.steps import INTERRUPTIONS, UNREACHABLE
from tasks.progress import notify_whmcs_of_end
from tasks.reinstall import require_no_reinstallation

Requester = Literal["cron", "admin", "client", "api", "flow"]
"""Who asks. "flow": an activation that found its service ended in WHMCS; what it asks for is looked at once more."""

P = ParamSpec("P")

PARAMETERS = """

Args:
    service_id: The service's number in WHMCS.
    panel: The panel that sells it, as named in its block dcimanager-panel/<name>.
    requested_by: Who asks; it is recorded. A protected service is suspended for an admin only.
    who: The name of the member of staff who asks; it is recorded.
    order: What to deliver. None runs the service's last order again.
    identity: Whose service it is, as WHMCS sends it. None: what WHMCS itself shows is compared.
    asked_at: When WHMCS asked for it. None: now.
    wish: What WHMCS showed of the service then. None: not known.
"""
"""What the Prefect UI's form says of each parameter: Prefect reads it from the flow's docstring."""

ASKED = ("service_id", "panel", "requested_by", "order", "identity", "asked_at", "wish", "who")
"""The parameters that lifecycles share; the others are a lifecycle's own."""

SHOWS_PROGRESS = frozenset({"activate", "watch-os-install", "terminate", "reinstall"})
"""WHMCS shows the progress of these and is notified of their end. The others end while its command waits, or its cron
looks at them: to notify it of hundreds of suspensions would take as long as doing them."""

MAX_STARTS = 5
"""Starts of one run while the ledger or Prefect is away; the ledger's own retries take a minute each time."""

MAX_STARTS_UNREACHABLE = 2
"""Starts of one run while the panel or WHMCS is away. One restart suffices: every step before has retried for 100 s."""


def lifecycle(
    ends_in: State, *, begins_with: Collection[State], after: str | None = None, limit: ClientLimit | None = None
) -> Callable[[Callable[P, Awaitable[State | None]]], "Flow[P, Any]"]:
    """Make a Prefect flow of a lifecycle's steps: one open request per service, its state moved when they are done.

    A service that is in `ends_in` already is left as it is. The body may return another state to end in. A lifecycle
    that comes `after` another action waits while that one is still at its end; every other one is refused then.
    `limit`: a client may ask for it, so often; without one it is WHMCS's own command.
    """

    def decorate(body: Callable[P, Awaitable[State | None]]) -> "Flow[P, Any]":
        given_to = accepting(body)
        action = body.__name__.replace("_", "-")

        @functools.wraps(body)
        async def run(*args: P.args, **kwargs: P.kwargs) -> None:
            quiet_expected_ends()
            given = given_to(*args, **kwargs)
            words = given.arguments
            asked = Asked(action, **{name: words[name] for name in ASKED if name in words}, after=after)
            order, service_id, panel = asked.order, asked.service_id, asked.panel
            if service_id <= 0:  # a negative number is a rehearsal's, which the gate lets pass
                raise StepRefused(f"{service_id} is no service of WHMCS: their numbers are positive.")
            if service_id >= FIRST_LEFTOVER and action != "terminate":
                raise StepRefused(f"{service_id} is a server that was left for another one: it can only be terminated.")

            often = None
            if limit is not None:
                check_asked(asked)
                often = OftenCheck(limit)

            async def once() -> None:
                async with told_if_overtaken(), open_request(asked) as request:
                    await request.check_whose()
                    if may_begin(request, ends_in, begins_with):
                        await require_no_reinstallation(request.service, action)
                        if often is not None:
                            await often.check(request)
                        if order is not None:
                            await request.keep(panel, order)
                        await request.check_proofs(panel)
                        reached = await body(*given.args, **given.kwargs)
                        request.ends_in = reached or ends_in

            with alert_on_failure(action, service_id, panel), one_line_of_the_unforeseen():
                await restart_on_outage(once)

        run.__doc__ = f"{inspect.getdoc(body)}{PARAMETERS}"
        return flow(
            name=action,
            description=inspect.getdoc(body),
            persist_result=False,
            on_completion=[notify_whmcs_of_end] if action in SHOWS_PROGRESS else None,
            on_failure=[notify_whmcs_of_end],
            on_cancellation=[notify_whmcs_of_end],
            validate_parameters=False,  # Prefect would make a model of the signature for each run; `accepting` has one
        )(run)

    return decorate


async def restart_on_outage(once: Callable[[], Awaitable[None]]) -> None:
    """Run `once` again after an outage of ledger or Prefect (MAX_STARTS) or of panel or WHMCS (MAX_STARTS_UNREACHABLE).

    This is safe, since an intent is in the ledger before it is sent, and each step looks before it acts.
    Raises the last error.
    """
    again = functools.partial(
        AsyncRetrying,
        wait=wait_random(2, 8),  # a hundred runs that failed together must not come back together
        sleep=_sleep,
        before_sleep=_log_restart,
        reraise=True,
    )
    outage = again(retry=retry_if_exception_type(INTERRUPTIONS), stop=stop_after_attempt(MAX_STARTS))
    unreachable = again(retry=retry_if_exception_type(UNREACHABLE), stop=stop_after_attempt(MAX_STARTS_UNREACHABLE))
    await unreachable(outage, once)


async def _sleep(seconds: float) -> None:
    try:
        async with slot_released():
            await clock().sleep(seconds)
    except asyncio.CancelledError:
        abort_quietly()
        raise


def _log_restart(tried: RetryCallState) -> None:
    why = tried.outcome.exception() if tried.outcome else None
    run_log().warning("%s The run starts again, from what the ledger says.", why)


def accepting(body: Callable[P, Awaitable[Any]]) -> Callable[P, inspect.BoundArguments]:
    """What reads a run's parameters into the body's own, in their types and with its defaults.

    One model for all runs. It raises StepRefused: a parameter has another type.
    """
    signature = inspect.signature(body)

    @validate_call
    @functools.wraps(body)
    def accept(*args: P.args, **kwargs: P.kwargs) -> inspect.BoundArguments:
        return signature.bind(*args, **kwargs)

    def given(*args: P.args, **kwargs: P.kwargs) -> inspect.BoundArguments:
        with _refusing_wrong_types():
            read = accept(*args, **kwargs)
        read.apply_defaults()
        return read

    return given


@contextmanager
def _refusing_wrong_types() -> Iterator[None]:
    """Make one line of parameters that a caller sent past Prefect's own check. Raises StepRefused."""
    try:
        yield
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
        raise StepRefused(f"The parameters are wrong ({'; '.join(wrong)}). Nothing was touched.") from None
