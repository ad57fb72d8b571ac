"""The host name of the service's server on the panel: checked, and set there after the sale."""

from dcimanager.errors import PanelRefused, WrongCredentials
from dcimanager.servers import Server
from ledger.orders import host_name, wrong_with_host
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.polling import poll
from runtime.run_log import run_log
from runtime.steps import ensures, reads
from tasks.identity import own_server
from tasks.whose import check_wanted
from whmcs.text import one_line

SHOWN_SECONDS = 60
"""The panel shows what was edited at once; a busy one in seconds."""


@reads("the host name can be set", run_name="check the host name that service {service.service_id} is to have")
async def check_host_name(service: Service, typed: str) -> str:
    """Make sure that it is a host name and that the service is wanted; returns the name as it is set.

    Refused: it is empty or no host name, or WHMCS has ended the service.
    """
    name = host_name(typed)
    if not name:
        raise StepRefused("No host name was given. Write one, for example web1.example.com. Nothing was changed.")
    if wrong := wrong_with_host(name):
        raise StepRefused(f"{one_line(wrong, 300)} Nothing was changed.")
    await check_wanted(service)
    return name


@ensures(
    "the panel shows the host name",
    run_name="set the host name of the server of service {service.service_id}",
    calls=("host_name_set",),
)
async def set_host_name(service: Service, name: str) -> None:
    """Set the server's host name on the panel unless it has it, and look again.

    Refused: the panel does not do it, or does not show the new one. Source: docs/sources.md, panel 7.7.
    """
    server = await own_server(service)
    if shown_name(server) == name:
        return
    panel = await driving(service).panel()
    try:
        await panel.servers.set_host_name(server.id, name)
    except WrongCredentials:
        raise
    except PanelRefused as refused:
        raise StepRefused(
            f"Panel {panel.name} does not rename server {server.id}: {refused.message.rstrip('.')}. "
            "Nothing was changed."
        ) from None
    await poll(
        lambda: own_server(service),
        lambda seen: shown_name(seen) == name,
        within_seconds=SHOWN_SECONDS,
        otherwise=f"The panel accepted the host name of server {server.id} and does not show it. Look at it there.",
    )
    run_log().info("server %s: its host name is %s", server.id, name)


def shown_name(server: Server) -> str:
    """The host name that the panel shows, as `host_name` spells it; empty for none."""
    return host_name(server.domain or "")
