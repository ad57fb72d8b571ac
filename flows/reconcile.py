"""WHMCS, ledger and panel are compared, and what is safe is repaired."""

from typing import Literal

from prefect import flow

from tasks.drift_report import name_run, report_differences, report_held, report_stop
from tasks.log import EXPECTED, quiet_expected_ends
from tasks.outcomes import Refusal
from tasks.reconciliation import compare, comparing, keep_findings, panels_to_compare
from tasks.repairs import repair_safe, tried
from tasks.silent_runs import drive_silent_runs


@flow(name="reconcile", flow_run_name="reconcile", persist_result=False)
async def reconcile(panel: str | None = None, repair: Literal["report", "safe"] = "report") -> None:
    """Find where WHMCS, the ledger and a panel disagree; repair what is safe, report the rest.

    A panel that cannot be compared stops nothing but itself: nothing is repaired there, and the run ends FAILED.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>. None: all of them, one after the other.
        repair: report changes nothing. safe switches ports on, tells WHMCS what it was not told, and puts a service
            whose server is not its own any more before a person; it never wipes, frees or claims.
    """
    quiet_expected_ends()
    await drive_silent_runs()
    lines, stopped = [], []
    for name in await panels_to_compare(panel):
        try:
            async with comparing(name) as remembered:
                try:
                    comparison = await compare(name, remembered)
                    repaired = await repair_safe(comparison) if repair == "safe" else []
                    await keep_findings(comparison, tried(repaired))
                    lines.append(await report_differences(comparison, repaired))
                except EXPECTED as why:
                    await report_stop(name, remembered.flow_run_id, str(why))
                    raise
        except EXPECTED as why:
            stopped.append(f"{name}: {why}")
    await report_held()
    await name_run("; ".join([*(f"{line.partition(':')[0]} STOPPED" for line in stopped), *lines]) or "no panel")
    if stopped:
        raise Refusal("Not reconciled: " + " ".join(stopped))
