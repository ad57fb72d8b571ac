"""Whose services are that were known before that was recorded: recorded at a quiet look, where all sides agree."""

from ledger import services
from runtime.connections import ledger, panel_named, whmcs_api
from runtime.run_log import run_log
from runtime.steps import ensures
from tasks.identity import same_email
from tasks.reconciliation.comparison import Comparison
from whmcs.errors import WhmcsNotFound

AT_ONCE = 100
"""Services whose identity one reconciliation records, with two calls each: the rest is left for the next ones."""


@ensures("whose the services are is recorded", run_name="record whose the services of panel {comparison.panel} are")
async def record_identities(comparison: Comparison) -> None:
    """Record client, order and date of services that are known for longer than that is recorded.

    Only where the ledger's client is WHMCS's, and the panel user who owns the server has this client's e-mail; any
    other service stays as it is, and is compared by its client alone. Raises PanelError, WhmcsError, LedgerError.
    """
    if not comparison.unrecorded:
        return
    panel, whmcs = await panel_named(comparison.panel), await whmcs_api()
    recorded = 0
    for one in comparison.unrecorded[:AT_ONCE]:
        user = await panel.users.get(one.owner_id)
        try:
            client = await whmcs.clients.get(one.identity.client_id)
        except WhmcsNotFound:
            continue
        if user is not None and same_email(user.email, client.email):
            recorded += await services.record_whose(
                ledger(), service_id=one.service_id, epoch=one.epoch, identity=one.identity
            )
    run_log().info(
        "panel %s: recorded of %s service(s) whose they are, of %s that nothing was recorded of",
        comparison.panel,
        recorded,
        len(comparison.unrecorded),
    )
