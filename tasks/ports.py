"""The switch ports of the service's server: on for a service in use, off for a suspended one, never the BMC's."""

from collections.abc import Sequence
from functools import partial

from dcimanager.ports import Connection
from dcimanager.servers import Server
from ledger import claims
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.flow_run import is_over
from runtime.polling import gather_all
from runtime.run_log import run_log
from runtime.steps import ARRIVAL_SECONDS, SETTLE_SECONDS, ensures
from tasks.already import so_already
from tasks.identity import confirmed_server, own_server, until
from tasks.shared_hardware import fleet_of

PORT_SECONDS = 300
"""A switch answers within seconds; five minutes cover one that the panel asks again on its next round."""


@ensures("ports on", run_name="switch the ports of the server of service {service.service_id} on", calls=("port_on",))
async def enable_ports(service: Service) -> None:
    """Switch every network port of the server on, the BMC's excepted. May be called many times.

    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 4, and "Service re-activation".
    """
    await switch(service, up=True)


@ensures(
    "ports off", run_name="switch the ports of the server of service {service.service_id} off", calls=("port_off",)
)
async def disable_ports(service: Service) -> None:
    """Switch every network port of the server off, the BMC's excepted. May be called many times.

    Refused: the server has no switch ports, so it cannot be suspended.
    Source: DCImanager manual, Integration with WHMCS, "Service suspension".
    """
    await switch(service, up=False)


async def see_off_suspension(service: Service) -> None:
    """After an open suspension was taken over: look at the ports again once its last call has arrived.

    Until its run is over, and for a minute at most; the client is on the network meanwhile.
    """
    drive = driving(service)
    if drive.overtook is None:
        return
    since = drive.now()
    while not await is_over(drive.overtook.flow_run_id) and drive.elapsed(since).total_seconds() < ARRIVAL_SECONDS:
        await drive.sleep(SETTLE_SECONDS)
    await enable_ports(service)


async def switch(service: Service, *, up: bool) -> None:
    """Switch the network ports and wait until the panel says so. A port with a word that is not in the table is not so.

    Raises StepRefused: the panel does not say so, there are none, or another client's server has one of them, too.
    """
    drive = driving(service)
    word = "on" if up else "off"
    server = await confirmed_server(service)
    if not server.network_ports:
        if not up:
            raise StepRefused(
                f"Server {server.id} has no switch ports on the panel, so service {service.service_id} cannot be "
                "suspended. Enter its switch connections in the server's settings and press Retry."
            )
        run_log().warning("server %s has no switch ports on the panel: it cannot be suspended later", server.id)
        return
    panel = await drive.panel()
    switch = panel.ports.switch_on if up else panel.ports.switch_off

    other = [port for port in server.network_ports if port.admin_up is not up]
    await _refuse_shared(service, server, other)
    await gather_all(
        *(
            so_already(
                switch(port), partial(_is_switched, service, port.id, up), what=f"switching {word} port {port.id}"
            )
            for port in other
        )
    )
    if other:
        names = ", ".join(f"{port.id} ({port.description})" for port in other)
        run_log().info("server %s: switching %s port %s", server.id, word, names)
    await until(
        service,
        lambda seen: all(port.admin_up is up for port in seen.network_ports),
        within_seconds=PORT_SECONDS,
        otherwise=lambda seen: _not_all(seen, word),
    )


async def _refuse_shared(service: Service, server: Server, ports: Sequence[Connection]) -> None:
    """Raises StepRefused: one of the ports is another service's server's, too, as the panel has it."""
    if not ports:
        return
    drive = driving(service)
    fleet = await fleet_of(await drive.panel())
    if not fleet.at_port:
        return
    taken = await claims.claimed(drive.ledger, service.panel)
    for port in ports:
        others = fleet.others_at(port, server.id) & taken.keys()
        if others:
            other = min(others)
            raise StepRefused(
                f"{port.title} is a port of server {server.id} and of server {other} (service {taken[other]}), too, so "
                "it is not switched: one client would be cut off, or let in, with the other. Correct the switch "
                "connections of both on the panel, then press Retry."
            )


async def _is_switched(service: Service, port_id: int, up: bool) -> bool | None:
    seen = [port.admin_up for port in (await own_server(service)).network_ports if port.id == port_id]
    return None if not seen or seen[0] is None else seen[0] is up


def _not_all(server: Server, word: str) -> str:
    unclear = [port for port in server.network_ports if port.admin_up is None]
    if not unclear:
        return f"Not every port of server {server.id} went {word} in five minutes. Look at its switch, press Retry."
    said = " and ".join(sorted({repr(port.admin_status) if port.admin_status else "nothing" for port in unclear}))
    return (
        f"Nobody knows whether the ports of server {server.id} went {word}: the panel says {said} of "
        f"{len(unclear)} of them, which is not in the table of words. Enter it (docs/dialect.md), then press Retry."
    )
