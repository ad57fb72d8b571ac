"""Another server for a service that its client uses: the client has both for some days, then the old one is wiped."""

import secrets

from ledger import leftovers, services
from ledger.errors import ServiceNotFound
from ledger.orders import LONGEST_WIPE_DELAY
from ledger.snapshots import Service
from ledger.states import State
from runtime.clock import clock
from runtime.connections import connections, ledger, whmcs_api
from runtime.errors import StepRefused
from runtime.incarnation import require_one
from tasks.allocation import check_one_fits
from tasks.order import order_of
from tasks.whose import check_whose

HOURS_A_DAY = 24
MOST_DAYS = LONGEST_WIPE_DELAY // HOURS_A_DAY


async def exchange(service_id: int, *, who: str, why: str, to: int | None, wipe_after_days: int) -> str:
    """Have the service activated on another server, and its old one wiped after so many days; returns a line about it.

    The old server becomes a leftover, whose deletion starts at once and sits the days out with its ports on, under all
    the rules for a wipe and with a permit of its own. `to`: the server that it gets; None: any that fits.
    Refused: no reason or too many days; the service is not ACTIVE here and in use in WHMCS; no server fits.
    Raises LedgerError, PanelError, WhmcsError, PrefectUnreachable.
    """
    if not (who.strip() and why.strip()):
        raise StepRefused(f"An exchange of service {service_id}'s server needs a name and a reason: both are kept.")
    if not 1 <= wipe_after_days <= MOST_DAYS:
        raise StepRefused(
            f"A client has 1 to {MOST_DAYS} days to move to another server, not {wipe_after_days}. Nothing was done."
        )
    await require_one()
    service = await _in_use(service_id)
    order = order_of(service)
    # What was chosen for the order before is the server that it leaves.
    await check_one_fits(service, order.model_copy(update={"server_id": to}))
    leftover = await leftovers.exchange(
        ledger(),
        service_id,
        who=who,
        why=why,
        now=clock().now(),
        epoch=service.epoch,
        wipe_delay_hours=wipe_after_days * HOURS_A_DAY,
        server_id=to,
    )
    for action, number in (("activate", service_id), ("terminate", leftover.service_id)):
        await connections().start_run(
            f"{action}/whmcs",
            {"service_id": number, "panel": service.panel, "requested_by": "admin", "who": who},
            f"exchange-{action}-{number}-{secrets.token_hex(8)}",
        )
    old = leftover.claim.server_id if leftover.claim is not None else "its old one"
    return (
        f"Service {service_id} is being activated on another server. Server {old} stays its client's as leftover "
        f"{leftover.service_id} and is wiped in {wipe_after_days} day(s); until then "
        f"`dciflow bring-back {leftover.service_id}` keeps it."
    )


async def _in_use(service_id: int) -> Service:
    """The service, ACTIVE in the ledger and in use in WHMCS. Raises StepRefused, ServiceNotFound, Held, WhmcsError."""
    service = await services.get(ledger(), service_id)
    if service is None:
        raise ServiceNotFound(service_id)
    if service.state is not State.ACTIVE or service.claim is None or not service.is_known_to_whmcs:
        raise StepRefused(
            f"Service {service_id} is {service.state}: a server is exchanged for an ACTIVE service. Nothing was done."
        )
    row = await (await whmcs_api()).services.get(service_id)
    check_whose(service, row)
    if row.meaning.desired != "active":
        raise StepRefused(
            f"Service {service_id} is {row.status} in WHMCS: a server is exchanged for one in use. Nothing was done."
        )
    return service
