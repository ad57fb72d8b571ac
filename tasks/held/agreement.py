"""Where a service may go that is HELD because a side was restored: to what WHMCS and the panel agree on.

The ledger may be behind both: the server was delivered, given up or sold again since.
"""

from typing import Literal

from dcimanager.errors import PanelNotFound
from dcimanager.servers import Server
from ledger.decisions import Agreed
from ledger.snapshots import Choice, Service
from ledger.states import State
from runtime.connections import panel_named, whmcs_api
from runtime.errors import StepRefused
from tasks.identity import hardware_of, same_email
from tasks.unknown_operations import operations_of
from tasks.whose import identity_of
from whmcs.errors import WhmcsNotFound
from whmcs.services import WhmcsService, comparable

IN_USE: dict[str, Literal[State.ACTIVE, State.SUSPENDED]] = {"active": State.ACTIVE, "suspended": State.SUSPENDED}
"""What WHMCS wants of a service that was delivered, and the state that is."""

WIPES = frozenset({"terminate", "another-server"})
"""The choices after which the server that the service has is wiped, whatever WHMCS says of it."""


def wipes(choice: Choice, starts: str | None) -> bool:
    """Whether the choice leads to a wipe; `starts`: the action that is started by it.

    A retry of a deletion is one, too: the wish that it goes on with was kept before the restoration, and WHMCS may show
    the same status and due date for a service that was brought back since.
    """
    return choice in WIPES or (choice == "retry" and starts == "terminate")


async def agreement_for(service: Service, choice: Choice, *, starts: str | None) -> Agreed | None:
    """Where WHMCS and the panel agree that the service is; None: they do not, or WHMCS has ended it.

    `starts`: the action that the choice starts. Raises StepRefused: they do not, and the server shows an OS that the
    ledger does not know: it may be another's, so the service is not let back to it; or they agree that its client uses
    it, and the choice would wipe it. Raises PanelError, WhmcsError: a side cannot be asked.
    """
    if service.claim is None or choice == "forget-server":
        return None
    panel = await panel_named(service.panel)
    try:
        server = await panel.servers.get(service.claim.server_id)
    except PanelNotFound:
        return None
    found = await _agreed(service, server)
    last = server.operation
    if found is None and last is not None and last.is_install and last.id not in await operations_of(service):
        raise StepRefused(
            f"Server {server.id} shows an OS that the ledger did not install (operation {last.id}), and WHMCS does not "
            f"show service {service.service_id} in use on it: it may be another service's by now. If it is: "
            f"dciflow held forget-server {service.service_id}, then adopt that one. If not: end the service in WHMCS, "
            "and clear the server's disks on the panel first."
        )
    if found is not None and wipes(choice, starts):
        raise StepRefused(
            f"WHMCS and the panel show service {service.service_id} in use on server {server.id}: it is not wiped. "
            f"Release it, and end it in WHMCS if it should go: dciflow held release {service.service_id}"
        )
    return found


async def _agreed(service: Service, server: Server) -> Agreed | None:
    claim, whmcs, panel = service.claim, await whmcs_api(), await panel_named(service.panel)
    if claim is None or not service.is_known_to_whmcs:
        return None
    try:
        record = await whmcs.services.get(service.service_id)
        client = await whmcs.clients.get(record.client_id)
    except WhmcsNotFound:
        return None
    state = IN_USE.get(record.meaning.desired)
    if state is None or identity_of(record).differs_from(service) or _shows_another(record, server):
        return None
    if claim.hardware.differs_from(hardware_of(server), towards_service=True):
        return None
    if not same_email(server.owner_email, client.email):
        return None
    owner = await panel.users.find(client.email)
    if owner is None or owner.is_admin or claim.owner_id not in (None, owner.id):
        return None
    return Agreed(state, owner.id)


def _shows_another(record: WhmcsService, server: Server) -> bool:
    """Whether WHMCS shows addresses, and none of them is the server's."""
    has = comparable(address.address for address in server.addresses)
    return bool(record.addresses and has and not record.addresses & has)
