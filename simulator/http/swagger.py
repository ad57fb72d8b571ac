"""The panel's own description of its calls: a Swagger page, and an OpenAPI 3 definition for each service.

Source: docs/sources.md, panel 18.5 (the page has a list of definitions; their file names are ours).
"""

import json
from collections.abc import Mapping, Set
from typing import Any

from dcimanager.endpoints import Dialect, Endpoint

SERVICES = {"dci/v3": "DCI back", "auth/v4": "Auth v4", "ip/v3": "IPmanager"}
"""The services of the simulated panel as the page names them."""

_SUMMARIES = {
    "login": "Log in and create a token",
    "logout": "Delete a token",
    "whoami": "Who am I: the current user",
    "server_list": "List of servers",
    "server_get": "Get a server",
    "server_configurations": "Free servers of each configuration",
    "power_on": "Power a server on",
    "power_off": "Power a server off",
    "power_reset": "Power reset of a server",
    "owner_set": "Assign a user as the owner of a server; null takes the owner away",
    "owner_clear": "Remove the owner of a server",
    "os_install": "Install an operating system on a server",
    "os_install_with_key": "Install an operating system on a server",
    "diagnostics": "Start diagnostics of a server",
    "rescue_start": "Start the recovery mode of a server",
    "rescue_leave": "Finish the recovery mode of a server",
    "operation_get": "Get an operation of a server",
    "operation_end": "Update the status of an operation",
    "port_on": "Switch a port of a switch up",
    "port_off": "Switch a port of a switch down",
    "address_list": "List of a server's IP addresses",
    "address_add": "Assign IP addresses of a pool to a server",
    "address_add_ipv6": "Assign IPv6 addresses of a pool to a server",
    "address_remove": "Remove an IP address from a server",
    "ptr_set": "Set the domain of an IP address",
    "host_name_set": "Edit a server",
    "ip_pool_list": "List of IP pools",
    "network_list": "List of IP networks",
    "ip_pool_settings": "Settings of the IP pools",
    "user_list": "List of users",
    "user_create": "Create a user",
    "key_create": "Create a one-time key of a user to sign in",
    "ssh_key_list": "List of a user's SSH keys",
    "ssh_key_create": "Add an SSH key to a user's",
    "os_template_list": "List of OS templates",
    "location_list": "List of locations",
    "server_traffic": "Traffic of a server",
}
ALL_KEYS = 1000
"""More than any body has."""
_KINDS: dict[str, dict[str, Any]] = {
    "owner": {"type": "integer", "nullable": True, "description": "The owner's id, or null for none"},
    "os_template": {"type": "integer"},
    "ssh_keys": {"type": "array", "items": {"type": "integer"}},
    "clear_disks": {"type": "boolean", "description": "Clear the server's disks"},
    "pool": {"type": "integer"},
    "count": {"type": "integer"},
    "family": {"type": "string", "enum": ["ipv4", "ipv6"]},
    "status": {"type": "string", "enum": ["ok", "canceled", "failed"]},
    "role": {"type": "string", "enum": ["@admin", "@user"]},
}
_OPERATION = {"type": "object", "properties": {"id": {"type": "integer"}, "status": {"type": "string"}}}
_ANSWERS: dict[str, dict[str, Any]] = {
    "key_create": {key: {"type": "string"} for key in ("id", "key")},
    "ip_pool_settings": {"deallocation_pools": {"type": "array", "items": {"type": "integer"}}},
    "server_traffic": {key: {"type": "integer"} for key in ("received", "sent", "limit")},
    "server_get": {"id": {"type": "integer"}, "owner_email": {"type": "string"}, "operation": _OPERATION},
}


def page(definitions: Mapping[str, str]) -> str:
    """The HTML of the Swagger page. `definitions`: address by name."""
    urls = json.dumps([{"url": url, "name": name} for name, url in definitions.items()])
    script = f'window.ui = SwaggerUIBundle({{ urls: {urls}, dom_id: "#swagger-ui" }});'
    return f'<!doctype html><title>Swagger UI</title><div id="swagger-ui"></div><script>{script}</script>\n'


def addresses() -> dict[str, str]:
    """The address of each definition by its service's name."""
    return {name: f"/api/{service}/swagger.json" for service, name in SERVICES.items()}


def describe(dialect: Dialect, differing: Set[str] = frozenset(), service: str | None = None) -> dict[str, Any]:
    """An OpenAPI 3 document of the table of endpoints, or of one service ("dci/v3"; it also has what has no other).

    The endpoints in `differing` are told otherwise: other body keys, or no such path where there is no body.
    """
    paths: dict[str, dict[str, Any]] = {}
    most_keys: dict[tuple[str, str], int] = {}
    for endpoint in dialect.endpoints.values():
        differs = endpoint.name in differing
        if (differs and not endpoint.body) or (service is not None and _service(endpoint) != service):
            continue
        # Two endpoints on one path and method (owner_set, owner_clear) are told once, by the one that differs, else by
        # the one whose body has more keys (os_install_with_key).
        methods = paths.setdefault(f"/{endpoint.path}", {})
        method = endpoint.method.lower()
        told = most_keys.get((endpoint.path, method), -1)
        if differs or len(endpoint.body) > told:
            methods[method] = _operation(endpoint, differs)
            most_keys[endpoint.path, method] = ALL_KEYS if differs else len(endpoint.body)
    return {
        "openapi": "3.0.3",
        "info": {"title": SERVICES.get(service or "", "DCI back"), "version": "v3"},
        "servers": [{"url": "/api"}],
        "paths": paths,
    }


def _service(endpoint: Endpoint) -> str:
    own = "/".join(endpoint.path.split("/")[:2])
    return own if own in SERVICES else next(iter(SERVICES))


def _operation(endpoint: Endpoint, differs: bool) -> dict[str, Any]:
    response: dict[str, Any] = {"description": "Done"}
    if endpoint.name in _ANSWERS:
        schema: dict[str, Any] = {"type": "object", "properties": _ANSWERS[endpoint.name]}
        response["content"] = {"application/json": {"schema": schema}}
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": _SUMMARIES.get(endpoint.name, endpoint.name),
        "responses": {"200": response},
    }
    given = [
        {"name": part.strip("{}"), "in": "path", "required": True, "schema": {"type": "string"}}
        for part in endpoint.path.split("/")
        if part.startswith("{")
    ]
    if endpoint.name == "server_traffic":
        times = [str(endpoint.values[word]) for word in ("from", "to") if word in endpoint.values]
        given += [{"name": key, "in": "query", "required": False, "schema": {"type": "string"}} for key in times]
    if given:
        operation["parameters"] = given
    if endpoint.body:
        properties = {
            f"{key}_id" if differs else key: _KINDS.get(word, {"type": "string"}) for word, key in endpoint.body.items()
        }
        schema = {"type": "object", "additionalProperties": False, "properties": properties}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation
