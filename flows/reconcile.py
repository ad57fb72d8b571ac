"""WHMCS, ledger and panel are compared, and what is safe is repaired."""

from typing import Literal

from prefect import flow

from ledger.panel_name import PanelName
from runtime.errors import StepRefused
from runtime.flow_run import run_id
from runtime.run_log import EXPECTED, quiet_expected_ends
from tasks.each_panel import OverBudget, side_by_side
from tasks.reconciliation.comparison import compare, comparing, keep_findings, panels_to_compare
from tasks.reconciliation.identities import record_identities
from tasks.reconciliation.repairs import attempted, repair_safe
from tasks.reconciliation.report import name_run, report_differences, report_held, report_stop
from tasks.stalled_runs import requeue_stalled_runs

BUDGET_SECONDS = 600.0
"""It is started again after a quarter of an hour, and the comparison of 10,000 services takes a minute or two."""


@flow(name="reconcile", flow_run_name="reconcile", persist_result=False)
async def reconcile(panel: PanelName | None = None, repair: Literal["report", "safe"] = "report") -> None:
    """Find where WHMCS, the ledger and a panel disagree; repair what is safe, report the rest.

    A panel that cannot be compared stops nothing but itself: nothing is repaired there, and the run ends FAILED.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>. None: all of them, side by side.
        repair: report changes nothing. safe switches ports on, writes to WHMCS what is missing there, and puts a
        service
            whose server is not its own any more before a person; it never wipes, frees or claims.
    """
    quiet_expected_ends()
    await requeue_stalled_runs()
    lines = {}

    async def one(name: str) -> None:
        async with comparing(name) as remembered:
            try:
                comparison = await compare(name, remembered)
                await record_identities(comparison)
                repaired = await repair_safe(comparison) if repair == "safe" else []
                await keep_findings(comparison, attempted(repaired))
                lines[name] = await report_differences(comparison, repaired)
            except EXPECTED as why:
                await report_stop(name, remembered.flow_run_id, str(why))
                raise

    names = await panels_to_compare(panel)
    failed = await side_by_side(names, one, budget_seconds=BUDGET_SECONDS, expected=EXPECTED)
    for name, error in failed.items():
        if isinstance(error, OverBudget):
            await report_stop(name, run_id(), str(error))
    stopped = [f"{name}: {error}" for name, error in failed.items()]
    await report_held()
    said = [f"{line.partition(':')[0]} STOPPED" for line in stopped] + [lines[name] for name in names if name in lines]
    await name_run("; ".join(said) or "no panel")
    if stopped:
        raise StepRefused("Not reconciled: " + " ".join(stopped))
