"""What the panels offer, for the drop-downs and the stock in WHMCS."""

from prefect import flow

from dcimanager.errors import PanelError
from tasks.catalogue import keep_catalogue, read_catalogue
from tasks.connections import connections
from tasks.log import quiet_expected_ends, run_log
from tasks.outcomes import Refusal


@flow(name="catalogue", persist_result=False)
async def catalogue(panel: str | None = None) -> None:
    """Read what a panel offers (every one if none is named) and keep it where WHMCS's module reads it.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>. None: all of them.
    """
    quiet_expected_ends()
    failed = []
    for name in [panel] if panel else await connections().name_panels():
        try:
            await keep_catalogue(await read_catalogue(name))
        except (PanelError, Refusal) as error:  # the other panels are not to wait for this one
            run_log().warning("panel %s: %s", name, error)
            failed.append(name)
    if failed:
        raise Refusal(f"What {', '.join(failed)} offers could not be read (see the log); WHMCS goes on with the last.")
