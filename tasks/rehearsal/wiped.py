"""The wipe of the rehearsal's server, proved by the operation that cleared it."""

from ledger import permits
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.steps import reads
from tasks.identity import own_server
from tasks.operations import operation_of
from tasks.rehearsal.proving import Evidence, Findings, prove, words_of


@reads("the wipe is proved", run_name="look at the finished wipe")
async def prove_wipe(service: Service, findings: Findings, permit_id: int) -> None:
    """Prove diagnostics with disk clearing by the operation that `wait_until_clear` saw to its end.

    Refused: the permit is gone, or the panel does not answer.
    """
    drive = driving(service)
    permit = await permits.current(drive.ledger, service.service_id, service.generation)
    server = await own_server(service)
    if permit is None or permit.id != permit_id or permit.operation_id is None:
        raise StepRefused(f"The permit {permit_id} of this rehearsal is gone. Run it again.")
    operation = await operation_of(service, server, permit.operation_id)
    if operation is None:
        raise StepRefused("The panel does not show the wipe any more. Run the rehearsal again.")
    before = f"last operation {permit.operation_before}"
    after = f"operation {operation.id} {operation.status}, asked for with clearing of disks"
    await prove(service, findings, "diagnostics", Evidence(before, after, words_of(operation)))
