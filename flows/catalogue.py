"""What the panels offer, for the drop-downs and the stock in WHMCS."""

from prefect import flow

from ledger.panel_name import PanelName
from runtime.errors import StepRefused
from runtime.run_log import quiet_expected_ends
from tasks.each_panel import of_each_panel
from tasks.panel_survey import survey_and_warn
from tasks.published.catalogue import keep_catalogue, read_catalogue

BUDGET_SECONDS = 300.0
"""Five lists and a survey of them; it is started again after a quarter of an hour."""


@flow(name="catalogue", persist_result=False)
async def catalogue(panel: PanelName | None = None) -> None:
    """Read what a panel offers (every one if none is named) and keep it where WHMCS's module reads it.

    Then warn of what a survey of the panel finds.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>. None: all of them.
    """
    quiet_expected_ends()

    async def one(name: str) -> None:
        await keep_catalogue(await read_catalogue(name))
        await survey_and_warn(name)

    failed = await of_each_panel(panel, one, budget_seconds=BUDGET_SECONDS)
    if failed:
        raise StepRefused(
            f"What {', '.join(failed)} offers could not be read (see the log); WHMCS goes on with the last."
        )
