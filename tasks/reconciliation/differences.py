"""What a difference between WHMCS, the ledger and the panel is: its class, and what may be done about it."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from ledger.reconciliation import DifferenceKey


class Drift(StrEnum):
    """What does not agree. In the order in which `classify` looks: the first that fits is the difference's class."""

    RUN_SILENT = "run-silent"
    """The run that drives the service gives no sign of life, and the janitor has not brought it back."""
    REQUEST_TOO_LONG = "request-open-too-long"
    """One request is open for longer than any action should take."""
    HELD_TOO_LONG = "held-too-long"
    """The service waits for a person for too long."""
    ODD_ROW = "odd-row"
    """The panel or WHMCS shows a row that cannot be read: it is there, and nothing is concluded of it."""
    NOT_IN_WHMCS = "not-in-whmcs"
    """WHMCS does not show a service that has a server: it cannot be read, which does not mean terminated."""
    CLIENT_CHANGED = "client-changed"
    """WHMCS's client, order or registration date is not the recorded one: moved, or the number given out again."""
    TWO_SERVICES = "two-services-one-server"
    """WHMCS has the server's address at two services, or the ledger has its hardware at two."""
    SERVER_VANISHED = "server-vanished"
    """The panel no longer has the service's server."""
    HARDWARE_CHANGED = "hardware-changed"
    """The server is not the machine that was recorded at activation."""
    OWNER_CHANGED = "owner-changed"
    """The panel names another owner than the client."""
    ENDED_OWNS_SERVER = "ended-owns-server"
    """Terminated, Cancelled or Fraud in WHMCS, and still owning a server."""
    STANDS_MIDWAY = "stands-midway"
    """An activation or a deletion stopped on its way, and no run goes on with it."""
    LEFTOVER_STAYS = "leftover-stays"
    """A server that its service left for another one, ready as it was, and nothing takes it back."""
    NEVER_SEEN = "never-seen"
    """WHMCS bills a service that the ledger never saw: it can be adopted."""
    ACTIVE_WITHOUT_SERVER = "active-without-server"
    """WHMCS bills a service that has no server."""
    SHARED_PORT = "shared-port"
    """The panel has a switch port at the servers of two services: it is switched for neither."""
    PORTS_OFF = "active-ports-off"
    """Active in WHMCS, and a port of the server is off."""
    PORTS_ON = "suspended-ports-on"
    """Suspended in WHMCS, and a port of the server is on."""
    POWER_ON = "suspended-power-on"
    """SUSPENDED by a product that has suspensions switch the power off, and the server has power."""
    STATUS_DIFFERS = "status-differs"
    """WHMCS and the ledger each say something else, and which of them is right is for a person to say."""
    NOT_WRITTEN_BACK = "not-written-back"
    """The service is active, and WHMCS does not show it: still Pending, or without any address."""
    ADDRESSES_DIFFER = "addresses-differ"
    """WHMCS shows other addresses than the server has."""
    RESCUE_FORGOTTEN = "rescue-forgotten"
    """A client's server is in the panel's rescue system for longer than a day."""
    UNCLAIMED_SERVER = "unclaimed-server"
    """A client's server that none of their services claims."""
    DIRTY_FREE_SERVER = "dirty-free-server"
    """Nobody's server, and somebody's data may be on its disks: its wipe is unproven, or an OS was installed last."""
    SET_ASIDE = "set-aside"
    """A server is sold to nobody until a person allows it: activations failed on it, or a person set it aside."""
    REHEARSAL_UNFINISHED = "rehearsal-unfinished"
    """A rehearsal stopped on its way, and no run goes on with it: its server is sold to nobody."""
    DIALECT_UNPROVED = "dialect-unproved"
    """The panel has clients' servers, and calls that they need are neither proved nor trusted. Of the whole panel."""


class Repair(StrEnum):
    """What may be done about a difference without asking. None of them wipes, frees or claims."""

    NONE = "none"
    PORTS_ON = "ports-on"
    """Switch the server's network ports on, as `unsuspend` does."""
    ANNOUNCE = "announce"
    """Tell WHMCS what an activation tells at its end."""
    WRITE_ADDRESSES = "write-addresses"
    """Write the server's addresses into WHMCS."""
    HOLD = "hold"
    """Compare identities as every lifecycle does first, and put the service before a person if they still differ."""


class Limits(BaseModel):
    """How long something may last until it is a difference."""

    model_config = ConfigDict(frozen=True)

    held: timedelta = timedelta(hours=24)
    request: timedelta = timedelta(hours=24)
    leftover: timedelta = timedelta(hours=24)
    """How long a leftover may be without a run: one that a person brought back stays in the list until it may go."""
    rescue: timedelta = timedelta(hours=24)
    silent: timedelta = timedelta(minutes=10)
    """The janitor re-queues a stalled run after two minutes and again every 90 s."""
    midway: timedelta = timedelta(minutes=15)
    """Between an activation that handed over and its watcher no run drives the service, for as long as one queues."""


class Difference(BaseModel):
    """One difference: what it is, who is affected, since when, and what may be done without asking."""

    model_config = ConfigDict(frozen=True)

    drift: Drift
    what: str
    service_id: int | None
    server_id: int | None
    client_id: int | None
    since: datetime | None = None
    """None: since it was first seen, which the ledger remembers."""
    repair: Repair = Repair.NONE
    epoch: int | None = None
    """How many drivers the service had had: a repair that finds one more leaves it alone."""

    @property
    def key(self) -> DifferenceKey:
        """Names it from one comparison to the next."""
        return DifferenceKey(self.drift, self.service_id or 0, self.server_id or 0)
