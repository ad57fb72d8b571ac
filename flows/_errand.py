"""What all errands share: a request like a lifecycle's, which leaves the service's state as it is.

An errand is asked for after the sale: power, a way into the panel, addresses. A client may ask for it only so often.
What was asked for long ago is not done: whoever still wants it presses again (safety rule 17).
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any, ParamSpec

from prefect import Flow, flow

from flows._admission import check_errand
from flows._client_limit import ClientLimit, OftenCheck, check_asked
from flows._lifecycle import accepting, restart_on_outage
from flows._request import Asked, OpenRequest, open_request, told_if_overtaken
from ledger import requests
from ledger.errand_counts import was_done
from ledger.snapshots import Request
from ledger.states import State
from runtime.alerts import alert_on_failure
from runtime.connections import ledger
from runtime.driver import ERRANDS, current_drive
from runtime.errors import StepRefused
from runtime.run_log import one_line_of_the_unforeseen, quiet_expected_ends, run_log
from tasks.expiry import EXPIRES
from tasks.progress import notify_whmcs_of_end

P = ParamSpec("P")

PARAMETERS = """

Args:
    service_id: The service's number in WHMCS.
    panel: The panel that has its server, as named in its block dcimanager-panel/<name>.
    requested_by: Who asks. A client is refused where it is asked for too often, or not theirs to ask.
    identity: Whose service it is, as WHMCS sends it. A client's errand is refused without it.
    asked_at: When WHMCS asked for it. None: now.
    who: The name of the member of staff who asks; it is recorded.
"""
"""What the Prefect UI's form says of each parameter that all errands have."""


def errand(
    *, begins_with: Collection[State], for_clients: Collection[State], limit: ClientLimit
) -> Callable[[Callable[P, Awaitable[None]]], "Flow[P, Any]"]:
    """Make a Prefect flow of an errand's steps: one open request per service, whose state stays as it is.

    begins_with: the states in which staff may ask. for_clients: those of them in which the client may.
    """

    def decorate(body: Callable[P, Awaitable[None]]) -> "Flow[P, Any]":
        given_to = accepting(body)
        action = body.__name__.replace("_", "-")
        if action not in ERRANDS:
            raise AssertionError(
                f"{action} is not named in runtime/driver.py (ERRANDS): no lifecycle would wait for it"
            )

        @functools.wraps(body)
        async def run(*args: P.args, **kwargs: P.kwargs) -> None:
            quiet_expected_ends()
            given = given_to(*args, **kwargs)
            words = given.arguments
            asked = Asked(action, **{name: words[name] for name in SHARED if name in words})
            check_asked(asked)

            often = OftenCheck(limit)

            async def once() -> None:
                async with told_if_overtaken(), open_request(asked) as request:
                    opened = await requests.get(ledger(), request.driver.request_id)
                    if opened is not None and await was_done(ledger(), asked.service_id, asked.flow_run_id):
                        run_log().info("%s was done by an earlier try of this run: nothing is done again", action)
                        return
                    await request.check_whose()
                    check_errand(request, begins_with, for_clients)
                    _check_in_time(request, opened)
                    await often.check(request)
                    await body(*given.args, **given.kwargs)

            with alert_on_failure(action, asked.service_id, asked.panel), one_line_of_the_unforeseen():
                await restart_on_outage(once)

        run.__doc__ = f"{inspect.getdoc(body)}{PARAMETERS}"
        return flow(
            name=action,
            description=inspect.getdoc(body),
            persist_result=False,
            on_completion=[notify_whmcs_of_end],
            on_failure=[notify_whmcs_of_end],
            on_cancellation=[notify_whmcs_of_end],
            validate_parameters=False,  # as of a lifecycle: `accepting` has one model for all runs
        )(run)

    return decorate


SHARED = ("service_id", "panel", "requested_by", "identity", "asked_at", "who")
"""The parameters that every errand has; the others are its own."""


def _check_in_time(request: OpenRequest, opened: Request | None) -> None:
    """Raises StepRefused: the run begins long after it was asked for. One that began in time may go on later."""
    began: datetime = opened.opened_at if opened is not None else current_drive().since
    late = began - current_drive().asked_first
    if late > EXPIRES:
        raise StepRefused(
            f"{request.action.capitalize()} was asked for {late.total_seconds() / 60:.0f} minutes before it could "
            "begin, so it was not done. Ask again if it is still wanted."
        )
