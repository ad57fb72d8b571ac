"""What a product and its client's options ask for.

Source: DCImanager manual, Integration with WHMCS, "Module Settings" and "Configurable options".
"""

import re

from pydantic import BaseModel, ConfigDict, Field

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
LONGEST_WIPE_DELAY = 720  # hours: a server that stands idle for longer than 30 days is forgotten, not kept
LONGEST_HOST_NAME = 253  # characters; RFC 1123 with RFC 1035, section 2.3.4, less the length bytes


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
        default=60,
        title="OS Installation timeout (minute)",
        description="Minutes after which an unfinished installation is ended on the panel, in both modes; more than 0.",
    )
    wipe_delay_hours: int = Field(
        default=0,
        title="Wipe delay (hours)",
        description="Hours between a deletion and its wipe, in which the server's ports are off and the service can be "
        "brought back; 0 is the manual's way, at once.",
    )
    hostname: str | None = Field(
        default=None, title="Hostname", description="Host name of the server, for example web1.example.com."
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
        if self.hostname is not None and not _is_host_name(self.hostname):
            lines.append(
                f"{self.hostname!r} is not a valid host name: use letters, digits, hyphens and dots, "
                "for example web1.example.com."
            )
        return lines


def _is_host_name(name: str) -> bool:
    return len(name) <= LONGEST_HOST_NAME and all(_LABEL.match(label) for label in name.split("."))
