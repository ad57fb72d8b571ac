"""What the ledger refuses, drawn by what the caller should do.

    LedgerError            not to be had, or asked for what its rows contradict: a person reads the line
      Outage               the database was not there, or whether it kept what was written is unknown: look again
      Unknown              the ledger has no such service: it was never activated
      Elsewhere            the service has its server on another panel: ask for it there
      Superseded           somebody else drives this service now: stop, touch nothing
      IllegalMove          the life of a service has no such move from here: stop, touch nothing
      Protected            the service must not lose its server: a person ends its protection first
      DecidedAlready       the hold that somebody looked at is over: look again
      Busy                 another request is open on this service: wait, or point at its run
      AlreadyClaimed       the server went to another service: try the next candidate
      PermitUsed           this permit was spent: look at the panel for what it started
      CapReached           so many of these are enough for now: wait, or ask a person

Every text is one line: what happened, what to do.
"""

from ledger.snapshots import Request


class LedgerError(Exception):
    """The ledger cannot or will not do it; the text is one line and carries no password and no row's content."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class Outage(LedgerError):
    """The database was away for long, or broke off in the middle of a commit: whether it kept that is unknown."""


class Unknown(LedgerError):
    """The ledger has no such service."""

    def __init__(self, service_id: int) -> None:
        super().__init__(service_id)
        self.service_id = service_id

    def __str__(self) -> str:
        return f"The ledger does not know service {self.service_id}: check the number, or activate the service first."


class Elsewhere(LedgerError):
    """The service has its server on another panel."""

    def __init__(self, service_id: int, panel: str, asked: str) -> None:
        super().__init__(service_id, panel, asked)
        self.service_id = service_id
        self.panel = panel
        self.asked = asked

    def __str__(self) -> str:
        return f"Service {self.service_id} has its server on panel {self.panel}, not on {self.asked}: ask for it there."


class Superseded(LedgerError):
    """The caller is not, or no longer, the driver of the service (safety rule 11)."""


class IllegalMove(LedgerError):
    """The service's state has no such move, or the move has a door of its own that was not used."""


class Protected(LedgerError):
    """The service is protected from losing its server."""

    def __init__(self, service_id: int) -> None:
        super().__init__(service_id)
        self.service_id = service_id

    def __str__(self) -> str:
        return (
            f"Service {self.service_id} is protected, so its server is not taken back. Nothing was touched: end the "
            f"protection first (dciflow unprotect {self.service_id})."
        )


class DecidedAlready(IllegalMove):
    """The hold that a person looked at is over: the service is not HELD, or HELD anew."""


class Busy(LedgerError):
    """Another request is open on the service; `request` is a snapshot of it."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.request = request

    def __str__(self) -> str:
        request = self.request
        return (
            f"Service {request.service_id} is busy: {request.action} runs since "
            f"{request.opened_at:%Y-%m-%d %H:%M:%S} UTC (flow run {request.flow_run_id}). Wait for it or cancel it."
        )


class AlreadyClaimed(LedgerError):
    """The server is promised to another service (safety rule 1)."""

    def __init__(self, panel: str, server_id: int) -> None:
        super().__init__(panel, server_id)
        self.panel = panel
        self.server_id = server_id

    def __str__(self) -> str:
        return f"Server {self.server_id} of panel {self.panel} is claimed by another service. Try another server."


class PermitUsed(LedgerError):
    """The permit was used before: one permit, one server, one use (safety rule 4)."""


class CapReached(LedgerError):
    """As many as the cap allows have been counted; nothing was written (safety rule 7)."""

    def __init__(self, cap: str, count: int, limit: int, what: str) -> None:
        super().__init__(cap, count, limit, what)
        self.cap = cap
        self.count = count
        self.limit = limit
        self.what = what

    def __str__(self) -> str:
        return f"The cap is {self.limit} {self.what}, and there are {self.count}."
