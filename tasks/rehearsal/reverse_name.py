"""The reverse name of the rehearsal's address: given, shown, and taken away again."""

from ledger.snapshots import Service
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.steps import reads
from tasks import intents
from tasks.identity import own_server
from tasks.named_addresses import given_ids
from tasks.rehearsal.proving import Evidence, Findings, prove

NAME = "dciflow-rehearsal.invalid"
"""A name that leads nowhere for ever. Source: RFC 2606, section 2."""


@reads("an address was given", run_name="look which address the rehearsal's server was given")
async def given_address(service: Service) -> str:
    """The address that the rehearsal gave to its server. Raises StepRefused: it gave none, so none can be named."""
    drive = driving(service)
    entry = await intents.latest(await drive.fresh(), StepName.ADDRESSES)
    given = given_ids(entry)
    server = await own_server(service)
    for row in await (await drive.panel()).addresses.of_server(server.id):
        if row.id in given:
            return row.address
    raise StepRefused("no address was given, so none could be named")


@reads("the reverse name is proved", run_name="look at the reverse name of the rehearsal's address")
async def prove_ptr(service: Service, findings: Findings, address: str) -> None:
    """Prove how a reverse name is set: `set_reverse_name` saw the address without one before, and with it after."""
    await prove(service, findings, "ptr_set", Evidence("no reverse name", f"{address} is named {NAME}"))
