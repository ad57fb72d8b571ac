"""The switch ports of the service's server: on for a service in use, off for a suspended one, never the BMC's."""

from ledger.snapshots import Service
from tasks.at_once import all_of
from tasks.connections import panel_named
from tasks.effects import ensures
from tasks.identity import confirmed_server, until
from tasks.log import run_log
from tasks.outcomes import Refusal

PORT_SECONDS = 300
"""A switch answers within seconds; five minutes cover one that the panel asks again on its next round."""


@ensures("ports on", run_name="switch the ports of the server of service {service.service_id} on")
async def enable_ports(service: Service) -> None:
    """Switch every network port of the server on, the BMC's excepted. May be called many times.

    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 4, and "Service re-activation".
    """
    await switch(service, up=True)


@ensures("ports off", run_name="switch the ports of the server of service {service.service_id} off")
async def disable_ports(service: Service) -> None:
    """Switch every network port of the server off, the BMC's excepted. May be called many times.

    Refused: the server has no switch ports, so it cannot be suspended.
    Source: DCImanager manual, Integration with WHMCS, "Service suspension".
    """
    await switch(service, up=False)


async def switch(service: Service, *, up: bool) -> None:
    """Switch the network ports and wait until the panel says so. Raises Refusal: it does not, or there are none."""
    word = "on" if up else "off"
    server = await confirmed_server(service)
    if not server.network_ports:
        if not up:
            raise Refusal(
                f"Server {server.id} has no switch ports on the panel, so service {service.service_id} cannot be "
                "suspended. Enter its switch connections in the server's settings and press Retry."
            )
        run_log().warning("server %s has no switch ports on the panel: it cannot be suspended later", server.id)
        return
    panel = await panel_named(service.panel)
    switch = panel.ports.switch_on if up else panel.ports.switch_off

    other = [port for port in server.network_ports if port.admin_up is not up]
    await all_of(*map(switch, other))
    if other:
        names = ", ".join(f"{port.id} ({port.description})" for port in other)
        run_log().info("server %s: asked to go %s: port %s", server.id, word, names)
    await until(
        service,
        lambda seen: all(port.admin_up is up for port in seen.network_ports),
        within_seconds=PORT_SECONDS,
        otherwise=f"Not every port of server {server.id} went {word} in five minutes. Look at its switch, press Retry.",
    )
