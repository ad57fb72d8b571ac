"""The panel's calls about servers: lists, owner, power, operations, ports."""

import math
from datetime import datetime
from typing import Any

from pydantic import Field

from simulator.http.handler_types import ApiAnswer, ApiCall, BodyWords, Handler, accepted
from simulator.http.list_query import answer_list
from simulator.panel.errors import ApiError, Code, invalid, no_element
from simulator.panel.model import PanelModel
from simulator.panel.models import SimOperation, Status


class NoWords(BodyWords):
    """A call without parameters."""


class OwnerWords(BodyWords):
    """owner_set, owner_clear."""

    owner: int | None


class InstallWords(BodyWords):
    """os_install."""

    os_template: int
    password: str = Field(min_length=1)
    hostname: str | None = None


class KeyedInstallWords(InstallWords):
    """os_install_with_key."""

    ssh_keys: list[int]


class RescueWords(BodyWords):
    """rescue_start."""

    os_template: int
    password: str = Field(min_length=1)


class DiagnosticsWords(BodyWords):
    """diagnostics."""

    clear_disks: bool = False


class EndWords(BodyWords):
    """operation_end."""

    status: str


class HostNameWords(BodyWords):
    """host_name_set."""

    hostname: str = Field(min_length=1)


def server_list(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """All servers; for a user, only those that they own."""
    rows = list(panel.servers.values())
    if call.user is not None and not call.user.is_admin:
        rows = [server for server in rows if server.owner_id == call.user.id]
    views = panel.serializers
    return ApiAnswer(answer_list(panel.world, rows, call.query, fields=views.server_fields, view=views.server))


def server_get(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """One server, not wrapped in a list."""
    return ApiAnswer(panel.serializers.server(call.server(panel), with_addresses=panel.variants.by_id_has_addresses))


def server_configurations(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Free servers of each configuration."""
    free: dict[str | None, int] = {}
    for server in panel.servers.values():
        is_free = server.owner_id is None and not server.is_new
        free[server.configuration] = free.get(server.configuration, 0) + is_free
    return ApiAnswer({"list": [{"configuration": name, "free_server_count": n} for name, n in free.items()]})


def power_on(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Power a server on."""
    server = call.server(panel)
    call.words(NoWords)
    panel.power.on(server)
    return accepted(panel, server.id)


def power_off(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Power a server off."""
    server = call.server(panel)
    call.words(NoWords)
    panel.power.off(server)
    return accepted(panel, server.id)


def power_reset(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Reboot a server."""
    server = call.server(panel)
    call.words(NoWords)
    panel.power.reset(server)
    return accepted(panel, server.id)


def owner_set(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Make a user the owner of a server; null takes the owner away."""
    server = call.server(panel)
    words = call.words(OwnerWords)
    if words.owner is None:
        panel.owners.clear(server)
    else:
        panel.owners.set(server, words.owner)
    return accepted(panel, server.id)


def owner_clear(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Take the owner away, whether the table says a POST of null or a DELETE."""
    server = call.server(panel)
    if call.endpoint.method == "POST":
        call.words(OwnerWords)
    panel.owners.clear(server)
    return accepted(panel, server.id)


def os_install(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Install an OS."""
    return _install(panel, call, call.words(InstallWords), ())


def os_install_with_key(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Install an OS that SSH keys of the server's owner open."""
    if panel.variants.ssh_keys == "absent":
        key = call.endpoint.body["ssh_keys"]
        raise ApiError(400, Code.UNEXPECTED_PROPERTY, "Unexpected property", {"property": key})
    words = call.words(KeyedInstallWords)
    owner = panel.world.users.get(call.server(panel).owner_id or 0)
    keys = owner.ssh_keys if owner is not None else {}
    for key_id in words.ssh_keys:
        if key_id not in keys:
            raise no_element("sshkey", key_id)
    return _install(panel, call, words, tuple(keys[key_id][1] for key_id in words.ssh_keys))


def _install(panel: PanelModel, call: ApiCall, words: InstallWords, ssh_keys: tuple[str, ...]) -> ApiAnswer:
    server = call.server(panel)
    template = panel.world.templates.get(words.os_template)
    if template is None:
        raise no_element("os_template", words.os_template)
    if template.admin_only and not (call.user and call.user.is_admin):
        raise ApiError(403, Code.NOT_ALLOWED, f"Template {template.name} is for administrators only")
    operation = panel.operations.start_install(server, template, words.hostname, ssh_keys)
    return accepted(panel, server.id, **_operation(panel, operation))


def diagnostics(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Run diagnostics."""
    server = call.server(panel)
    words = call.words(DiagnosticsWords)
    operation = panel.operations.start_diagnostics(server, clear_disks=words.clear_disks)
    return accepted(panel, server.id, **_operation(panel, operation))


def rescue_start(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Boot the rescue system."""
    _require_rescue(panel, call)
    server = call.server(panel)
    words = call.words(RescueWords)
    template = panel.world.templates.get(words.os_template)
    if template is None:
        raise no_element("os_template", words.os_template)
    return accepted(panel, server.id, **_operation(panel, panel.operations.start_rescue(server, template)))


def rescue_leave(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Boot the server's own OS again."""
    _require_rescue(panel, call)
    server = call.server(panel)
    call.words(NoWords)
    panel.operations.leave_rescue(server)
    return accepted(panel, server.id)


def _require_rescue(panel: PanelModel, call: ApiCall) -> None:
    if panel.variants.rescue == "absent":
        raise ApiError(404, Code.NO_ROUTE, "Request handler not found", {"path": call.endpoint.path})


def operation_get(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """One operation."""
    if call.user is not None and not call.user.is_admin:
        call.server(panel)
    operation = panel.operations.get(call.ids["operation"], call.ids.get("server"))
    return ApiAnswer(panel.serializers.operation(operation))


def operation_end(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Set an operation's status; in the spelling of the table, or in the words of this panel."""
    operation = panel.operations.get(call.ids["operation"], call.ids.get("server"))
    wanted = call.words(EndWords).status
    ends: tuple[Status, ...] = ("finished", "failed", "canceled")
    statuses = {panel.serializers.spelling.status(status).lower(): status for status in ends}
    status = "canceled" if wanted == call.endpoint.values.get("ended") else statuses.get(wanted.lower())
    if status is None:
        raise invalid("status", f"must be one of {', '.join(statuses)}")
    panel.operations.end(operation, status)
    return accepted(panel, operation.id)


def port_on(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Switch a port on."""
    return _switch(panel, call, up=True)


def port_off(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Switch a port off."""
    return _switch(panel, call, up=False)


def _switch(panel: PanelModel, call: ApiCall, *, up: bool) -> ApiAnswer:
    server, port = panel.ports.get(call.ids["port"], call.ids.get("switch"))
    call.words(NoWords)
    panel.ports.switch(server, port, up=up)
    return accepted(panel, port.id)


def host_name_set(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """Set the host name that a server is shown with; its disks are not touched."""
    server = call.server(panel)
    words = call.words(HostNameWords)
    if panel.variants.host_names == "absent":
        raise ApiError(404, Code.NO_ROUTE, "Request handler not found", {"path": call.endpoint.path})
    if panel.variants.host_names == "served":
        server.domain = words.hostname
    return accepted(panel, server.id)


def server_traffic(panel: PanelModel, call: ApiCall) -> ApiAnswer:
    """A server's traffic between two times: by its statistics, or, where it has none, the numbers of this month."""
    server = call.server(panel)
    words = {word: str(key) for word, key in call.endpoint.values.items()}
    if panel.variants.statistics == "absent":
        raise ApiError(404, Code.NO_ROUTE, "Request handler not found", {"path": call.endpoint.path})
    since, until = (_moment(call, words[word]) if word in words else None for word in ("from", "to"))
    points = [one for one in server.statistics if (since or 0) <= one.at < (until or math.inf)]
    told: dict[str, Any] = {"received": server.received, "sent": server.sent, "limit": server.traffic_limit}
    if server.statistics:
        told |= {word: sum(getattr(one, word) for one in points) for word in ("received", "sent")}
    if panel.variants.statistics == "points":
        told = {word: number for word, number in told.items() if word == "limit"}
        keys = {word: words[word] for word in ("received", "sent") if word in words}
        told["points"] = [{key: getattr(one, word) for word, key in keys.items()} for one in points]
    return ApiAnswer({words[word]: number for word, number in told.items() if word in words})


def _moment(call: ApiCall, key: str) -> float:
    """A time of the query in Unix seconds. Raises ApiError: it is missing or none."""
    try:
        return datetime.fromisoformat(call.query[key]).timestamp()
    except KeyError:
        raise invalid(key, "is missing") from None
    except ValueError:
        raise invalid(key, "is no time") from None


def _operation(panel: PanelModel, operation: SimOperation) -> dict[str, Any]:
    shape = panel.variants.operation_answer
    if shape == "absent":
        return {}
    return {"operation": operation.id if shape == "int" else {"id": operation.id}}


SERVER_HANDLERS: dict[str, Handler] = {
    function.__name__: function
    for function in (
        server_list,
        server_get,
        server_configurations,
        power_on,
        power_off,
        power_reset,
        owner_set,
        owner_clear,
        os_install,
        os_install_with_key,
        diagnostics,
        rescue_start,
        rescue_leave,
        operation_get,
        operation_end,
        port_on,
        port_off,
        host_name_set,
        server_traffic,
    )
}
