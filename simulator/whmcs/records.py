"""The records of the simulated WHMCS: its tables and the requests that it received.

Source: docs/sources.md, WHMCS 1, 6 and 13.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class ClientRecord:
    """A person who orders (tblclients)."""

    id: int
    email: str
    firstname: str
    lastname: str
    phone: str = ""
    email_verified: bool = True
    status: str = "Active"


@dataclass(frozen=True)
class ModuleSettings:
    """A product's Module Settings. Source: DCImanager manual, Integration with WHMCS, "Configure a tariff plan"."""

    configuration: str
    os_template: str
    ip_pool: str
    wait_for_os: bool = True
    os_install_timeout_minutes: int = 60
    location_id: int | None = None
    check_email_verified: bool = False


@dataclass
class Product:
    """What can be ordered (tblproducts)."""

    id: int
    name: str
    settings: ModuleSettings
    module: str = "dcimanager6"


@dataclass
class ServiceRecord:
    """One ordered product (tblhosting)."""

    id: int
    client_id: int
    product_id: int
    order_id: int
    domain: str
    username: str
    password: str = field(repr=False)
    registered: str = ""
    status: str = "Pending"
    next_due: str = "0000-00-00"
    never_suspended: bool = False
    not_suspended_until: str = "0000-00-00"
    dedicated_ip: str = ""
    assigned_ips: str = ""
    notes: str = ""


@dataclass(frozen=True)
class ActivityRecord:
    """A line of the activity log."""

    at: float
    description: str
    client_id: int | None


@dataclass(frozen=True)
class ModuleCall:
    """A custom function of a module that was called through the API."""

    at: float
    service_id: int
    function: str


@dataclass(frozen=True)
class RecordedCall:
    """One request to the API. body: its parameters, secrets masked. error: WHMCS's message, None for a success."""

    at: float
    action: str
    body: Mapping[str, str]
    error: str | None


@dataclass(frozen=True)
class Role:
    """An API credential and the actions it may call."""

    secret: str = field(repr=False)
    actions: frozenset[str]
