"""Whether a panel is ready to sell servers."""

from prefect import flow

from ledger.panel_name import PanelName
from runtime.run_log import quiet_expected_ends
from tasks.panel_check import examine_panel, report_panel
from tasks.panel_survey import survey_panel


@flow(name="check-panel", flow_run_name="check-panel-{panel}", persist_result=False)
async def check_panel(panel: PanelName) -> None:
    """Log in, compare the dialect, survey what is there, and say whether orders and deletions can be served."""
    quiet_expected_ends()
    report = await examine_panel(panel)
    await report_panel(report.with_survey(await survey_panel(panel)))
