"""How to reach one panel: its address and the user that we are on it."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class PanelAccess(BaseModel):
    """Where a panel is and how to log in; immutable, and silent about its password.

    `url` is https://host[:port][/api]; plain http is accepted for the machine itself only (a simulator), since
    the password travels in it. Source: docs/sources.md, panel 2.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: _Line
    url: Annotated[str, StringConstraints(strip_whitespace=True)]
    username: _Line
    password: SecretStr = Field(min_length=1)
    verify_tls: bool = True

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("the panel's address cannot be read; write it as https://panel.example.com") from None
        if not host or parts.scheme not in ("https", "http"):
            raise ValueError("write the panel's address as https://panel.example.com")
        if parts.scheme == "http" and not _is_this_machine(host):
            raise ValueError("use https: over plain http the password would be readable on the way")
        if parts.username is not None or parts.password is not None:
            raise ValueError("leave user name and password out of the panel's address")
        if parts.path.rstrip("/") not in ("", "/api") or parts.query or parts.fragment:
            raise ValueError("the panel's address ends after the host, the port or /api")
        host = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"

    @property
    def origin(self) -> str:
        """The host's own address, without /api."""
        return self.url.removesuffix("/api")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
