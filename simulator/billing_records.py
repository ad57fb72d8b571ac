"""What the simulated WHMCS remembers: its tables, and what it was asked and told.

Source: dossier "WHMCS", sections 1, 6 and 13.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Client:
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
class Service:
    """One ordered product (tblhosting)."""

    id: int
    client_id: int
    product_id: int
    order_id: int
    domain: str
    username: str
    password: str = field(repr=False)
    status: str = "Pending"
    dedicated_ip: str = ""
    assigned_ips: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Activity:
    """A line of the activity log."""

    at: float
    description: str
    client_id: int | None


@dataclass(frozen=True)
class Mail:
    """A mail that WHMCS sent."""

    at: float
    messagename: str
    service_id: int


@dataclass(frozen=True)
class ModuleCall:
    """A custom function of a module that was called through the API."""

    at: float
    service_id: int
    function: str


@dataclass(frozen=True)
class Notification:
    """An event handed to WHMCS's notification rules."""

    at: float
    identifier: str
    title: str
    message: str


@dataclass(frozen=True)
class QueueEntry:
    """A failed action that waits in the Module Queue."""

    id: int
    service_id: int
    action: str
    error: str


@dataclass(frozen=True)
class Recorded:
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
