"""Whether somebody's data may be on the disks of a server that is nobody's."""

from dcimanager.server_row import Server


def why_dirty(server: Server, *, unproven: bool) -> str | None:
    """Why the disks of this free server may hold data, as one phrase; None: nothing says so.

    `unproven`: its last permitted wipe is not proved. What we sold and wiped had diagnostics last, what is new had none
    or diagnostics. Reconciliation reports what orders do not get. Source: safety rules 5 and 18.
    """
    if unproven:
        return "its last wipe is not proved"
    if server.operation is not None and server.operation.is_install:
        return "an OS was installed on it last"
    return None
