"""What the panel keeps: servers with their disks and cables, operations, accounts, addresses, and what was done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time in seconds."""

    def now(self) -> float:
        """Seconds."""
        ...


class Refusal(Exception):
    """The panel says no: an error object with this code, under this HTTP status."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status


@dataclass
class Place:
    """A location, a pool of addresses or a rack: something with a number and a name."""

    id: int
    name: str


@dataclass
class Account:
    """A user of the panel."""

    id: int
    email: str
    full_name: str
    password: str
    role: str


@dataclass
class Image:
    """An OS template of one location."""

    id: int
    name: str
    site_id: int
    kind: str
    tags: tuple[str, ...] = ()


@dataclass
class Interface:
    """A port of the switch and the cable in it."""

    id: int
    name: str
    machine_id: int
    mac: str
    bmc: bool = False
    enabled: bool = True


@dataclass
class GivenAddress:
    """An address that a server has, is getting or is losing (`status`: reserving, used, freeing)."""

    id: int
    address: str
    pool_id: int
    status: str = "used"


@dataclass
class Operation:
    """An installation or diagnostics; `status` is "in progress", "ok", "canceled" or "broken"."""

    id: int
    machine_id: int
    name: str
    began: float
    ends: float
    status: str = "in progress"


@dataclass(frozen=True)
class Deed:
    """Something that was done to a server, with its owner at that moment."""

    at: float
    what: str
    account_id: int | None
    operation_id: int | None = None


@dataclass
class Machine:
    """A server; `disk` is what can be read on its disks, None when they are clear."""

    id: int
    name: str
    configuration: str
    site_id: int
    serial: str
    barcode: str
    outlets: int
    interfaces: list[Interface]
    powered: bool = True
    account_id: int | None = None
    image_id: int | None = None
    domain: str = "free.other.example"
    root_password: str | None = None
    operation: Operation | None = None
    starting: bool = False
    disk: str | None = None
    addresses: list[GivenAddress] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)


class World:
    """Everything of one panel. Changes wait until their time has come and are made when somebody looks (`settle`)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.machines: dict[int, Machine] = {}
        self.sites: list[Place] = []
        self.pools: dict[int, list[str]] = {}
        self.pool_names: list[Place] = []
        self.images: list[Image] = []
        self.accounts: list[Account] = []
        self.operations: dict[int, Operation] = {}
        self.alarms: list[str] = []
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = 1000

    def number(self) -> int:
        """A number that nothing else has."""
        self._numbers += 1
        return self._numbers

    def later(self, seconds: float, change: Callable[[], None]) -> None:
        """Make a change when so many seconds are over."""
        self._waiting.append((self.clock.now() + seconds, self.number(), change))

    def settle(self) -> None:
        """Make every change whose time has come, in their order; a change may bring others."""
        while due := [entry for entry in self._waiting if entry[0] <= self.clock.now()]:
            entry = min(due, key=lambda one: one[:2])
            self._waiting.remove(entry)
            entry[2]()

    def machine(self, told: str) -> Machine:
        """The server of that number. Raises Refusal: there is none."""
        found = self.machines.get(int(told)) if told.isdecimal() else None
        if found is None:
            raise Refusal(3080, "No such server", 404)
        return found

    def account(self, number: int) -> Account:
        """The user of that number. Raises Refusal: there is none."""
        for account in self.accounts:
            if account.id == number:
                return account
        raise Refusal(3080, "No such account", 404)

    def remember(self, machine: Machine, what: str, operation: Operation | None = None) -> None:
        """Write down what was done to a server."""
        number = None if operation is None else operation.id
        machine.deeds.append(Deed(self.clock.now(), what, machine.account_id, number))

    def alarm(self, text: str) -> None:
        """Write down what must never happen."""
        self.alarms.append(text)
