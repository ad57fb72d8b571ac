"""A way into the panel's own pages, for the client whose server it is: a one-time key of their panel user.

The key is a secret that stands in nothing that is kept: it is sealed for whoever asked and labels the run so.
"""

from datetime import timedelta

from dcimanager.errors import PanelUnreachable
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.run_log import run_log
from runtime.sealing import Seal, UnusablePublicKey
from runtime.steps import creates, ensures, reads
from tasks.own_user import own_user
from tasks.progress import set_run_labels

WAITED_FOR = timedelta(minutes=5)
"""WHMCS forgets the private half of its key after this time, so nobody could use what is made later."""


@reads(
    "the panel user is the client's own",
    run_name="check whose panel user has the server of service {service.service_id}",
)
async def own_panel_user(service: Service) -> int:
    """The id of the panel user that the service's server was given to, if it is this client's and nobody else's.

    Refused: it is gone; it is an administrator of the panel, who would see all servers; it is remembered as another
    client's, or as nobody's.
    """
    return await own_user(service, "nobody is signed in")


@creates(
    "a one-time key, sealed",
    run_name="make a one-time key for panel user {user_id}, sealed for who asked for it",
    calls=("key_create",),
    kept=False,
)
async def make_key(service: Service, user_id: int, public_key: str) -> str:
    """Have the panel make a key that signs this user in, and seal it for the public key of the request.

    The key is kept nowhere, and one whose answer was lost is not asked for again: unused, it expires within an hour.
    Refused: the public key is none; nobody waits for it any more; the answer was lost; the panel says no.
    Source: docs/sources.md, panel 3.4.
    """
    drive = driving(service)
    try:
        seal = Seal(public_key)
    except UnusablePublicKey as error:
        raise StepRefused(f"The request's public key cannot be used: {error}. No key was made.") from None
    if drive.elapsed(drive.asked_first) > WAITED_FOR:
        raise StepRefused("Nobody waits for this key any more, so none was made. Sign in again.")
    panel = await drive.panel()
    await drive.fresh()
    try:
        key = await panel.users.create_key(user_id)
    except PanelUnreachable as lost:
        raise StepRefused(f"No key came back ({lost}). One that was made expires unused. Sign in again.") from None
    run_log().info("panel %s: made a one-time key for user %s", panel.name, user_id)
    return seal.close(key)


@ensures("WHMCS has the sealed key", run_name="hand the sealed key of service {service.service_id} to WHMCS")
async def hand_key_over(service: Service, sealed: str) -> None:
    """Label the run with the sealed key, which only the session that asked for it can open.

    Refused: Prefect does not take it.
    """
    if not await set_run_labels(sealed_key=sealed):
        raise StepRefused("Prefect did not take the sealed key. It expires unused. Sign in again.")
