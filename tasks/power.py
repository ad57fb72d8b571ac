"""Power of the service's server."""

from dcimanager.servers import Power
from ledger.snapshots import Service
from tasks.connections import panel_named
from tasks.effects import ensures
from tasks.identity import own_server, until
from tasks.log import run_log

POWER_SECONDS = 600
"""The panel refreshes the state of a PDU port only every five minutes (dossier 6.5): wait for two rounds."""


@ensures("power on", run_name="power the server of service {service.service_id} on if needed")
async def power_on(service: Service) -> None:
    """Power the server on unless it is on, and wait until the panel says so. May be called many times.

    A server whose power the panel cannot tell (neither PDU nor BMC answers) is asked to power on and then trusted.
    Source: DCImanager manual, Integration with WHMCS, "Service activation", step 5; dossier "HTTP API of ISPsystem
    DCImanager 6", section 7.1.
    """
    server = await own_server(service)
    if server.power is Power.ON:
        return
    panel = await panel_named(service.panel)
    await panel.servers.power_on(server.id)
    run_log().info("server %s asked to power on (it was %s)", server.id, server.power.value)
    if server.power is Power.UNKNOWN:
        run_log().warning("the panel cannot tell the power of server %s: going on", server.id)
        return
    await until(
        service,
        lambda seen: seen.power is not Power.OFF,
        within_seconds=POWER_SECONDS,
        otherwise=f"Server {server.id} did not power on within ten minutes. Look at its PDU and BMC, then press Retry.",
    )
