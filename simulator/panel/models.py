"""What a simulated panel stores: servers with their ports, disks, addresses and operations, users, pools."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import chain
from typing import Any, Literal

Power = Literal["on", "off", "unknown"]
OperationType = Literal["os_install", "diagnostics", "recovery"]
Status = Literal["queued", "in_progress", "finished", "failed", "canceled"]

RUNNING = frozenset({"queued", "in_progress"})


@dataclass
class SimDisk:
    """All disks of a server as one text; an empty one is a cleared disk."""

    content: str = ""
    tenant: str | None = None
    """E-mail of the owner whose data it is."""

    @property
    def is_clear(self) -> bool:
        """True when nothing of a tenant is left."""
        return self.content == ""

    def write(self, content: str, tenant: str | None) -> None:
        """Replace the content."""
        self.content, self.tenant = content, tenant

    def clear(self) -> None:
        """Wipe it."""
        self.content, self.tenant = "", None


@dataclass
class SimStep:
    """One step of an operation's progress."""

    name: str
    status: Status = "queued"


@dataclass
class SimOperation:
    """An OS installation, a run of diagnostics, or the start of the rescue system."""

    id: int
    type: OperationType
    server_id: int
    status: Status
    started_at: float
    steps: list[SimStep] = field(default_factory=list)
    status_info: dict[str, Any] = field(default_factory=dict)
    finished_at: float | None = None
    template_id: int | None = None
    clear_disks: bool = False
    owner_at_start: str | None = None
    address: "SimAddress | None" = None
    """The address that diagnostics borrow from the deallocation pool."""

    @property
    def running(self) -> bool:
        """True until it is finished, failed or canceled."""
        return self.status in RUNNING


@dataclass
class SimPort:
    """A switch port with a server's cable in it."""

    id: int
    switch: int
    switch_name: str
    description: str
    mac: str
    admin_up: bool
    is_bmc: bool
    pending: bool | None = None
    """The state that was asked for and has not come yet."""


@dataclass
class SimAddress:
    """An IP address of a server."""

    id: int
    address: str
    pool_id: int
    network: str
    gateway: str
    status: Literal["allocating", "allocated", "releasing"]
    domain: str | None = None
    """Its reverse name; None: the server's domain, as nobody has set another."""


@dataclass
class SimUser:
    """Somebody who may sign in to the panel."""

    id: int
    email: str
    full_name: str
    password: str
    phone: str | None
    roles: tuple[str, ...]
    ssh_keys: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Name and text of each SSH key by its id."""

    @property
    def is_admin(self) -> bool:
        """True for an administrator of the panel."""
        return "@admin" in self.roles


@dataclass(frozen=True)
class SimPoint:
    """What a server moved in five minutes, in bytes. at: when they began, in Unix seconds."""

    at: float
    received: int
    sent: int


@dataclass
class SimServer:
    """A dedicated server."""

    id: int
    name: str
    domain: str
    configuration: str | None
    location_id: int
    rack: str
    rack_id: int
    unit: int
    barcode: str
    serial: str
    macs: list[str]
    efi: bool
    bmc: Power | None = "off"
    """None: the server has no BMC."""
    pdu: Power | None = "on"
    """The PDU port as it is; None: the server hangs on no PDU."""
    pdu_seen: Power | None = "on"
    """The PDU port as the panel saw it last."""
    owner_id: int | None = None
    is_new: bool = False
    is_protected: bool = False
    in_maintenance: bool = False
    in_recovery: bool = False
    """Whether it runs the rescue system; its own OS is on its disks all the same."""
    ssh_keys: tuple[str, ...] = ()
    """What its OS lets in without a password."""
    state: str = "active"
    ports: list[SimPort] = field(default_factory=list)
    addresses: list[SimAddress] = field(default_factory=list)
    operations: list[SimOperation] = field(default_factory=list)
    """Oldest first."""
    os_template: int | None = None
    disk: SimDisk = field(default_factory=SimDisk)
    problems: list[str] = field(default_factory=list)
    received: int = 0
    """Bytes of this month, as is `sent`."""
    sent: int = 0
    traffic_limit: int | None = None
    """Bytes a month; None: the panel tells none."""
    statistics: list[SimPoint] = field(default_factory=list)
    """If there are any, `received` and `sent` are not told but what these say of the stretch that was asked for."""

    @property
    def operation(self) -> SimOperation | None:
        """The running operation, or the last one."""
        return self.operations[-1] if self.operations else None

    @property
    def running_operation(self) -> SimOperation | None:
        """The operation that keeps the server busy."""
        operation = self.operation
        return operation if operation is not None and operation.running else None

    @property
    def network_ports(self) -> list[SimPort]:
        """The ports that are not the BMC's."""
        return [port for port in self.ports if not port.is_bmc]


@dataclass(frozen=True)
class SimTemplate:
    """An OS template of one location."""

    id: int
    name: str
    location_id: int
    tags: tuple[str, ...]
    kind: str
    admin_only: bool
    efi: bool


@dataclass(frozen=True)
class SimLocation:
    """A data centre."""

    id: int
    name: str


@dataclass(frozen=True)
class SimNetwork:
    """A network of an IP pool."""

    id: int
    name: str
    pool_id: int


class SimPool:
    """An IP pool: addresses are handed out in order, returned ones last."""

    def __init__(
        self,
        id: int,
        name: str,
        networks: tuple[str, ...],
        size: int | None = None,
        location_ids: frozenset[int] = frozenset(),
        racks: frozenset[str] = frozenset(),
    ) -> None:
        self.id = id
        self.name = name
        self.networks = networks
        self.location_ids = location_ids
        self.racks = racks
        nets = [ip_network(network) for network in networks]
        # The network's and the broadcast address and the gateway are not to be had.
        room = sum(net.num_addresses - 3 for net in nets)
        self.total = room if size is None else min(size, room)
        self._fresh = chain.from_iterable(self._hosts(network) for network in networks)
        self._returned: deque[tuple[str, str, str]] = deque()
        self._drawn = 0
        self.used = 0
        self.ipv6: SimPool | None = None
        """Its IPv6 addresses, counted apart; None: it has none."""

    @staticmethod
    def _hosts(network: str) -> Iterator[tuple[str, str, str]]:
        hosts = iter(ip_network(network).hosts())
        gateway = str(next(hosts))
        return ((str(host), network, gateway) for host in hosts)

    @property
    def free(self) -> int:
        """Addresses left."""
        return self.total - self.used

    def serves(self, location_id: int) -> bool:
        """True when servers of this location can use its addresses."""
        return not self.location_ids or location_id in self.location_ids

    def take(self) -> tuple[str, str, str]:
        """An address, its network and gateway. Raises IndexError: the pool is exhausted."""
        if self.free <= 0:
            raise IndexError(self.name)
        self.used += 1
        if self._drawn < self.total:
            self._drawn += 1
            return next(self._fresh)
        return self._returned.popleft()

    def give_back(self, address: SimAddress) -> None:
        """Take an address back."""
        self.used -= 1
        self._returned.append((address.address, address.network, address.gateway))
