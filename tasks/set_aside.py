"""Activations that fail on a server count against it, so that a bad server is not sold again and again.

Source: safety rule 18.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from dcimanager.errors import PanelRefused, WrongCredentials, one_line
from dcimanager.response import UNKNOWN_CALL, UNKNOWN_PROPERTY
from ledger import server_notes
from ledger.errors import LedgerError
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import InstallationFailed, NoLongerWanted, PoolRefused, StepRefused
from runtime.run_log import run_log
from runtime.settings import settings

LONGEST_REASON = 300
"""Characters of a failure's line that are kept with the server."""


@asynccontextmanager
async def failures_counted(service: Service) -> AsyncIterator[None]:
    """Count a failure of the steps within against the service's server, and a good end in its favour.

    What the panel refuses everybody, what the pool lacks and what WHMCS says are not the server's fault.
    """
    try:
        yield
    except (InstallationFailed, StepRefused, PanelRefused) as error:
        if _is_of_the_server(error):
            with suppress(LedgerError):  # the failure itself is what has to be told
                await _count(service, str(error))
        raise


async def note_good_end(service: Service) -> None:
    """An activation went well on the service's server: forget what failed there, and end its reserve."""
    drive = driving(service)
    claim = (await drive.fresh()).claim
    if claim is not None:
        await server_notes.note_success(
            drive.ledger,
            panel=claim.panel,
            server_id=claim.server_id,
            service_id=service.service_id,
            now=drive.now(),
        )


async def _count(service: Service, why: str) -> None:
    drive = driving(service)
    claim = (await drive.fresh()).claim
    if claim is None:
        return
    noted = await server_notes.note_failure(
        drive.ledger,
        panel=claim.panel,
        server_id=claim.server_id,
        service_id=service.service_id,
        why=one_line(why, longest=LONGEST_REASON),
        at_most=settings().set_aside_after,
        now=drive.now(),
    )
    if noted.set_aside_at is not None:
        run_log().warning(
            "server %s is set aside: it is sold to nobody until `dciflow server allow %s %s` (%s)",
            claim.server_id,
            claim.panel,
            claim.server_id,
            noted.reason,
        )


def _is_of_the_server(error: Exception) -> bool:
    if isinstance(error, NoLongerWanted | PoolRefused | WrongCredentials):
        return False
    if isinstance(error, PanelRefused):
        return error.status != 403 and error.code not in (UNKNOWN_CALL, UNKNOWN_PROPERTY)
    return True
