"""What a product and its client's options ask for.

Source: DCImanager manual, Integration with WHMCS, "Module Settings" and "Configurable options".
"""

import re
from enum import StrEnum

import idna
from pydantic import BaseModel, ConfigDict, Field

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_IPV4 = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
LONGEST_WIPE_DELAY = 720  # hours: a server that stands idle for longer than 30 days is forgotten, not kept
DEFAULT_OS_TIMEOUT = 60  # minutes
LONGEST_GRACE = 720  # hours: a suspension that comes a month after WHMCS's is none
MOST_TEMPLATES = 100  # of a product's list for reinstallation: more of them is a slip in a form
LONGEST_HOST_NAME = 253  # characters; RFC 1123 with RFC 1035, section 2.3.4, less the length bytes


class SuspensionMode(StrEnum):
    """What a suspension switches off."""

    PORTS = "ports"
    """The server's network ports, as the manual has it."""
    PORTS_AND_POWER = "ports-and-power"
    """The network ports, then the server's power; an unsuspension switches on what the suspension switched off."""


class Order(BaseModel):
    """What is ordered, as WHMCS sends it."""

    # The schema sets no bounds: a bad order has to reach its run and end it with a line, see `problems`. The line above
    # is what the Prefect UI's form shows.

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: int = Field(
        title="Client", description="WHMCS client id. E-mail and name are read from WHMCS when needed."
    )
    configuration: str = Field(
        default="",
        title="Server configuration type",
        description="Server configuration name in DCImanager; diagnostics of a server show it.",
    )
    os_template: str = Field(title="Operation system", description="OS template name in DCImanager.")
    ip_pool: str = Field(title="IP address group", description="IP pool name in DCImanager.")
    ipv4_count: int = Field(
        default=1, title="IP addresses", description="Number of IPv4 addresses of the server; at least 1."
    )
    location_id: int | None = Field(
        default=None, title="Location ID", description="Location ID in DCImanager. Empty: servers of every location."
    )
    wait_for_os: bool = Field(
        default=True,
        title="Wait for the OS install",
        description="Off is the manual's \"Don't wait the OS install\": a follow-up run watches the installation.",
    )
    os_install_timeout_minutes: int = Field(
        default=DEFAULT_OS_TIMEOUT,
        title="OS Installation timeout (minute)",
        description="Minutes after which an unfinished installation is ended on the panel, in both modes; more than 0.",
    )
    wipe_delay_hours: int = Field(
        default=0,
        title="Wipe delay (hours)",
        description="Hours between a deletion and its wipe, in which the server's ports are off and the service can be "
        "brought back; 0 is the manual's way, at once.",
    )
    suspension_mode: str = Field(
        default=SuspensionMode.PORTS.value,
        title="Suspension mode",
        description="What a suspension switches off: ports is the manual's way; ports-and-power switches the server's "
        "power off, too.",
    )
    suspension_grace_hours: int = Field(
        default=0,
        title="Suspension grace (hours)",
        description="Hours between WHMCS's suspension and the server's; 0: at once, as an administrator's is always.",
    )
    hostname: str | None = Field(
        default=None, title="Hostname", description="Host name of the server, for example web1.example.com."
    )
    server_id: int | None = Field(
        default=None,
        title="Server",
        description="Server id in DCImanager, where staff chose one: that one and no other. Empty: any that fits.",
    )
    reinstall_templates: tuple[str, ...] | None = Field(
        default=None,
        title="OS for reinstallation",
        description="OS template names in DCImanager that the client may install later; staff may install any. Left "
        "out: any that the server bears.",
    )

    def problems(self) -> list[str]:
        """What is wrong with the order, one line each with what to do; an empty list is a good order."""
        lines = []
        if not self.configuration.strip():
            lines.append("The order names no server configuration: set Server configuration type in the product.")
        if not self.os_template.strip():
            lines.append("The order names no OS template: set Operation system in the product or the OS option.")
        if not self.ip_pool.strip():
            lines.append("The order names no IP pool: set IP address group in the product.")
        if self.ipv4_count < 1:
            lines.append(f"The order asks for {self.ipv4_count} IP addresses: ask for at least 1.")
        if self.os_install_timeout_minutes <= 0:
            lines.append(
                f"The OS installation timeout is {self.os_install_timeout_minutes} minutes: "
                "set OS Installation timeout (minute) to more than 0."
            )
        if not 0 <= self.wipe_delay_hours <= LONGEST_WIPE_DELAY:
            lines.append(
                f"The wipe delay is {self.wipe_delay_hours} hours: set Wipe delay (hours) to 0 to {LONGEST_WIPE_DELAY}."
            )
        if self.server_id is not None and self.server_id < 1:
            lines.append(f"The order asks for server {self.server_id}: the panel counts its servers from 1.")
        if self.suspension_mode not in set(SuspensionMode):
            lines.append(
                f"{self.suspension_mode!r} is no suspension mode: set Suspension mode to {' or '.join(SuspensionMode)}."
            )
        if not 0 <= self.suspension_grace_hours <= LONGEST_GRACE:
            lines.append(
                f"The suspension grace is {self.suspension_grace_hours} hours: set Suspension grace (hours) to 0 to "
                f"{LONGEST_GRACE}."
            )
        allowed = self.reinstall_templates or ()
        if not all(name.strip() for name in allowed):
            lines.append("The list of OS for reinstallation has an empty name: write one OS template a line there.")
        if len(allowed) > MOST_TEMPLATES:
            lines.append(
                f"The list of OS for reinstallation has {len(allowed)} names: write at most {MOST_TEMPLATES} there."
            )
        if self.hostname is not None and (wrong := wrong_with_host(self.hostname)):
            lines.append(wrong)
        return lines


def host_name(typed: str) -> str:
    """A host name as the panel takes it, of what a client typed: `http://Münster.de/` is xn--mnster-3ya.de.

    What cannot be read with certainty is left as it is.
    """
    name = re.sub(r"\A[hH][tT][tT][pP][sS]?://", "", typed.strip()).partition("/")[0].rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name


def same_host(one: str, other: str) -> bool:
    """Whether two spellings are one host name."""
    return host_name(one) == host_name(other)


def wrong_with_host(typed: str) -> str:
    """Why it cannot be a server's host name, in one line with what to do; empty: it can."""
    name = host_name(typed)
    example = "for example web1.example.com."
    if _IPV4.fullmatch(name):
        return f"{typed!r} is an IP address and no host name: write a name, {example}"
    if "_" in name:
        return f"{typed!r} is not a valid host name: a host name has no underscore; use hyphens, {example}"
    if len(name) > LONGEST_HOST_NAME or not all(_LABEL.match(label) for label in name.split(".")):
        return f"{typed!r} is not a valid host name: use letters, digits, hyphens and dots, {example}"
    return ""
