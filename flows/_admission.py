"""Whether what was asked for may begin: from where its service stands, and not while that is HELD or protected."""

from collections.abc import Collection

from flows._request import LOOKS_AGAIN, OpenRequest
from ledger.errors import Protected
from ledger.states import State
from runtime.errors import StepRefused
from runtime.run_log import run_log

TAKES_AWAY = frozenset({"suspend", "terminate", "reinstall"})
"""What a protected service is protected from."""


def may_begin(request: OpenRequest, ends_in: State, begins_with: Collection[State]) -> bool:
    """False: the service is there already. Raises StepRefused: it cannot be done from where the service stands."""
    service = request.service
    _check_not_held(request)
    _check_protection(request)
    if request.action in LOOKS_AGAIN and (service.claim is None or service.claim.active_since is None):
        begins_with = set(begins_with) - {State.INSTALLING}  # an activation's: only a reinstallation's is a client's
    if service.state in begins_with or (service.state is ends_in and request.action in LOOKS_AGAIN):
        return True
    if service.state is ends_in:
        run_log().info("service %s is %s already: nothing to do", service.service_id, service.state)
        return False
    raise StepRefused(
        f"Service {service.service_id} is {service.state}: {request.action} is for services that are "
        f"{', '.join(sorted(str(state) for state in begins_with))}. Nothing was touched."
    )


def check_errand(request: OpenRequest, begins_with: Collection[State], for_clients: Collection[State]) -> None:
    """Raises StepRefused: the errand is not for a service that stands there, or not for its client then."""
    service = request.service
    _check_not_held(request)
    allowed = for_clients if request.requested_by == "client" else begins_with
    if service.state not in allowed:
        whose = " by its client" if service.state in begins_with else ""
        raise StepRefused(
            f"Service {service.service_id} is {service.state}: {request.action} is not for it{whose} now. "
            "Nothing was touched."
        )


def _check_not_held(request: OpenRequest) -> None:
    service = request.service
    if service.state is State.HELD:
        raise StepRefused(
            f"Service {service.service_id} is HELD ({service.held_reason}): a person has to decide first, "
            "see `dciflow held list`. Nothing was touched."
        )


def _check_protection(request: OpenRequest) -> None:
    """Raises StepRefused: the service is protected from what is asked for (safety rules 8 and 9)."""
    service = request.service
    if service.protected_at is None or request.action not in TAKES_AWAY:
        return
    if request.action != "suspend":
        raise StepRefused(str(Protected(service.service_id)))
    if request.requested_by != "admin":
        raise StepRefused(
            f"Service {service.service_id} is protected: only an administrator may {request.action} it, and "
            f"{request.requested_by} asked. Nothing was touched."
        )
