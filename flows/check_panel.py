"""Whether a panel is ready to sell servers."""

from prefect import flow

from tasks.log import quiet_expected_ends
from tasks.panels import examine_panel, report_panel


@flow(name="check-panel", flow_run_name="check-panel-{panel}", persist_result=False)
async def check_panel(panel: str) -> None:
    """Log in to a panel, compare its dialect, and say whether it is ready for orders and for deletions."""
    quiet_expected_ends()
    report = await examine_panel(panel)
    await report_panel(report)
