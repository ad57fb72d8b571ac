"""Which panel user is the service's own client, for what is done in that user's name."""

from ledger import panel_users
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from tasks.identity import claim_of
from tasks.whose import whmcs_row
from whmcs.statuses import meaning_of


async def own_user(service: Service, so: str) -> int:
    """The id of the panel user that the service's server was given to, if it is this client's and nobody else's.

    `so`: what is not done otherwise. Raises StepRefused: the user is gone; it is an administrator of the panel, who
    would see all servers; it is remembered as another client's, or as nobody's; WHMCS shows the service as ended.
    """
    drive = driving(service)
    panel = await drive.panel()
    owner_id = claim_of(service).owner_id
    if owner_id is None:
        raise StepRefused(f"Server {claim_of(service).server_id} was given to no panel user: {so}.")
    user = await panel.users.get(owner_id)
    if user is None:
        raise StepRefused(f"User {owner_id} is gone from panel {panel.name}: {so}.")
    if user.is_admin:
        raise StepRefused(
            f"User {owner_id} is an administrator of panel {panel.name}: {so} as one. "
            "Give the server to a user of the client's own there."
        )
    row = await whmcs_row(service)
    if not meaning_of(row.status).delivered:
        raise StepRefused(f"WHMCS shows service {service.service_id} as {row.status}: {so} for it.")
    client_id = row.client_id
    whose = await panel_users.client_of(drive.ledger, panel.name, owner_id)
    if whose is None or whose != client_id:
        known = "nobody's" if whose is None else f"client {whose}'s"
        raise StepRefused(
            f"Panel user {owner_id} is known as {known}, and the service is client {client_id}'s: {so}. "
            f"If the user is theirs, say so: dciflow panel user {panel.name} {owner_id} --client {client_id}"
        )
    return owner_id
