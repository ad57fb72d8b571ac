"""Services that had their servers before dciflow came: looked at one by one, and recorded if all agrees."""

from collections import Counter
from collections.abc import Sequence

from prefect.artifacts import acreate_table_artifact
from prefect.context import FlowRunContext
from pydantic import BaseModel, ConfigDict, Field

from dcimanager.errors import NotFound
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import adoption, services
from ledger.errors import AlreadyClaimed, IllegalMove
from ledger.lifecycle import State
from tasks.clock import clock
from tasks.connections import billing, ledger, panel_named
from tasks.effects import ensures
from tasks.identity import same_email
from tasks.log import run_log
from tasks.outcomes import Refusal
from whmcs.errors import NotFound as NoSuchService
from whmcs.services import ServiceStatus

STATES: dict[str, State] = {ServiceStatus.ACTIVE: State.ACTIVE, ServiceStatus.SUSPENDED: State.SUSPENDED}
"""Which services of WHMCS have a server, and where they stand then."""


class Adoptee(BaseModel):
    """A service and the server that it is said to have; client and status as WHMCS had them when it was asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service_id: int = Field(title="Service", gt=0)
    server_id: int = Field(title="Server", description="The server's id on the panel.", gt=0)
    client_id: int | None = Field(default=None, title="Client", description="Compared with WHMCS if given.")
    suspended: bool | None = Field(default=None, title="Suspended", description="Compared with WHMCS if given.")


class Finding(BaseModel):
    """What came of one service. adopted: it is in the ledger; fits: it would be."""

    model_config = ConfigDict(frozen=True)

    service_id: int
    server_id: int
    fits: bool
    adopted: bool
    what: str


@ensures("services with servers are in the ledger", run_name="look at services and their servers on panel {name}")
async def adopt_services(name: str, adoptees: "Sequence[Adoptee]", *, apply: bool) -> list[Finding]:
    """Look at each service in WHMCS, at its server and the server's owner on the panel, and record what agrees.

    Nothing is changed on the panel or in WHMCS; without `apply` nothing is written at all. May be called many times.
    Raises PanelError, WhmcsError: one of them cannot be asked.
    """
    panel = await panel_named(name)
    twice = {server for server, count in Counter(one.server_id for one in adoptees).items() if count > 1}
    findings = []
    for one in adoptees:
        try:
            if one.server_id in twice:
                raise Refusal(f"Server {one.server_id} is named for more than one service.")
            findings.append(await _look_at(panel, one, apply=apply))
        except AlreadyClaimed:
            findings.append(_finding(one, f"The ledger has another service for server {one.server_id}.", fits=False))
        except (Refusal, IllegalMove) as no:
            findings.append(_finding(one, str(no), fits=False))
        run_log().info("service %s, server %s: %s", one.service_id, one.server_id, findings[-1].what)
    return findings


async def _look_at(panel: Panel, one: Adoptee, *, apply: bool) -> Finding:
    """Raises Refusal: something does not agree; the text says what."""
    known = await services.get(ledger(), one.service_id)
    if known is not None and known.claim is not None:
        if (known.claim.panel, known.claim.server_id) == (panel.name, one.server_id):
            return _finding(one, "known already", fits=True)
        raise Refusal(f"The ledger has server {known.claim.server_id} of panel {known.claim.panel} for it.")
    client_id, email, state = await _in_whmcs(one)
    server = await _server(panel, one.server_id)
    if not same_email(server.owner_email, email):
        found = "nobody" if server.owner_email is None else "somebody else"
        raise Refusal(f"Its client should own server {one.server_id}, but the panel says {found}.")
    owner = await panel.users.find(server.owner_email or "")
    if owner is None:
        raise Refusal(f"The owner of server {one.server_id} is not among the panel's users.")
    if apply:
        await adoption.adopt(
            ledger(),
            service_id=one.service_id,
            panel=panel.name,
            client_id=client_id,
            server_id=server.id,
            owner_id=owner.id,
            serial=server.serial,
            macs=server.macs,
            barcode=server.barcode,
            state=State.ACTIVE if state is State.ACTIVE else State.SUSPENDED,
            now=clock().now(),
        )
    return _finding(one, f"{'adopted' if apply else 'can be adopted'} as {state}", fits=True, adopted=apply)


async def _in_whmcs(one: Adoptee) -> tuple[int, str, State]:
    """The service's client, his e-mail and where the service stands. Raises Refusal."""
    whmcs = await billing()
    try:
        record = await whmcs.services.get(one.service_id)
    except NoSuchService as no:
        raise Refusal(str(no)) from None
    state = STATES.get(record.status)
    if state is None:
        raise Refusal(f"It is {record.status} in WHMCS: only Active and Suspended services have a server.")
    if one.client_id not in (None, record.client_id):
        raise Refusal(f"WHMCS has it for client {record.client_id}, not {one.client_id}.")
    if one.suspended not in (None, state is State.SUSPENDED):
        raise Refusal(f"It is {record.status} in WHMCS by now. Preview it again.")
    client = await whmcs.clients.get(record.client_id)
    return record.client_id, client.email, state


async def _server(panel: Panel, server_id: int) -> Server:
    """Raises Refusal: there is none, or it could never be wiped safely."""
    try:
        server = await panel.servers.get(server_id)
    except NotFound:
        raise Refusal(f"Panel {panel.name} has no server {server_id}.") from None
    if not (server.serial or server.macs or server.barcode):
        raise Refusal(
            f"Server {server_id} has neither serial number, MAC address nor barcode on the panel, so it could never be "
            "told from another one. Run diagnostics on it or enter its serial number."
        )
    return server


def _finding(one: Adoptee, what: str, *, fits: bool, adopted: bool = False) -> Finding:
    return Finding(service_id=one.service_id, server_id=one.server_id, fits=fits, adopted=adopted, what=what)


async def report_adoption(panel: str, findings: Sequence[Finding]) -> str:
    """Show the findings beside the run and return their count as one line."""
    if FlowRunContext.get() is not None:
        rows = [{"Service": one.service_id, "Server": one.server_id, "Result": one.what} for one in findings]
        await acreate_table_artifact(key=f"adoption-{panel}", table=rows)
    counted = Counter("adopted" if one.adopted else "fits" if one.fits else "does not fit" for one in findings)
    return ", ".join(f"{count} {what}" for what, count in counted.items()) or "no service was named"
