"""Whether WHMCS still wants what a run was asked for (safety rule 17; docs/safety.md has the rule in full).

A run that begins within a minute is the wish itself: WHMCS runs its command before it writes the new status. Whatever
begins later, and every wipe at its permit, looks at WHMCS's own row and compares it with what the row was then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger import requests
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Permit, Request, Service
from ledger.states import State
from ledger.wishes import KeptWish
from runtime.driver import driving
from runtime.errors import Held, Overtaken, StepRefused
from runtime.run_log import run_log
from runtime.steps import reads
from tasks.grace import grace
from tasks.whose import TAKEN_BACK, ordered_by_a_person, whmcs_row
from whmcs.errors import WhmcsNotFound, WhmcsUnreachable
from whmcs.services import WhmcsService

FRESH = timedelta(seconds=60)
"""A command waits ten seconds for its run, and WHMCS writes the status right after; the rest is for slow machines."""

ORDER_LASTS = timedelta(hours=1)
"""So long after its request was closed may a Retry in place go on with a deletion that WHMCS does not show as ended."""

MOST_BEFORE = 20
"""Requests before that are looked at: a deletion that is stopped more often than this needs WHMCS's word."""

LOOKS_EVERY = timedelta(hours=1)
"""How often a deletion in its wipe delay looks whether it is still wanted."""


async def confirm_wish(service: Service) -> None:
    """Look, before anything is touched, whether what the run was asked for still holds. A fresh wish costs no call.

    Raises Overtaken: a suspension that WHMCS would not ask for now. Refused: a deletion that WHMCS does not want any
    more, or the return of a service that it has ended. Held: a deletion that has begun and that WHMCS does not want any
    more, or of a service that WHMCS does not show.
    """
    if not service.is_known_to_whmcs:
        return
    drive = driving(service)
    is_late = _age(service, drive.asked_first) > FRESH
    may_have_waited = drive.action == "suspend" and grace(service) > timedelta(0)
    if not is_late and not may_have_waited and drive.action != "terminate":
        return
    request = await _current(service)
    if request is None:
        return
    match drive.action:
        case "terminate":
            await _confirm_deletion(service, request, is_late=is_late)
        case "suspend" if is_late or grace(service, request.requested_by) > timedelta(0):
            await confirm_suspension(service, request)
        case "unsuspend" if request.asked_at is not None:  # else a person's own word, as when it was brought back
            await confirm_return(service)


@reads("WHMCS would suspend now", run_name="look whether WHMCS would suspend service {service.service_id} now")
async def confirm_suspension(service: Service, request: Request) -> None:
    """Ask WHMCS whether it would suspend the service now.

    Raises Overtaken: it was paid, is overridden, or is not to be suspended for another reason of WHMCS.
    """
    row = await whmcs_row(service, fresh=True)
    why = _not_suspended(service, row, request)
    if why is not None:
        raise Overtaken(f"Overtaken: service {service.service_id} {why}. It stays on the network; nothing was touched.")


def _not_suspended(service: Service, row: WhmcsService, request: Request) -> str | None:
    """Why WHMCS would not suspend the service now; None: it would."""
    if row.meaning.desired == "suspended":
        return None
    if row.meaning.desired != "active":
        return f"is {row.status} in WHMCS by now"
    if request.requested_by == "admin":
        return f"is {row.status} in WHMCS: press Suspend there once more if it should be"
    today = f"{driving(service).now():%Y-%m-%d}"
    if row.next_due == "" or row.next_due >= today:
        return f"is paid in WHMCS until {row.next_due or 'further notice'}"
    if request.wish is not None and request.wish.next_due != row.next_due:
        return f"was paid since the suspension was asked for: its next due date is {row.next_due} now"
    if row.never_suspended and (row.not_suspended_until == "" or row.not_suspended_until >= today):
        return "is not to be suspended: staff have overridden it in WHMCS"
    return None


@reads("WHMCS has not ended the service", run_name="look whether WHMCS has ended service {service.service_id}")
async def confirm_return(service: Service) -> None:
    """Look before a service comes back late. Refused: WHMCS has ended it meanwhile."""
    row = await whmcs_row(service, fresh=True)
    if row.meaning.over:
        raise StepRefused(
            f"Service {service.service_id} is {row.status} in WHMCS by now: it stays off the network. "
            "Set it Active there and press Unsuspend if it should come back."
        )


async def confirm_overwrite(service: Service) -> WhmcsService:
    """Ask WHMCS, before a client's OS is installed over, whether the service is still this client's and Active.

    Returns WHMCS's row of this moment. Refused: it is not Active by now. Raises what `whmcs_row` raises: Held, where it
    is another client's; WhmcsNotFound, where it is not shown.
    """
    row = await whmcs_row(service, fresh=True)
    if row.meaning.desired != "active":
        raise StepRefused(f"Service {service.service_id} is {row.status} in WHMCS by now, so it is not reinstalled.")
    return row


class _Order(NamedTuple):
    """The deletion that a run carries out."""

    request: Request
    wish: KeptWish | None
    is_over: bool
    """Whether it was closed long ago, or was of the server before this one: no order any more."""


async def _confirm_deletion(service: Service, request: Request, *, is_late: bool) -> None:
    if service.claim is None or service.state is State.ERASING or request.requested_by == "flow":
        return  # nothing to take back; the permit asks; an activation's own deletion has its own look
    if await ordered_by_a_person(service):
        return
    order = await _order(service, request)
    if is_late or order.is_over or (request.wish is None and order.wish is not None):
        await confirm_deletion(service, order)
    elif order.wish is None:
        row = await _row(service)
        await _keep(service, _seen(row, told_at_end=True))


@reads("WHMCS still wants it deleted", run_name="look whether WHMCS still wants service {service.service_id} deleted")
async def confirm_deletion(service: Service, order: _Order) -> None:
    """Ask WHMCS whether the deletion still holds, and keep with the request what it was asked for."""
    await _confirm(service, order)


async def _confirm(service: Service, order: _Order) -> None:
    row = await _row(service)
    if not _holds(service, order, row):
        raise _wanted_again(service, row)
    if order.wish is not None or row.meaning.over:
        kept = order.wish or _seen(row, told_at_end=True)
        await _keep(service, kept.model_copy(update={"ended": kept.ended or row.meaning.over}))


async def confirm_wipe(service: Service, present: Permit | None) -> None:
    """Ask WHMCS once more, right before a server's first permit is written or used: there is no way back from there.

    Not asked of a rehearsal, nor once a wipe may have begun. A person's own order, `dciflow held terminate`, is the
    wish itself. Held: WHMCS does not show the service as ended by now.
    """
    began = present is not None and present.used_at is not None
    if not service.is_known_to_whmcs or began or await ordered_by_a_person(service):
        return
    request = await _current(service)
    if request is not None:
        await _confirm(service, await _order(service, request))


async def look_again(service: Service) -> None:
    """The look of a deletion in its wipe delay: a WHMCS that is away is asked an hour later. Raises Held."""
    try:
        await confirm_wipe(service, None)
    except WhmcsUnreachable as away:
        run_log().warning("whether WHMCS still wants service %s deleted is not known: %s", service.service_id, away)


def _holds(service: Service, order: _Order, row: WhmcsService) -> bool:
    if row.meaning.over:
        return True
    wish, request = order.wish, order.request
    if request.requested_by == "flow" or order.is_over or wish is None or wish.ended:
        return False
    if (row.status, row.next_due) != (wish.status, wish.next_due):
        return False  # paid, or set by staff: a later wish
    asked = min(request.asked_at or request.opened_at, request.opened_at, driving(service).asked_first)
    return wish.told_at_end or _age(service, asked) <= FRESH


def _age(service: Service, since: datetime) -> timedelta:
    # Not `elapsed`: WHMCS and Prefect live in real time, however fast this process's clock runs.
    return driving(service).now() - since


async def _row(service: Service) -> WhmcsService:
    try:
        return await whmcs_row(service, fresh=True)
    except WhmcsNotFound as missing:  # safety rule 9: that is no wish to delete it
        raise Held(
            HoldReason.WANTED_AGAIN,
            f"WHMCS shows no service {service.service_id}, so it does not say that its server is to be wiped.",
        ) from missing


def _wanted_again(service: Service, row: WhmcsService) -> StepRefused | Held:
    text = f"Service {service.service_id} is {row.status} in WHMCS by now"
    if service.state in TAKEN_BACK:
        return Held(
            HoldReason.WANTED_AGAIN,
            f"{text}, and its server was not wiped.",
            next_due=row.next_due or "none",
        )
    return StepRefused(
        f"{text}: its server is left to it, nothing was touched. Delete it in WHMCS if it should go all the same."
    )


async def _current(service: Service) -> Request | None:
    """The request that this run drives, as the ledger has it."""
    return await requests.get(driving(service).ledger, driving(service).driver.request_id)


async def _order(service: Service, request: Request) -> _Order:
    """The run's order, or the one that it goes on with.

    That is its own of before, one that stopped before a person, or the one that began to take the server back.
    """
    drive = driving(service)
    newest = await requests.newest(drive.ledger, service.service_id, request.action, limit=MOST_BEFORE)
    before = [one for one in newest if one.id != request.id and one.closed_at is not None]
    began = service.releasing_since
    goes_on = [
        one
        for nth, one in enumerate(before)
        if one.flow_run_id == request.flow_run_id
        or (nth == 0 and one.outcome == "held")
        or (began is not None and one.closed_at is not None and one.closed_at >= began)
    ]
    wish = request.wish or next((one.wish for one in goes_on if one.wish is not None), None)
    is_over = bool(before) and _was_over(service, request, before[0])
    return _Order(request, wish, is_over or _is_of_another_server(service, request, before))


def _was_over(service: Service, request: Request, before: Request) -> bool:
    is_own = before.flow_run_id == request.flow_run_id and before.outcome != "held"
    return is_own and before.closed_at is not None and _age(service, before.closed_at) > ORDER_LASTS


def _is_of_another_server(service: Service, request: Request, before: Sequence[Request]) -> bool:
    """Whether the run was asked for before the service got the server that it has: it was taken back since."""
    if service.claim is None:
        return False
    since = service.claim.claimed_at
    asked = min(request.asked_at or request.opened_at, driving(service).asked_first)
    has_begun = any(one.flow_run_id == request.flow_run_id and one.opened_at < since for one in before)
    return has_begun or asked < since - FRESH  # WHMCS's clock may be a little behind the ledger's


def _seen(row: WhmcsService, *, told_at_end: bool) -> KeptWish:
    return KeptWish(status=row.status, next_due=row.next_due, told_at_end=told_at_end, ended=row.meaning.over)


async def _keep(service: Service, wish: KeptWish) -> None:
    drive = driving(service)
    await drive.write(requests.keep_wish, wish=wish)
