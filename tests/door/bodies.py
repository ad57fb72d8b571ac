"""The bodies that the WHMCS module sends, as whmcs-module/contract.json names them."""

from typing import Any

PANEL = "main"
SERVICE = 1042
HELD_AT = "2026-11-24T09:15:00.123456+00:00"
IDENTITY = {"installation": "0f1e2d3c4b5a", "client_id": 7, "order_id": 12, "registered": "2026-11-01"}
COMMAND = {
    "service_id": SERVICE,
    "panel": PANEL,
    "requested_by": "cron",
    "identity": IDENTITY,
    "asked_at": "2026-11-27T10:00:00Z",
}
WISH = {"status": "Active", "next_due": "2026-12-01", "told_at_end": True}
ORDER = {
    "client_id": 7,
    "configuration": "E-2146G",
    "os_template": "Debian-12-x86_64",
    "ip_pool": "public-v4",
    "ipv4_count": 1,
    "location_id": None,
    "wait_for_os": True,
    "os_install_timeout_minutes": 60,
    "hostname": "web1.example.com",
    "wipe_delay_hours": 0,
    "suspension_mode": "ports",
    "suspension_grace_hours": 0,
    "reinstall_templates": ["Debian-12-x86_64", "Ubuntu-24.04-x86_64"],
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "activate": {**COMMAND, "order": ORDER},
    "suspend": {**COMMAND, "wish": WISH},
    "unsuspend": COMMAND,
    "terminate": {**COMMAND, "wish": WISH},
    "reinstall": {**COMMAND, "os_template": "Debian-12-x86_64", "hostname_typed": "web1.example.com"},
    "power": {**COMMAND, "command": "reboot"},
    "change-addresses": {**COMMAND, "ipv4_count": 1, "give_back": "192.0.2.7, 2001:db8::9", "ipv6_count": 1},
    "change-order": {**COMMAND, "order": ORDER},
    "rescue": {**COMMAND, "command": "start"},
    "set-ptr": {**COMMAND, "address": "192.0.2.7", "name": "web1.example.com"},
    "rename": {**COMMAND, "hostname": "web2.example.com"},
    "sign-in": {**COMMAND, "public_key": "k" * 42 + "A"},
    "decide-held": {"service_id": SERVICE, "decision": "retry", "who": "anna", "why": "seen", "held_at": HELD_AT},
    "check-panel": {"panel": PANEL},
    "adopt": {
        "panel": PANEL,
        "services": [{"service_id": SERVICE, "client_id": 7, "server_id": 3, "suspended": False}],
        "apply": False,
    },
}
PANEL_DATA = {"url": "https://panel.example", "username": "a@example.com", "password": "a-secret", "verify_tls": True}


def start_of(flow: str, key: str = "0f1e2d3c4b5a:a1b2c3", **changed: Any) -> dict[str, Any]:
    """The body that starts a flow, with some of its parameters changed."""
    parameters = {**PARAMETERS[flow], **changed}
    service = parameters.get("service_id")
    name = f"{flow}-{parameters['panel']}" if service is None else f"{flow}-service-{service}"
    tags = [f"service:{service}"] if service is not None else []
    tags += [f"panel:{parameters['panel']}"] if "panel" in parameters else []
    tags += [f"client:{parameters['identity']['client_id']}"] if "identity" in parameters else []
    return {"name": name, "parameters": parameters, "tags": tags, "idempotency_key": key}
