"""The installations of WHMCS that may come to the door, from a TOML file that only its owner and group may read.

[installations.shop]
secret = "sha256:..."           # of the secret that `dciflow door add shop` printed
whmcs = "0f1e2d3c4b5a"          # what the module calls this WHMCS: the addon's page shows it
panels = ["main", "shop-*"]     # names, or what they begin with
most_panels = 20                # stored ones whose names are not in `panels` but begin so
panel_hosts = []                # where a panel may be; none: anywhere but this machine and its link
addresses = ["192.0.2.10"]      # where its calls come from; none: anywhere
calls_per_second = 20           # of a process of the door; twice as many at once
urgent_calls_per_second = 20    # suspensions, unsuspensions and looks at runs have their own
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import combinations
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from door.overlaps import overlap
from door.refusal import one_line
from ledger.panel_name import PATTERN

UNSAVED = "whmcs-unsaved"
"""The panel of a server record whose connection is tested before it is saved (contract.json): no service has it."""

CALLS_PER_SECOND = 20.0
"""A module call makes a few calls a second until its run has ended."""

MOST_PANELS = 20
"""Panels whose names only begin as the file says: workers visit each, so their number is not the installation's."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_OPEN_TO = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH | stat.S_IWGRP
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_PANEL = re.compile(PATTERN)
_NOBODY = "sha256:" + "0" * 64


class DoorNotConfigured(Exception):
    """The installations' file cannot be used; the text is one line."""


def _panels(names: list[str]) -> list[str]:
    for name in names:
        if not (_PANEL.match(name) or (name.endswith("*") and (name == "*" or _PANEL.match(name[:-1])))):
            raise ValueError(f"{name!r} is neither a panel's name nor the beginning of one with a * behind it")
    return names


class Installation(BaseModel):
    """One WHMCS: its secret's hash, its panels, where it calls from, how often. Rates are per process of the door."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=rf"^{NAME.pattern}$")
    secret: str = Field(pattern=rf"^{_HASH.pattern}$", repr=False)
    whmcs: str | None = Field(default=None, pattern=r"^[0-9a-f]{8,64}$")
    panels: Annotated[list[str], AfterValidator(_panels)] = Field(min_length=1)
    most_panels: int = Field(default=MOST_PANELS, ge=0, le=1000)
    panel_hosts: list[str] = []
    addresses: list[IPv4Network | IPv6Network] = []
    calls_per_second: float = Field(default=CALLS_PER_SECOND, gt=0, le=1000)
    urgent_calls_per_second: float = Field(default=CALLS_PER_SECOND, gt=0, le=1000)

    @field_validator("addresses", mode="before")
    @classmethod
    def _networks(cls, given: object) -> object:
        return [ip_network(one) for one in given] if isinstance(given, list) else given

    def has_panel(self, name: str) -> bool:
        """Whether a panel of this name is the installation's own, to sell from."""
        if name == UNSAVED:
            return False
        return any(name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in self.panels)

    def may_check(self, name: str) -> bool:
        """Whether a panel's credentials may be stored and looked at: also those of a record that is not saved yet."""
        return name == UNSAVED or self.has_panel(name)

    def may_come_from(self, address: str) -> bool:
        """Whether a call may come from this address; what is no IP address may where no addresses are listed."""
        if not self.addresses:
            return True
        try:
            came_from = ip_address(address)
        except ValueError:
            return False
        return any(came_from in network for network in self.addresses)


Installations = Mapping[str, Installation]
"""By name."""


def load(file: Path) -> Installations:
    """Read the file. Raises DoorNotConfigured: it is not there, others may read it, or it says something odd."""
    try:
        mode = file.stat().st_mode
        if mode & _OPEN_TO:
            raise DoorNotConfigured(
                f"{file} may be read or written by others (mode {stat.S_IMODE(mode):o}): chmod 640 {file}"
            )
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DoorNotConfigured(f"{file} cannot be read ({error.strerror}). A new one: dciflow door add") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DoorNotConfigured(f"{file} is no TOML: {one_line(error)}") from None
    found = tables.pop("installations", {})
    if tables or not isinstance(found, dict) or not found:
        raise DoorNotConfigured(f"{file} has to have tables [installations.NAME], and nothing else: dciflow door add")
    installations = {name: _installation(file, name, table) for name, table in found.items()}
    _check_overlaps(file, installations)
    return installations


def _check_overlaps(file: Path, installations: Installations) -> None:
    for one, other in combinations(installations.values(), 2):
        found = overlap(one.panels, other.panels)
        if found is not None:
            raise DoorNotConfigured(
                f"{file}: panel {found[0]} of {one.name} and {found[1]} of {other.name} have variables of one name: "
                "a panel's name and a number behind it are one installation's (dciflow panel rename)"
            )


def _installation(file: Path, name: str, table: object) -> Installation:
    try:
        return Installation.model_validate({**table, "name": name} if isinstance(table, dict) else table)
    except (ValidationError, ValueError) as error:
        fault = error.errors(include_input=False, include_url=False)[0] if isinstance(error, ValidationError) else None
        what = f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" if fault else str(error)
        raise DoorNotConfigured(f"{file}: installation {one_line(name, 40)}: {one_line(what)}") from None


def add(file: Path, name: str, *, panels: list[str], whmcs: str | None, addresses: list[str]) -> str:
    """Write an installation behind what the file has, with the hash of a new secret, and return the secret.

    Raises DoorNotConfigured: there is such an installation already, or a value is none; the file is as it was.
    """
    known = load(file) if file.exists() else {}
    if name in known:
        raise DoorNotConfigured(f"{file} has {name} already: for a new secret take its table out first, then add it")
    secret = secrets.token_hex(24)
    table: dict[str, str | list[str]] = {"secret": hash_of(secret), "panels": panels, "addresses": addresses}
    if whmcs is not None:
        table["whmcs"] = whmcs
    _check_overlaps(file, {**known, name: _installation(file, name, table)})
    lines = [f"[installations.{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(opened, "a", encoding="utf-8") as appended:
        appended.write(("\n" if known else "") + "\n".join(lines) + "\n")
    return secret


def _toml(value: str | list[str]) -> str:
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else f'"{value}"'


def hash_of(secret: str) -> str:
    """What is kept of a secret. It is 192 random bits, so one pass of SHA-256 is as good as many."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"


def authenticated(installations: Installations, header: str) -> Installation | None:
    """Whose call this is by its Authorization header (HTTP basic, NAME:secret); None: nobody's that is known."""
    kind, _, encoded = header.partition(" ")
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    found = installations.get(name)
    # Compared for an unknown name, too: how long an answer takes tells no names.
    same = hmac.compare_digest(found.secret if found else _NOBODY, hash_of(secret))
    return found if same and found is not None and kind.lower() == "basic" else None
