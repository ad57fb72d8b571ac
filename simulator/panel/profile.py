"""Profiles of simulated data centres: what is in them, and how long the panel's work takes."""

from math import ceil

from pydantic import BaseModel, ConfigDict, Field

#: The panel ends diagnostics by force after this time (docs/sources.md, panel 7.4).
DIAGNOSTICS_LIMIT_SECONDS = 3600.0

#: Servers in one rack, of 42 units with some room for switches.
SERVERS_PER_RACK = 40


class Batch(BaseModel):
    """Equal servers in one location."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    configuration: str
    location: str
    servers: int = Field(ge=0)
    efi: bool = False


class PoolPlan(BaseModel):
    """An IP pool. `size` caps the addresses of its networks; no locations means that it serves all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    networks: tuple[str, ...]
    size: int | None = Field(default=None, ge=0)
    locations: tuple[str, ...] = ()
    racks: tuple[str, ...] = ()
    deallocation: bool = False


class TemplatePlan(BaseModel):
    """An OS template, to be had in every location or in some."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tags: tuple[str, ...] = ("linux",)
    kind: str = "os"
    admin_only: bool = False
    efi: bool = True
    """Whether it can be installed on a server that boots by EFI."""
    locations: tuple[str, ...] = ()


class Failures(BaseModel):
    """What does not work in this data centre."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    power_stuck: bool = False
    """Power commands are accepted and nothing happens."""
    ports_stuck: bool = False
    addresses_stuck: bool = False
    """Addresses stay "allocating"."""
    install_share: float = Field(default=0.0, ge=0, le=1)
    """The share of OS installations that fail halfway."""
    diagnostics_share: float = Field(default=0.0, ge=0, le=1)


PUBLIC = PoolPlan(name="public-v4", networks=("192.0.2.0/24", "198.51.100.0/24"))
SMALL = PoolPlan(name="small-v4", networks=("203.0.113.0/29",), size=2)
DEALLOCATION = PoolPlan(name="deallocation", networks=("10.99.0.0/24",), deallocation=True)

TEMPLATES = (
    TemplatePlan(name="Debian-12-x86_64", tags=("linux", "debian")),
    TemplatePlan(name="Ubuntu-24.04-x86_64", tags=("linux", "ubuntu")),
    TemplatePlan(name="AlmaLinux-9-x86_64", tags=("linux", "almalinux")),
    TemplatePlan(name="CentOS-7-x86_64", tags=("linux", "centos"), efi=False),
    TemplatePlan(name="Windows-Server-2022", tags=("windows",), admin_only=True),
    TemplatePlan(name="Diag6", kind="diagnostics"),
    TemplatePlan(name="SystemRescue-11", kind="recovery"),
)

XEON = "E-2146G-64Gb-2x960SSD"
RYZEN = "Ryzen9-7950X-128Gb-2x1920NVMe"
DUAL = "2xE5-2620v4-64Gb-4x960SSD"


class Profile(BaseModel):
    """Sizes and delays of a simulated panel; all delays are simulated seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 1
    first_machine: int = 1
    """From which number on serial numbers and barcodes are counted: two panels have no machine in common."""

    fleet: tuple[Batch, ...] = (
        Batch(configuration=XEON, location="Riga", servers=3),
        Batch(configuration=XEON, location="Vilnius", servers=3),
        Batch(configuration=RYZEN, location="Riga", servers=3, efi=True),
        Batch(configuration=RYZEN, location="Vilnius", servers=3, efi=True),
    )
    racks_per_location: int = Field(default=2, ge=1)
    pools: tuple[PoolPlan, ...] = (PUBLIC, SMALL, DEALLOCATION)
    templates: tuple[TemplatePlan, ...] = TEMPLATES
    stale_address_every: int = Field(default=3, ge=0)
    """Every nth free server still has an address from before; 0: none has."""

    ports_down_every: int = Field(default=2, ge=0)
    """Every nth server starts with its network ports switched off; 0: none does."""

    admin_email: str = "admin@panel.example"
    admin_password: str = "simulated-panel-password"  # noqa: S105 - there is nothing behind it

    session_seconds: float = 3600.0
    power_seconds: float = 30.0
    pdu_lag: float = 300.0
    """Seconds between two looks of the panel at its PDU ports."""
    port_seconds: float = 5.0
    address_seconds: float = 10.0
    queue_seconds: float = 5.0
    """Seconds from the request of an operation to its beginning."""
    os_install_seconds: float = 900.0
    diagnostics_seconds: float = 1200.0
    rescue_seconds: float = 300.0
    failures: Failures = Failures()

    @classmethod
    def small(cls) -> "Profile":
        """12 servers in 2 configurations, 2 locations and 4 racks."""
        return cls()

    @classmethod
    def demo(cls) -> "Profile":
        """24 servers in 3 configurations: enough to look at on the racks page."""
        return cls(
            fleet=tuple(
                Batch(configuration=configuration, location=location, servers=4, efi=configuration == RYZEN)
                for configuration in (XEON, RYZEN, DUAL)
                for location in ("Riga", "Vilnius")
            )
        )

    @classmethod
    def large(cls, n: int) -> "Profile":
        """n servers (up to 10,000) in 10 configurations and 4 locations, with addresses for all of them.

        Raises ValueError: n is below 1 or above 10,000.
        """
        if not 1 <= n <= 10_000:
            raise ValueError(f"A large profile has 1 to 10,000 servers, not {n}.")
        locations = ("Riga", "Vilnius", "Tallinn", "Helsinki")
        kinds = [(f"EPYC-{9000 + 10 * i}-{64 * (i + 1)}Gb-2x1920NVMe", place) for i in range(10) for place in locations]
        each, rest = divmod(n, len(kinds))
        return cls(
            fleet=tuple(
                Batch(configuration=configuration, location=location, servers=each + (i < rest))
                for i, (configuration, location) in enumerate(kinds)
            ),
            racks_per_location=ceil((each + 1) * 10 / SERVERS_PER_RACK),
            pools=(
                PoolPlan(name="public-v4", networks=("198.18.0.0/15",)),
                SMALL,
                PoolPlan(name="deallocation", networks=("10.96.0.0/14",), deallocation=True),
            ),
        )
