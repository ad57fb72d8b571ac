"""A client's server gets another OS, or the same one anew."""

from datetime import datetime, timedelta

from flows._client_limit import ClientLimit
from flows._lifecycle import Requester, lifecycle
from ledger.panel_name import PanelName
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from runtime.ssh_public_key import SshPublicKey
from tasks.identity import confirm_identity, load_service
from tasks.os_install import wait_for_os
from tasks.progress import Progress, show_progress
from tasks.reinstall import Wanted, check_reinstall, overwrite_os, permit_reinstall
from tasks.ssh_key import keep_ssh_key
from tasks.write_back import announce


@lifecycle(
    State.ACTIVE,
    begins_with={State.ACTIVE, State.INSTALLING},
    limit=ClientLimit(apart=timedelta(minutes=5), a_day=5, of_client_a_day=10),
)
async def reinstall(
    service_id: int,
    panel: PanelName,
    requested_by: Requester = "api",
    os_template: str | None = None,
    hostname_typed: str | None = None,
    ssh_key: SshPublicKey | None = None,
    identity: ServiceIdentity | None = None,
    asked_at: datetime | None = None,
    who: str | None = None,
) -> None:
    """Install an OS over a service's server, with a new password. What is on its disks is lost, its addresses stay.

    The host name has to be typed, as WHMCS shows it. Leave it and the template empty to go on with a reinstallation
    that has failed. An SSH key is given to the OS where a person answers for the panel's calls of it.
    """
    service = await load_service(service_id)
    wanted = Wanted(os_template, hostname_typed, requested_by)
    if not await check_reinstall(service, wanted):
        return
    await confirm_identity(service)
    ssh_key_id = None if ssh_key is None else await keep_ssh_key(service, ssh_key)
    permit_id = await permit_reinstall(service, wanted)
    await overwrite_os(service, permit_id, ssh_key_id)
    await show_progress(service, Progress.INSTALLING)
    await wait_for_os(service)
    await announce(service, is_sold=True)
