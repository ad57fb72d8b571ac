"""Installations of the rehearsal: one of a template that is not there, one that is ended, one to its end."""

import secrets

from pydantic import SecretStr

from dcimanager.errors import PanelRefused
from dcimanager.operations import Operation, OperationProgress
from ledger.snapshots import Service
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.run_log import run_log
from runtime.steps import ensures
from tasks import intents
from tasks.identity import own_server
from tasks.operations import end, operation_of
from tasks.order import order_of
from tasks.rehearsal.proving import Evidence, Findings, doubt, prove, words_of

BEYOND = 1_000_000
"""Added to the highest template's number: a number that no template has."""


@ensures("an unknown template is refused", run_name="ask for an OS template that is not there")
async def refuse_unknown_template(service: Service, findings: Findings) -> None:
    """Ask for the installation of a template that is not there; what the panel starts all the same is ended.

    Refused: the panel accepts it, so the call is another one, or the template's key is.
    """
    drive = driving(service)
    panel = await drive.panel()
    server = await own_server(service)
    if server.operation is not None and server.operation.running:
        await end(service, server.id, server.operation.id)
    templates = await panel.os_templates.all()
    known = [*(template.id for template in templates), *(row.id or 0 for row in templates.odd)]
    unknown = max(known, default=0) + BEYOND
    try:
        await panel.servers.install_os(
            server.id, template_id=unknown, password=SecretStr(secrets.token_urlsafe(18)), hostname=None
        )
    except PanelRefused as refused:
        run_log().info("template %s, which is not there, is refused: %s", unknown, refused)
        return
    after = await own_server(service)
    if after.operation is not None and after.operation.running:
        await end(service, server.id, after.operation.id)
    raise StepRefused(f"The panel accepts template {unknown}, which is not there: is [os_install] the right call?")


@ensures("the installation is ended", run_name="end the rehearsal's OS installation {operation_id}")
async def end_installation(service: Service, findings: Findings, attempt: int, operation_id: int) -> bool:
    """End the installation that was just begun, and prove by it how an operation is read and ended.

    False: it was over before it could be ended, so another one has to be begun. Refused: it does not end.
    """
    drive = driving(service)
    server = await own_server(service)
    before = await operation_of(service, server, operation_id)
    if before is None or not before.running:
        doubt(findings, "the installation was over before it could be ended", "operation_end")
        await intents.record_intent(service, StepName.OS_GIVEN_UP, attempt=attempt)
        return False
    await end(service, server.id, operation_id)
    after = await (await drive.panel()).operations.get(server.id, operation_id)
    if after.progress is OperationProgress.ENDED:
        await prove(service, findings, "operation_end", _evidence(before, after))
    else:
        doubt(findings, f"the ended operation shows {after.status!r}", "operation_end")
    await _prove_get(service, after, findings)
    await intents.record_intent(service, StepName.OS_GIVEN_UP, attempt=attempt)
    return True


@ensures("the installation is proved", run_name="look at the finished OS installation")
async def prove_installation(service: Service, findings: Findings) -> None:
    """Prove the installation that `wait_for_os` saw to its end by the operation and the template that the panel shows.

    Refused: no installation is known.
    """
    drive = driving(service)
    server = await own_server(service)
    entry = await intents.latest(service, StepName.DEPLOY_OS)
    if entry is None or entry.result is None:
        raise StepRefused("No installation of this rehearsal is known. Run it again.")
    number = int(str(entry.result["operation"]))
    operation = await operation_of(service, server, number)
    before = f"last operation {(entry.before or {}).get('operation')}"
    if operation is None or operation.progress is not OperationProgress.FINISHED:
        doubt(findings, "the panel does not show it as finished", "os_install")
        return
    if operation.is_install is False:
        doubt(findings, f"the panel calls it {operation.kind!r}, which is no installation", "os_install")
        return
    if server.os_template != order_of(await drive.fresh()).os_template:
        doubt(findings, f"the panel shows {server.os_template or 'no template'} on the server afterwards", "os_install")
        return
    after = f"operation {number} {operation.status}; the server shows the ordered template"
    await prove(service, findings, "os_install", Evidence(before, after, words_of(operation)))


async def _prove_get(service: Service, operation: Operation, findings: Findings) -> None:
    shown = (await own_server(service)).operation
    if shown is None or shown.id != operation.id or shown.status != operation.status:
        doubt(findings, "it does not tell what the server's row tells", "operation_get")
        return
    await prove(
        service,
        findings,
        "operation_get",
        Evidence("-", f"operation {operation.id} {operation.status}, as in the list"),
    )


def _evidence(before: Operation, after: Operation) -> Evidence:
    words = (*words_of(before), *words_of(after))
    return Evidence(f"operation {before.id} {before.status}", f"operation {after.id} {after.status}", words)
