"""The spare server that a person named: what is installed on it, and that it is nobody's."""

from dcimanager.errors import PanelNotFound, PanelRefused, UnexpectedPanelResponse
from dcimanager.os_templates import OsTemplate
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger import claims
from ledger.errors import AlreadyClaimed
from ledger.orders import Order
from ledger.snapshots import Service
from ledger.states import State
from runtime.connections import panel_named
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.settings import SellDespite
from runtime.steps import ensures, reads
from tasks.allocation import not_free
from tasks.identity import identifying_hardware
from tasks.shared_hardware import shared_hardware

INSTALLATION_MINUTES = 180
"""A rehearsal has time: a slow installation proves its calls as well as a quick one."""


@reads("what the rehearsal installs", run_name="look at server {server_id} and at what can be installed on it")
async def plan_rehearsal(panel: str, server_id: int, os_template: str | None, ip_pool: str | None) -> Order:
    """What the rehearsal orders for the server: the template and the pool named, else some that fit.

    Refused: there is no such server, template or pool.
    """
    there = await panel_named(panel)
    server = await _server(there, server_id)
    return Order(
        client_id=0,
        configuration=server.configuration or "",
        os_template=await _template(there, server, os_template),
        ip_pool=await _pool(there, ip_pool),
        location_id=server.location_id,
        os_install_timeout_minutes=INSTALLATION_MINUTES,
        hostname=None,
    )


@ensures("the spare server is claimed", run_name="claim server {server_id} for its rehearsal")
async def claim_spare(service: Service, server_id: int) -> Service:
    """Claim the named server for the rehearsal, so that nobody is sold it; keep the claim of an interrupted one.

    Refused: it is not free, or it is promised to a client: the text says why.
    """
    drive = driving(service)
    service = await drive.fresh()
    if service.claim is not None and service.state is not State.CLAIMED:
        return service
    panel = await drive.panel()
    if service.claim is None:
        server = await _server(panel, server_id)
        await _require_free(panel, server)
        try:
            service = await drive.write(
                claims.take,
                server_id=server.id,
                hardware=await identifying_hardware(panel, server),
                operation_before=0 if server.operation is None else server.operation.id,
            )
        except AlreadyClaimed:
            raise StepRefused(
                f"Server {server_id} is promised to a service, or was forgotten unwiped: name another one."
            ) from None
    # Also after an interruption: nothing on the panel was changed yet, and the server may be somebody's by now.
    try:
        await _require_free(panel, await _server(panel, server_id))
    except StepRefused:
        await drive.write(claims.drop)
        raise
    return service


async def _require_free(panel: Panel, server: Server) -> None:
    # Whoever named it agreed to have its disks cleared, and a rehearsal that broke off leaves an OS behind.
    faults = not_free(server, shared=await shared_hardware(panel), waived={SellDespite.DIRTY})
    if faults:
        raise StepRefused(
            f"Server {server.id} is not spare: it is {', '.join(faults)}. Nothing was touched: name a free server."
        )


async def _server(panel: Panel, server_id: int) -> Server:
    try:
        return await panel.servers.get(server_id)
    except PanelNotFound as error:
        raise StepRefused(str(error)) from None


async def _template(panel: Panel, server: Server, wanted: str | None) -> str:
    there = [one for one in await panel.os_templates.all() if one.location_id in (None, server.location_id)]
    names = [one.name for one in there if _is_os(one)]
    if wanted is not None and wanted not in names:
        raise StepRefused(_no_such(panel, "OS template", wanted, names))
    if not names:
        raise StepRefused(f"Panel {panel.name} has no OS template for the location of server {server.id}: add one.")
    # Not the first, and not the one that is there: a panel that ignores what we ask for must not pass.
    others = [name for name in names if name != server.os_template]
    return wanted or (others or names)[-1]


def _is_os(template: OsTemplate) -> bool:
    """Whether it may install an OS, as far as the panel tells: diagnostics and recovery are templates, too."""
    return template.kind is None or template.kind.casefold() in ("os", "operating_system", "linux", "windows")


async def _pool(panel: Panel, wanted: str | None) -> str:
    pools = await panel.addresses.pools()
    if wanted is not None:
        if wanted not in [pool.name for pool in pools]:
            raise StepRefused(_no_such(panel, "IP pool", wanted, [pool.name for pool in pools]))
        return wanted
    private = await _deallocation_pools(panel)
    fit = [pool.name for pool in pools if pool.free != 0 and pool.id not in private]
    if not fit:
        raise StepRefused(f"Panel {panel.name} has no IP pool with a free address: add one, or name one that has.")
    return fit[0]


async def _deallocation_pools(panel: Panel) -> list[int]:
    try:
        return await panel.addresses.deallocation_pools()
    except (PanelRefused, UnexpectedPanelResponse):  # the panel does not tell them
        return []


def _no_such(panel: Panel, what: str, wanted: str, known: list[str]) -> str:
    names = ", ".join(sorted(set(known))) or "none"
    return f"Panel {panel.name} has no {what} {wanted!r} for this server. Known: {names}."
