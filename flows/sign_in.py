"""A client goes from WHMCS into the panel's own pages, without a password of the panel."""

from datetime import datetime, timedelta

from flows._client_limit import ClientLimit
from flows._errand import errand
from flows._lifecycle import Requester
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from runtime.sealing import PublicKey
from tasks.identity import confirm_identity, load_service
from tasks.sign_in import hand_key_over, make_key, own_panel_user


@errand(
    begins_with={State.ACTIVE, State.SUSPENDED},
    for_clients={State.ACTIVE},
    limit=ClientLimit(apart=timedelta(seconds=5), a_day=50, of_client_a_day=100),
)
async def sign_in(
    service_id: int,
    panel: PanelName,
    public_key: PublicKey,
    requested_by: Requester = "api",
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Make a one-time key for the service's own panel user, and hand it sealed to whoever asked."""
    service = await load_service(service_id)
    await confirm_identity(service)
    user_id = await own_panel_user(service)
    await hand_key_over(service, await make_key(service, user_id, public_key))
