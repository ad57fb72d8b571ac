"""The traffic of servers, for the usage that WHMCS shows and bills."""

from prefect import flow

from ledger.panel_name import PanelName
from runtime.errors import StepRefused
from runtime.run_log import quiet_expected_ends, run_log
from runtime.settings import settings
from tasks.each_panel import of_each_panel
from tasks.published.traffic import keep_traffic, read_traffic
from tasks.published.traffic_days import days_to_publish, keep_days, publish_days

BUDGET_SECONDS = 3600.0
"""Ten thousand servers, each with a call of its own; it is started once a day."""


@flow(name="traffic", persist_result=False)
async def traffic(panel: PanelName | None = None) -> None:
    """Read the month's traffic of a panel's servers (of every panel if none is named) and keep it where WHMCS reads it.

    Does nothing unless DCIFLOW_TRAFFIC is true: the call of the panel is a guess (docs/dialect.md). Days, and months
    that are billed, are kept where a person has answered for the call besides.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>. None: all of them.
    """
    quiet_expected_ends()
    if not settings().traffic:
        run_log().info("traffic is off: set DCIFLOW_TRAFFIC=true when [server_traffic] is right for your panels")
        return

    async def one(name: str) -> None:
        await keep_traffic(await read_traffic(name))
        if await keep_days(name):
            await publish_days(await days_to_publish(name))

    failed = await of_each_panel(panel, one, budget_seconds=BUDGET_SECONDS)
    if failed:
        raise StepRefused(
            f"The traffic of {', '.join(failed)} could not be read (see the log); WHMCS keeps what it has."
        )
