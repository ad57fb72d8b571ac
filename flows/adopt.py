"""Services that had their servers before dciflow came enter the ledger."""

from prefect import flow

from tasks.adoption import Adoptee, adopt_services, report_adoption
from tasks.log import quiet_expected_ends, run_log


@flow(name="adopt", flow_run_name="adopt-{panel}", persist_result=False)
async def adopt(panel: str, services: list[Adoptee], apply: bool = False) -> None:
    """Look at services and the servers they are said to have; with `apply`, record those where all agrees.

    Nothing is changed on the panel or in WHMCS. Run it without `apply` first and read its table.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>.
        services: The services with their servers.
        apply: Write into the ledger what agrees. Off: only look.
    """
    quiet_expected_ends()
    findings = await adopt_services(panel, services, apply=apply)
    run_log().info("panel %s: %s", panel, await report_adoption(panel, findings))
