"""The calls that only read: each shows something that is known to be there."""

import secrets
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from dcimanager.errors import PanelRefused, UnexpectedPanelResponse, WrongCredentials
from dcimanager.panel import Panel
from dcimanager.servers import Server
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.steps import reads
from tasks.identity import claim_of, own_server
from tasks.order import find_pool, find_template, order_of
from tasks.rehearsal.proving import Evidence, Findings, doubt, doubting, prove
from tasks.stand_ins import stand_in_email

Look = Callable[[Panel, Service, Server], Awaitable[Evidence | None]]


@reads("the panel's lists", run_name="look the rehearsal's things up in the panel's lists")
async def prove_lookups(service: Service, findings: Findings) -> None:
    """Prove every call that reads by what it shows of the rehearsal's server, template, pool, location and user."""
    drive = driving(service)
    service = await drive.fresh()
    panel = await drive.panel()
    server = await own_server(service)
    for entry, look in LOOKS.items():
        with doubting(findings, entry):
            seen = await look(panel, service, server)
            if seen is None:
                doubt(findings, "its answer does not show what is there", entry)
            else:
                await prove(service, findings, entry, seen)


@reads("a wrong password is refused", run_name="log in with a wrong password")
async def prove_login(service: Service, findings: Findings) -> None:
    """Prove that the panel lets us in, and that it refuses the rehearsal's own user with a wrong password.

    One attempt, and not with the user name that we need ourselves: panels lock users out.
    """
    drive = driving(service)
    panel = await drive.panel()
    await panel.login()
    wrong = SecretStr(secrets.token_urlsafe(24))
    try:
        await panel.transport.try_login(stand_in_email(panel, service), wrong)
    except WrongCredentials as refused:
        code = "no code" if refused.code is None else f"code {refused.code}"
        await prove(
            service, findings, "login", Evidence(f"a wrong password: HTTP {refused.status}, {code}", "ours: a session")
        )
    except (PanelRefused, UnexpectedPanelResponse) as error:
        doubt(findings, f"a wrong password is answered in a way that we do not know: {error}", "login")
    else:
        doubt(findings, "the panel let a wrong password in", "login")


async def _list(panel: Panel, service: Service, server: Server) -> Evidence | None:
    return Evidence("-", f"server {server.id} is in the list")


async def _one(panel: Panel, service: Service, server: Server) -> Evidence | None:
    seen = await panel.servers.read_alone(server.id)
    same = (seen.serial, seen.owner_email) == (server.serial, server.owner_email)
    return Evidence("-", f"server {server.id} as in the list") if same else None


async def _configurations(panel: Panel, service: Service, server: Server) -> Evidence | None:
    known = [row.configuration for row in await panel.servers.configurations()]
    return Evidence("-", "the server's configuration is in it") if server.configuration in known else None


async def _users(panel: Panel, service: Service, server: Server) -> Evidence | None:
    user = await panel.users.find(stand_in_email(panel, service))
    if user is None or user.id != claim_of(service).owner_id or user.is_admin:
        return None
    return Evidence("-", f"user {user.id} is found by its e-mail")


async def _templates(panel: Panel, service: Service, server: Server) -> Evidence | None:
    template = await find_template(panel, order_of(service), server.location_id)
    return Evidence("-", f"the ordered template is number {template.id}")


async def _locations(panel: Panel, service: Service, server: Server) -> Evidence | None:
    known = [location.id for location in await panel.locations.all()]
    return Evidence("-", f"location {server.location_id} is in it") if server.location_id in known else None


async def _pools(panel: Panel, service: Service, server: Server) -> Evidence | None:
    pool = await find_pool(panel, order_of(service), server.location_id)
    return Evidence("-", f"the ordered pool is number {pool.id}")


async def _pool_settings(panel: Panel, service: Service, server: Server) -> Evidence | None:
    marked = await panel.addresses.deallocation_pools()
    known = {pool.id for pool in await panel.addresses.pools()}
    good = bool(marked) and known.issuperset(marked)
    return Evidence("-", f"{len(marked)} pool(s) for deallocation, all in the list of pools") if good else None


LOOKS: dict[str, Look] = {
    "server_list": _list,
    "server_get": _one,
    "server_configurations": _configurations,
    "user_list": _users,
    "os_template_list": _templates,
    "location_list": _locations,
    "ip_pool_list": _pools,
    "ip_pool_settings": _pool_settings,
}
"""The entries that read, and how each shows something that is known."""
