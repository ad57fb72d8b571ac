"""Services that had their servers before dciflow came enter the ledger."""

from prefect import flow

from ledger.panel_name import PanelName
from runtime.plain_text import person
from runtime.run_log import quiet_expected_ends, run_log
from tasks.adoption import Adoptee, adopt_services, report_adoption


@flow(name="adopt", flow_run_name="adopt-{panel}", persist_result=False)
async def adopt(panel: PanelName, services: list[Adoptee], apply: bool = False, who: str | None = None) -> None:
    """Look at services and the servers they are said to have; with `apply`, record those where all agrees.

    Nothing is changed on the panel or in WHMCS. Run it without `apply` first and read its table.

    Args:
        panel: The panel, as named in its block dcimanager-panel/<name>.
        services: The services with their servers.
        apply: Write into the ledger what agrees. Off: only look.
        who: The name of the member of staff who asks; it is kept with each service that is recorded.
    """
    quiet_expected_ends()
    findings = await adopt_services(panel, services, apply=apply, who=person(who))
    run_log().info("panel %s: %s", panel, await report_adoption(panel, findings))
