"""The traffic of servers, for the usage that WHMCS shows and bills."""

from prefect import flow

from tasks.log import quiet_expected_ends, run_log
from tasks.outcomes import Refusal
from tasks.panels import of_each_panel
from tasks.settings import settings
from tasks.traffic import keep_traffic, read_traffic


@flow(name="traffic", persist_result=False)
async def traffic(panel: str | None = None) -> None:
    """Read the month's traffic of a panel's servers (of every panel if none is named) and keep it where WHMCS reads it.

    Does nothing unless DCIFLOW_TRAFFIC is true: the call of the panel is a guess (docs/dialect.md).

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>. None: all of them.
    """
    quiet_expected_ends()
    if not settings().traffic:
        run_log().info("traffic is off: set DCIFLOW_TRAFFIC=true when [server_traffic] is right for your panels")
        return

    async def one(name: str) -> None:
        await keep_traffic(await read_traffic(name))

    failed = await of_each_panel(panel, one)
    if failed:
        raise Refusal(f"The traffic of {', '.join(failed)} could not be read (see the log); WHMCS keeps what it has.")
