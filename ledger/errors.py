"""What the ledger refuses; each error stands for what the caller should do.

    LedgerError            the database refuses, or the request contradicts its rows: a person reads the line
      LedgerUnavailable    the database cannot be reached, or the answer to a commit was lost: look, then repeat
      ServiceNotFound      the ledger has no such service: it was never activated
      WrongPanel           the service has its server on another panel: ask for it there
      Superseded           another run drives this service now: stop, touch nothing
      IllegalMove          a service in this state has no such move: stop, touch nothing
        DecidedAlready     the hold that a person looked at is over: look again
      Protected            the service must not lose its server: a person ends its protection first
      RequestInProgress    another request is open on this service: wait, or show its run
      OvertakenByUnsuspend an unsuspension was asked for since: the suspension is not done
      AlreadyClaimed       the server is claimed by another service: try the next candidate
        HardwareClaimed    its machine is, as another server or on another panel: try the next candidate
        SetAside           the server is set aside: try the next candidate
        Reserved           it is kept for nobody, or for another service: try the next candidate
      SecondName           the panel is known under another name: nothing was touched, use that one or rename
      PermitUsed           this permit was used: look at the panel for what it started
      CapReached           the cap's limit is reached: wait, or ask a person
      NothingRuns          a side was restored and is compared with the others first: wait for that
        WhmcsOfBefore      WHMCS's database is of before, it seems: nothing is wiped or installed over
        LeftOut            the panel was left out of that: compare it when it answers

Every text is one line: what happened, what to do.
"""

from datetime import datetime

from ledger.snapshots import Request

LONGEST_LINE = 2_000
"""Characters of a refusal, whatever a panel or WHMCS put into the rows that it names."""


class LedgerError(Exception):
    """The ledger cannot do it, or refuses. The text is one line, without a password and without a row's content."""

    def __init_subclass__(cls) -> None:
        """Whatever a refusal of its own says is one line, too: it may name what came from outside."""
        said = cls.__dict__.get("__str__")
        if said is not None:
            cls.__str__ = lambda self: _one_line(said(self))  # type: ignore[method-assign]

    def __str__(self) -> str:
        return _one_line(super().__str__())


def _one_line(text: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


class LedgerUnavailable(LedgerError):
    """The database was unreachable for too long, or a commit's answer was lost: what it wrote is unknown."""


class ServiceNotFound(LedgerError):
    """The ledger has no such service."""

    def __init__(self, service_id: int) -> None:
        super().__init__(service_id)
        self.service_id = service_id

    def __str__(self) -> str:
        return f"The ledger does not know service {self.service_id}: check the number, or activate the service first."


class WrongPanel(LedgerError):
    """The service has its server on another panel."""

    def __init__(self, service_id: int, panel: str, asked: str) -> None:
        super().__init__(service_id, panel, asked)
        self.service_id = service_id
        self.panel = panel
        self.asked = asked

    def __str__(self) -> str:
        return (
            f"Service {self.service_id} has its server on panel {self.panel}, not on {self.asked}: ask for it there. "
            f"Is it the same panel, entered anew in WHMCS? Then: dciflow panel rename {self.panel} {self.asked}"
        )


class Superseded(LedgerError):
    """The caller is not, or no longer, the driver of the service (safety rule 11)."""


class IllegalMove(LedgerError):
    """The service's state has no such move, or another function makes that move together with what it implies."""


class Protected(LedgerError):
    """The service is protected from losing its server, or what is on it."""

    def __init__(self, service_id: int) -> None:
        super().__init__(service_id)
        self.service_id = service_id

    def __str__(self) -> str:
        return (
            f"Service {self.service_id} is protected, so its server is not taken back or installed over. Nothing was "
            f"touched: end the protection first (dciflow unprotect {self.service_id})."
        )


class DecidedAlready(IllegalMove):
    """The hold that a person looked at is over: the service is not HELD, or HELD anew."""


class RequestInProgress(LedgerError):
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


class OvertakenByUnsuspend(LedgerError):
    """The suspension was asked for before the service's last unsuspension, which goes over it."""

    def __init__(self, service_id: int, at: datetime) -> None:
        super().__init__(service_id, at)
        self.service_id = service_id
        self.at = at

    def __str__(self) -> str:
        return (
            f"Overtaken by unsuspend, which was asked for at {self.at:%Y-%m-%d %H:%M:%S} UTC: "
            f"service {self.service_id} stays on the network."
        )


class AlreadyClaimed(LedgerError):
    """The server is promised to another service (safety rule 1)."""

    def __init__(self, panel: str, server_id: int) -> None:
        super().__init__(panel, server_id)
        self.panel = panel
        self.server_id = server_id

    def __str__(self) -> str:
        return f"Server {self.server_id} of panel {self.panel} is claimed by another service. Try another server."


class HardwareClaimed(AlreadyClaimed):
    """The server's machine is promised, HELD or forgotten as another server, on this panel or on another one."""

    def __init__(self, panel: str, server_id: int, other_panel: str = "", other_server: int = 0) -> None:
        super().__init__(panel, server_id)
        self.other = f"server {other_server} of panel {other_panel}" if other_panel else "another server"

    def __str__(self) -> str:
        return (
            f"The hardware of server {self.server_id} of panel {self.panel} is that of {self.other}, which is promised "
            "or held. Try another server."
        )


class SecondName(LedgerError):
    """The panel is in the ledger under another name; a second one would be a second fleet of the same machines."""

    def __init__(self, name: str, known_as: str, why: str) -> None:
        super().__init__(name, known_as, why)
        self.name = name
        self.known_as = known_as
        self.why = why

    def __str__(self) -> str:
        return (
            f"Panel {self.name} is panel {self.known_as} under a second name ({self.why}). Nothing was touched: use "
            f"{self.known_as}, or, if it was entered anew in WHMCS: dciflow panel rename {self.known_as} {self.name}"
        )


class SetAside(AlreadyClaimed):
    """The server is set aside: it is sold to nobody until a person allows it (safety rule 18)."""

    def __str__(self) -> str:
        return f"Server {self.server_id} of panel {self.panel} is set aside: see dciflow server list."


class Reserved(AlreadyClaimed):
    """The server is reserved: nobody gets it, or another service alone, until a person releases it."""

    def __init__(self, panel: str, server_id: int, reserved: str = "reserved") -> None:
        super().__init__(panel, server_id)
        self.reserved = reserved

    def __str__(self) -> str:
        return f"Server {self.server_id} of panel {self.panel} is {self.reserved}: see dciflow server list."


class PermitUsed(LedgerError):
    """The permit was used before: one permit, one server, one use (safety rule 4)."""


class CapReached(LedgerError):
    """The cap's limit is reached; nothing was written (safety rule 7)."""

    def __init__(self, cap: str, count: int, limit: int, what: str) -> None:
        super().__init__(cap, count, limit, what)
        self.cap = cap
        self.count = count
        self.limit = limit
        self.what = what

    def __str__(self) -> str:
        return f"The cap is {self.limit} {self.what}, and there are {self.count}."


class NothingRuns(LedgerError):
    """A side was restored from a back-up: until a person has gone through that, nothing runs (safety rule 24)."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.side = side

    def __str__(self) -> str:
        return f"Nothing was touched: nothing runs until this has gone through: dciflow restored {self.side}"


class LeftOut(NothingRuns):
    """The panel was left out when a side was restored: nothing runs on it until it was compared, too."""

    def __init__(self, side: str, panel: str) -> None:
        super().__init__(side)
        self.args = (side, panel)
        self.panel = panel

    def __str__(self) -> str:
        return (
            f"Nothing was touched: panel {self.panel} was left out when the {self.side} was restored, and nothing runs "
            f"on it. When it answers: dciflow restored {self.side} --only {self.panel}"
        )


class WhmcsOfBefore(NothingRuns):
    """WHMCS gives numbers out a second time: until somebody looks, nothing is wiped or installed over."""

    def __init__(self, number: int) -> None:
        super().__init__("whmcs")
        self.args = (number,)
        self.number = number

    def __str__(self) -> str:
        return (
            f"Nothing was touched: WHMCS's module counts as if its database was restored (its request {self.number} "
            "came twice and was another one each time), so no server is taken back, wiped or installed over. "
            "Go through it: dciflow restored whmcs"
        )
