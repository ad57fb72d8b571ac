"""What the panel has to show before and after each call, so that the call is proved."""

from collections.abc import Callable

from dcimanager.operations import OperationProgress
from dcimanager.servers import Power, Server
from tasks.host_name import shown_name
from tasks.rehearsal.proving import Evidence

EDITED_TOO = ("name", "configuration", "location_id", "rack", "barcode")
"""What a panel's editing of a server may take, too: a call that empties what it was not given would be no renaming."""


def ports_went(up: bool) -> Callable[[Server, Server], Evidence | None]:
    """Every network port changed to `up`, and no port of a BMC changed."""

    def judge(before: Server, after: Server) -> Evidence | None:
        changed = [port for port in before.network_ports if port.admin_up is not up]
        now = {port.id: port for port in after.connections}
        bmc = [port for port in before.connections if port.is_bmc]
        as_meant = all(port.id in now and now[port.id].admin_up is up for port in before.network_ports)
        bmc_kept = all(port.id in now and now[port.id].admin_up is port.admin_up for port in bmc)
        if not changed or not as_meant or not bmc_kept:
            return None
        return Evidence(_ports(before), f"{_ports(after)}; {len(bmc)} BMC port(s) as before")

    return judge


def power_went(to: Power) -> Callable[[Server, Server], Evidence | None]:
    """The server's power changed to `to`."""

    def judge(before: Server, after: Server) -> Evidence | None:
        if before.power is to or after.power is not to:
            return None
        return Evidence(f"power {before.power.value}", f"power {after.power.value}")

    return judge


def rescue_began(before: Server, after: Server) -> Evidence | None:
    """A new operation ended well that is no installation and no diagnostics, and no flag says that it was no rescue."""
    done = after.operation
    if done is None or (before.operation is not None and done.id == before.operation.id):
        return None
    if done.is_install or done.is_diagnostics or done.progress is not OperationProgress.FINISHED:
        return None
    if before.in_rescue or after.in_rescue is False:
        return None
    return Evidence(_rescue(before), f"{_rescue(after)}, operation {done.id} is {done.status}")


def rescue_ended(before: Server, after: Server) -> Evidence | None:
    """The panel showed the server in the rescue system, and does so no longer."""
    if not before.in_rescue or after.in_rescue is not False:
        return None
    return Evidence(_rescue(before), _rescue(after))


def _rescue(server: Server) -> str:
    told = {
        True: "in the rescue system",
        False: "not in the rescue system",
        None: "the panel tells of no rescue system",
    }
    return told[server.in_rescue]


def host_name_went(to: str) -> Callable[[Server, Server], Evidence | None]:
    """The server's host name changed to `to`, and nothing else that is edited by the same call."""

    def judge(before: Server, after: Server) -> Evidence | None:
        kept = all(getattr(before, name) == getattr(after, name) for name in EDITED_TOO)
        if shown_name(before) == to or shown_name(after) != to or not kept:
            return None
        return Evidence("another host name", f"host name {to}")

    return judge


def _ports(server: Server) -> str:
    return "ports " + ", ".join(f"{port.id} {'up' if port.admin_up else 'down'}" for port in server.network_ports)
