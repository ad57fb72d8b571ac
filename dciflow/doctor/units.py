"""Whether systemd's units let the program do no more than it has to (docs/systemd, docs/install.md)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from dciflow.doctor.findings import Answer, Finding, look, ok, wrong

UNITS_OF_THE_PROJECT = Path(__file__).parents[2] / "docs" / "systemd"
INSTALLED = Path("/etc/systemd/system")

SANDBOX: Mapping[str, str] = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectProc": "invisible",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM",
    "SystemCallFilter": "@system-service ~@privileged @resources",
    "UMask": "0077",
}
"""What each unit of ours says. The panels and WHMCS need the network, a database a socket. Source: systemd.exec(5).

Traced: neither Prefect's server nor the worker makes a call that the filter denies, or maps memory to write and run.
"""


def directives(text: str) -> dict[str, str]:
    """The lines of a unit's section [Service]; a directive that stands there more than once with all its values."""
    found: dict[str, str] = {}
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found[name.strip()] = f"{found.get(name.strip(), '')} {value.strip()}".strip()
    return found


def missing(text: str) -> list[str]:
    """The lines of the sandbox that a unit does not have, or has otherwise."""
    there = directives(text)
    return [f"{name}={value}" for name, value in SANDBOX.items() if there.get(name) != value]


def check_units(installed: Path = INSTALLED, drop_ins: str = "{unit}.d") -> Answer:
    """Look at the units that are installed here, with their drop-ins."""
    units = sorted(installed.glob("dciflow-*.service"))
    if not units:
        return [look("no unit dciflow-*.service is installed here", "nothing, if another program starts dciflow")]
    return [finding for unit in units for finding in _look_at(unit, installed / drop_ins.format(unit=unit.name))]


def _look_at(unit: Path, drop_ins: Path) -> Iterator[Finding]:
    text = "\n[Service]\n".join(file.read_text(encoding="utf-8") for file in (unit, *sorted(drop_ins.glob("*.conf"))))
    lacks = missing(text)
    copy = f"sudo cp {UNITS_OF_THE_PROJECT / unit.name} {unit.parent}/ && sudo systemctl daemon-reload, then restart it"
    said = directives(text)
    if said.get("DynamicUser") != "yes" and said.get("User", "root") == "root":
        yield wrong(f"{unit.name} runs as root", copy)
    if lacks:
        more = f" and {len(lacks) - 3} more" if len(lacks) > 3 else ""
        yield wrong(f"{unit.name} lacks {', '.join(lacks[:3])}{more}", copy)
    else:
        yield ok(f"{unit.name} is sandboxed")
