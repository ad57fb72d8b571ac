"""What the panels offer, for the drop-downs and the stock in WHMCS."""

from prefect import flow

from tasks.catalogue import keep_catalogue, read_catalogue
from tasks.log import quiet_expected_ends
from tasks.outcomes import Refusal
from tasks.panels import of_each_panel


@flow(name="catalogue", persist_result=False)
async def catalogue(panel: str | None = None) -> None:
    """Read what a panel offers (every one if none is named) and keep it where WHMCS's module reads it.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>. None: all of them.
    """
    quiet_expected_ends()

    async def one(name: str) -> None:
        await keep_catalogue(await read_catalogue(name))

    failed = await of_each_panel(panel, one)
    if failed:
        raise Refusal(f"What {', '.join(failed)} offers could not be read (see the log); WHMCS goes on with the last.")
