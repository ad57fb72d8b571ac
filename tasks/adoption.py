"""Services that had their servers before dciflow came: looked at one by one, and recorded if all agrees."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prefect.artifacts import acreate_table_artifact
from prefect.context import FlowRunContext
from pydantic import BaseModel, ConfigDict, Field

from dcimanager.errors import PanelNotFound, UnexpectedPanelResponse
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import claims, panel_users, services
from ledger.errors import AlreadyClaimed, IllegalMove
from ledger.service_identity import day_of
from ledger.states import State
from runtime.clock import clock
from runtime.connections import ledger, panel_named, whmcs_api
from runtime.errors import StepRefused
from runtime.flow_run import asking_prefect
from runtime.run_log import run_log
from runtime.steps import ensures
from tasks.identity import identifying_hardware, same_email
from tasks.owner import check_remembered
from whmcs.errors import UnexpectedWhmcsResponse
from whmcs.errors import WhmcsNotFound as NoSuchService
from whmcs.services import WhmcsService, comparable
from whmcs.statuses import MEANINGS

STATES = {word: State(means.desired.upper()) for word, means in MEANINGS.items() if means.delivered}
"""Which services of WHMCS have a server, and where they stand then."""


class Adoptee(BaseModel):
    """A service and the server that it is said to have; client and status as WHMCS had them when it was asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service_id: int = Field(title="Service", gt=0)
    server_id: int = Field(title="Server", description="The server's id on the panel.", gt=0)
    client_id: int | None = Field(default=None, title="Client", description="Compared with WHMCS if given.")
    suspended: bool | None = Field(default=None, title="Suspended", description="Compared with WHMCS if given.")


class AdoptionFinding(BaseModel):
    """What came of one service. adopted: it is in the ledger; fits: it would be."""

    model_config = ConfigDict(frozen=True)

    service_id: int
    server_id: int
    fits: bool
    adopted: bool
    what: str
    in_whmcs: str = ""
    """Addresses and host name of the service in WHMCS."""
    on_panel: str = ""
    """Those of the server."""


@ensures("services with servers are in the ledger", run_name="look at services and their servers on panel {name}")
async def adopt_services(
    name: str, adoptees: "Sequence[Adoptee]", *, apply: bool, who: str | None = None
) -> list[AdoptionFinding]:
    """Look at each service in WHMCS, at its server and the server's owner on the panel, and record what agrees.

    Nothing is changed on the panel or in WHMCS; without `apply` nothing is written at all. May be called many times.
    `who`: whose decision it is; kept with each service that is recorded.
    Raises PanelError, WhmcsError: one of them cannot be asked.
    """
    panel = await panel_named(name)
    twice = {server for server, count in Counter(one.server_id for one in adoptees).items() if count > 1}
    findings = []
    for one in adoptees:
        sides = _Sides()
        try:
            if one.server_id in twice:
                raise StepRefused(f"Server {one.server_id} is named for more than one service.")
            finding = await _look_at(panel, one, sides, apply=apply, who=who)
        except AlreadyClaimed:
            finding = _finding(one, f"The ledger has another service for server {one.server_id}.", fits=False)
        except (StepRefused, IllegalMove, UnexpectedPanelResponse, UnexpectedWhmcsResponse) as no:
            finding = _finding(one, str(no), fits=False)
        findings.append(finding.model_copy(update={"in_whmcs": sides.in_whmcs, "on_panel": sides.on_panel}))
        run_log().info("service %s, server %s: %s", one.service_id, one.server_id, findings[-1].what)
    return findings


@dataclass
class _Sides:
    """What each side shows of a service and its server, as far as it was read."""

    in_whmcs: str = ""
    on_panel: str = ""


async def _look_at(panel: Panel, one: Adoptee, sides: _Sides, *, apply: bool, who: str | None) -> AdoptionFinding:
    """Raises StepRefused: something does not agree; the text says what."""
    known = await services.get(ledger(), one.service_id)
    if known is not None and known.claim is not None:
        if (known.claim.panel, known.claim.server_id) == (panel.name, one.server_id):
            return _finding(one, "known already", fits=True)
        raise StepRefused(f"The ledger has server {known.claim.server_id} of panel {known.claim.panel} for it.")
    record, email, state = await _in_whmcs(one)
    sides.in_whmcs = " ".join([*sorted(record.addresses), record.domain]).strip()
    server = await _server(panel, one.server_id)
    has = comparable(address.address for address in await panel.addresses.of_server(server.id))
    sides.on_panel = " ".join([*sorted(has), server.domain]).strip()
    if not same_email(server.owner_email, email):
        found = "nobody" if server.owner_email is None else "somebody else"
        raise StepRefused(f"Its client should own server {one.server_id}, but the panel says {found}.")
    owner = await panel.users.find(server.owner_email or "")
    if owner is None:
        raise StepRefused(f"The owner of server {one.server_id} is not among the panel's users.")
    if owner.is_admin:
        raise StepRefused(
            f"Server {one.server_id} is an administrator's of panel {panel.name}, so it is no client's. Change the "
            "client's e-mail, or the server's owner on the panel."
        )
    check_remembered(panel, owner.id, await panel_users.client_of(ledger(), panel.name, owner.id), record.client_id)
    if not (has & record.addresses or _same_name(record.domain, server.domain)):
        raise StepRefused(
            f"Nothing but its owner says that server {one.server_id} is this service's: WHMCS shows none of its "
            "addresses, and another host name. Correct whichever is wrong, then look again."
        )
    if apply:
        await claims.adopt(
            ledger(),
            service_id=one.service_id,
            panel=panel.name,
            client_id=record.client_id,
            order_id=record.order_id or None,
            registered=day_of(record.registered),
            server_id=server.id,
            owner_id=owner.id,
            hardware=await identifying_hardware(panel, server),
            state=State.ACTIVE if state is State.ACTIVE else State.SUSPENDED,
            now=clock().now(),
            who=who,
        )
        await panel_users.remember(
            ledger(), panel=panel.name, user_id=owner.id, client_id=record.client_id, now=clock().now()
        )
    return _finding(one, f"{'adopted' if apply else 'can be adopted'} as {state}", fits=True, adopted=apply)


def _same_name(one: str, other: str) -> bool:
    return bool(one) and one.casefold().rstrip(".") == other.casefold().rstrip(".")


async def _in_whmcs(one: Adoptee) -> tuple[WhmcsService, str, State]:
    """The service, its client's e-mail and where the service stands. Raises StepRefused."""
    whmcs = await whmcs_api()
    try:
        record = await whmcs.services.get(one.service_id)
    except NoSuchService as no:
        raise StepRefused(str(no)) from None
    state = STATES.get(record.status)
    if state is None:
        raise StepRefused(
            f"It is {record.status} in WHMCS: only Active, Suspended and Completed services have a server."
        )
    if one.client_id not in (None, record.client_id):
        raise StepRefused(f"WHMCS has it for client {record.client_id}, not {one.client_id}.")
    if one.suspended not in (None, state is State.SUSPENDED):
        raise StepRefused(f"It is {record.status} in WHMCS by now. Preview it again.")
    client = await whmcs.clients.get(record.client_id)
    return record, client.email, state


async def _server(panel: Panel, server_id: int) -> Server:
    """Raises StepRefused: there is none, or it could never be wiped safely."""
    try:
        server = await panel.servers.get(server_id)
    except PanelNotFound:
        raise StepRefused(f"Panel {panel.name} has no server {server_id}.") from None
    if not (await identifying_hardware(panel, server)).identifies:
        raise StepRefused(
            f"Server {server_id} has neither serial number, MAC address nor barcode of its own on the panel, so it "
            "could never be told from another one. Run diagnostics on it or enter its serial number."
        )
    return server


def _finding(one: Adoptee, what: str, *, fits: bool, adopted: bool = False) -> AdoptionFinding:
    return AdoptionFinding(service_id=one.service_id, server_id=one.server_id, fits=fits, adopted=adopted, what=what)


async def report_adoption(panel: str, findings: Sequence[AdoptionFinding]) -> str:
    """Show the findings beside the run and return their count as one line. Raises PrefectUnreachable."""
    if FlowRunContext.get() is not None:
        rows = [
            {
                "Service": one.service_id,
                "Server": one.server_id,
                "In WHMCS": one.in_whmcs,
                "On the panel": one.on_panel,
                "Result": one.what,
            }
            for one in findings
        ]
        with asking_prefect():
            await acreate_table_artifact(key=f"adoption-{panel}", table=rows)
    counted = Counter("adopted" if one.adopted else "fits" if one.fits else "does not fit" for one in findings)
    return ", ".join(f"{count} {what}" for what, count in counted.items()) or "no service was named"
