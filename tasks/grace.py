"""The grace of a suspension: hours between WHMCS's suspension and the server's, in which a payment undoes it.

No run waits for it: the suspension is handed to a run that Prefect starts at its end. That one asks WHMCS first, as
everything that begins late does (safety rule 17), and an unsuspension that was asked for meanwhile goes over it.
"""

from datetime import timedelta

from pydantic import JsonValue

from ledger import suspensions
from ledger.orders import LONGEST_GRACE
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Service
from ledger.states import State
from ledger.wishes import ServiceWish
from runtime.connections import connections
from runtime.driver import driving
from runtime.run_log import run_log
from runtime.settings import settings
from runtime.steps import ensures
from tasks.progress import set_run_labels

SUSPEND = "suspend/whmcs"

AT_ONCE = "admin"
"""Who presses Suspend by hand means now."""

TOO_SHORT = timedelta(minutes=1)
"""A rest of the grace that is not waited for: Prefect's clock and the ledger's differ a little."""


def grace(service: Service, requested_by: str = "cron") -> timedelta:
    """How long a suspension that they ask for waits. An adopted service, which has no order, has none."""
    if service.order is None or requested_by == AT_ONCE:
        return timedelta(0)
    return timedelta(hours=min(max(service.order.suspension_grace_hours, 0), LONGEST_GRACE))


async def is_put_off(
    service: Service, requested_by: str, identity: ServiceIdentity | None, wish: ServiceWish | None
) -> bool:
    """Put the suspension off while its grace lasts; False: it is done now. Without a grace it costs no call.

    The grace counts from when WHMCS asked. A service that is SUSPENDED already waits for nothing.
    """
    drive = driving(service)
    left = grace(service, requested_by) - drive.elapsed(drive.asked_first)
    if left <= TOO_SHORT or service.state is State.SUSPENDED:
        return False
    await put_off(service, left, requested_by, identity, wish)
    return True


@ensures("the suspension comes after its grace", run_name="put the suspension of service {service.service_id} off")
async def put_off(
    service: Service,
    left: timedelta,
    requested_by: str,
    identity: ServiceIdentity | None,
    wish: ServiceWish | None,
) -> None:
    """Have the same suspension run when its grace is over; asked twice by one run, it is one run.

    Nothing is touched until then. Raises PrefectUnreachable.
    """
    drive = driving(service)
    until = drive.now() + left / settings().clock_speed  # Prefect's clock runs at its own speed
    parameters: dict[str, JsonValue] = {
        "service_id": service.service_id,
        "panel": service.panel,
        "requested_by": requested_by,
        "asked_at": drive.asked_first.isoformat(),
    }
    if identity is not None:
        parameters["identity"] = identity.model_dump(mode="json")
    if wish is not None:
        parameters["wish"] = wish.model_dump(mode="json")
    await drive.write(suspensions.put_off, until=until)
    key = f"grace-{service.service_id}-{drive.driver.request_id}"
    await set_run_labels(next_run=await connections().start_run(SUSPEND, parameters, key, at=until))
    run_log().info(
        "service %s: its suspension comes at %s, if WHMCS still wants it then",
        service.service_id,
        f"{until:%Y-%m-%d %H:%M} UTC",
    )


async def end_grace(service: Service) -> None:
    """Forget a suspension that waits, once the service has come back. Where none waits it costs no call."""
    if service.claim is not None and service.claim.suspends_at is not None:
        await driving(service).write(suspensions.put_off, until=None)
