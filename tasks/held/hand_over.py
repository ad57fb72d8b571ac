"""A server handed over to the client whom WHMCS moved its service to: the owner on the panel, then the ledger."""

from datetime import datetime

from ledger import decisions, requests
from ledger.errors import DecidedAlready
from ledger.hold_reasons import HoldReason
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Service
from ledger.states import State
from runtime.clock import clock
from runtime.connections import ledger, whmcs_api
from runtime.driver import begin_drive, close_as
from runtime.errors import Held, StepRefused
from runtime.gate import require_entries
from runtime.heartbeat import STALLED_AFTER, keep_alive
from tasks.owner import replace_owner, user_of
from tasks.whose import explain, identity_of
from whmcs.clients import Client

ACTION = "hand-over"
"""What its request is called in the ledger."""


async def hand_over(
    service: Service, *, who: str, why: str, now: datetime, held_at: datetime | None, flow_run_id: str | None
) -> None:
    """Make the new client the owner of the server, record both, and let the service go back to where it was.

    Interrupted in between, the service stays HELD and a second try goes on from what the panel shows.
    Refused: WHMCS shows another order or registration date, or neither is known; the service is midway; the new
    client's panel user is an administrator or another client's. Raises DecidedAlready.
    """
    client, identity = await _whose_it_is_now(service, held_at)
    number = service.service_id
    driver, opened = await requests.open(
        ledger(),
        service_id=number,
        panel=service.panel,
        action=ACTION,
        flow_run_id=flow_run_id or f"{ACTION}-service-{number}",
        requested_by="admin",
        who=who,
        now=now,
        silent_after=STALLED_AFTER,
    )
    drive = begin_drive(driver, opened)
    try:
        with keep_alive(driver):
            panel = await drive.panel()
            await require_entries(panel, opened, ("user_create", "owner_set"), what="its hand-over")
            owner_id = await user_of(panel, client, service=opened)
            await replace_owner(opened, owner_id)
            await decisions.hand_over(
                ledger(),
                number,
                identity=identity,
                owner_id=owner_id,
                who=who,
                why=why,
                now=clock().now(),
                held_at=held_at,
                flow_run_id=flow_run_id,
            )
    except Held as stopped:
        await close_as(driver, "failed", stopped.text)
        raise StepRefused(f"{stopped.text} Put that right, then hand service {number} over again.") from None
    except BaseException as error:
        await close_as(driver, "failed", str(error))
        raise


async def _whose_it_is_now(service: Service, held_at: datetime | None) -> tuple[Client, ServiceIdentity]:
    number = service.service_id
    if held_at is not None and service.held_at != held_at:
        raise DecidedAlready(f"Service {number} is HELD anew: look again.")
    if service.held_reason != HoldReason.CLIENT_CHANGED:
        raise StepRefused(
            f"Service {number} is HELD ({service.held_reason}): only one that is HELD (client-changed) is handed over."
        )
    if service.held_from not in (State.ACTIVE, State.SUSPENDED) or service.claim is None:
        raise StepRefused(
            f"Service {number} was {service.held_from} when it was HELD: only an ACTIVE or SUSPENDED one is handed "
            "over. Give it back to its client in WHMCS, retry, and move it when that is over."
        )
    whmcs = await whmcs_api()
    seen = identity_of(await whmcs.services.get(number))
    if not seen.differs_from(service):
        raise StepRefused(
            f"WHMCS shows service {number} for client {seen.client_id}, as recorded: retry or release it."
        )
    if not seen.was_moved(service):
        raise StepRefused(f"Service {number} is not handed over: {explain(service, seen)}")
    return await whmcs.clients.get(seen.client_id), seen
