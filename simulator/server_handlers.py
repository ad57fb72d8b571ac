"""The panel's calls about servers: lists, owner, power, operations, ports, addresses."""

from typing import Any

from pydantic import Field

from simulator.calls import Answer, BodyWords, Call, Handler, accepted
from simulator.lists import answer_list
from simulator.panel import PanelModel
from simulator.refusals import Code, Refusal, invalid, no_element
from simulator.things import SimOperation, Status


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


class DiagnosticsWords(BodyWords):
    """diagnostics."""

    clear_disks: bool = False


class EndWords(BodyWords):
    """operation_end."""

    status: str


class AddressWords(BodyWords):
    """address_add; without a pool, the usual one is taken."""

    pool: int | None = None
    family: str | None = None
    count: int = Field(default=1, ge=1)


def server_list(panel: PanelModel, call: Call) -> Answer:
    """All servers; for a user, his own."""
    rows = list(panel.servers.values())
    if call.user is not None and not call.user.is_admin:
        rows = [server for server in rows if server.owner_id == call.user.id]
    views = panel.views
    return Answer(answer_list(panel.world, rows, call.query, fields=views.server_fields, view=views.server))


def server_get(panel: PanelModel, call: Call) -> Answer:
    """One server, not wrapped in a list."""
    return Answer(panel.views.server(call.server(panel), with_addresses=panel.variants.by_id_has_addresses))


def server_configurations(panel: PanelModel, call: Call) -> Answer:
    """Free servers of each configuration."""
    free: dict[str | None, int] = {}
    for server in panel.servers.values():
        is_free = server.owner_id is None and not server.is_new
        free[server.configuration] = free.get(server.configuration, 0) + is_free
    return Answer({"list": [{"configuration": name, "free_server_count": n} for name, n in free.items()]})


def power_on(panel: PanelModel, call: Call) -> Answer:
    """Power a server on."""
    server = call.server(panel)
    call.words(NoWords)
    panel.power.on(server)
    return accepted(panel, server.id)


def power_off(panel: PanelModel, call: Call) -> Answer:
    """Power a server off."""
    server = call.server(panel)
    call.words(NoWords)
    panel.power.off(server)
    return accepted(panel, server.id)


def power_reset(panel: PanelModel, call: Call) -> Answer:
    """Reboot a server."""
    server = call.server(panel)
    call.words(NoWords)
    panel.power.reset(server)
    return accepted(panel, server.id)


def owner_set(panel: PanelModel, call: Call) -> Answer:
    """Make a user the owner of a server; null takes the owner away."""
    server = call.server(panel)
    words = call.words(OwnerWords)
    if words.owner is None:
        panel.owners.clear(server)
    else:
        panel.owners.set(server, words.owner)
    return accepted(panel, server.id)


def owner_clear(panel: PanelModel, call: Call) -> Answer:
    """Take the owner away, whether the table says a POST of null or a DELETE."""
    server = call.server(panel)
    if call.endpoint.method == "POST":
        call.words(OwnerWords)
    panel.owners.clear(server)
    return accepted(panel, server.id)


def os_install(panel: PanelModel, call: Call) -> Answer:
    """Install an OS."""
    server = call.server(panel)
    words = call.words(InstallWords)
    template = panel.world.templates.get(words.os_template)
    if template is None:
        raise no_element("os_template", words.os_template)
    if template.admin_only and not (call.user and call.user.is_admin):
        raise Refusal(403, Code.NOT_ALLOWED, f"Template {template.name} is for administrators only")
    operation = panel.operations.start_install(server, template, words.hostname)
    return accepted(panel, server.id, **_operation(panel, operation))


def diagnostics(panel: PanelModel, call: Call) -> Answer:
    """Run diagnostics."""
    server = call.server(panel)
    words = call.words(DiagnosticsWords)
    operation = panel.operations.start_diagnostics(server, clear_disks=words.clear_disks)
    return accepted(panel, server.id, **_operation(panel, operation))


def operation_get(panel: PanelModel, call: Call) -> Answer:
    """One operation."""
    if call.user is not None and not call.user.is_admin:
        call.server(panel)
    operation = panel.operations.get(call.ids["operation"], call.ids.get("server"))
    return Answer(panel.views.operation(operation))


def operation_end(panel: PanelModel, call: Call) -> Answer:
    """Set an operation's status; in the spelling of the table, or in the panel's own."""
    operation = panel.operations.get(call.ids["operation"], call.ids.get("server"))
    wanted = call.words(EndWords).status
    statuses: dict[str, Status] = {"finished": "finished", "failed": "failed", "canceled": "canceled"}
    status = "canceled" if wanted == call.endpoint.values.get("ended") else statuses.get(wanted.lower())
    if status is None:
        raise invalid("status", f"must be one of {', '.join(statuses)}")
    panel.operations.end(operation, status)
    return accepted(panel, operation.id)


def port_on(panel: PanelModel, call: Call) -> Answer:
    """Switch a port on."""
    return _switch(panel, call, up=True)


def port_off(panel: PanelModel, call: Call) -> Answer:
    """Switch a port off."""
    return _switch(panel, call, up=False)


def _switch(panel: PanelModel, call: Call, *, up: bool) -> Answer:
    server, port = panel.ports.get(call.ids["port"], call.ids.get("switch"))
    call.words(NoWords)
    panel.ports.switch(server, port, up=up)
    return accepted(panel, port.id)


def address_list(panel: PanelModel, call: Call) -> Answer:
    """The addresses of a server."""
    server = call.server(panel)
    rows = list(server.addresses)
    return Answer(
        answer_list(panel.world, rows, call.query, fields={}, view=lambda row: panel.views.address(server, row))
    )


def address_add(panel: PanelModel, call: Call) -> Answer:
    """Give a server addresses from a pool: as many as asked for, or none."""
    server = call.server(panel)
    words = call.words(AddressWords)
    if words.family not in (None, call.endpoint.values.get("ipv4", "ipv4")):
        raise invalid("family", "this panel has IPv4 pools only")
    pool = panel.addresses.usual_pool(server) if words.pool is None else panel.addresses.pool(words.pool)
    panel.addresses.add(server, pool, words.count)
    return accepted(panel, server.id)


def address_remove(panel: PanelModel, call: Call) -> Answer:
    """Take an address away from a server."""
    wanted = call.server(panel) if "server" in call.ids else None
    server, address = panel.addresses.get(wanted, call.ids["address"])
    panel.addresses.remove(server, address)
    return accepted(panel, address.id)


def server_traffic(panel: PanelModel, call: Call) -> Answer:
    """What a server moved; of the stretch of time it is only seen that it is told."""
    server = call.server(panel)
    words = call.endpoint.values
    for word in ("from", "to"):
        if word in words and words[word] not in call.query:
            raise invalid(str(words[word]), "is missing")
    told = {"received": server.received, "sent": server.sent, "limit": server.traffic_limit}
    return Answer({str(words[word]): number for word, number in told.items() if word in words})


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
        diagnostics,
        operation_get,
        operation_end,
        port_on,
        port_off,
        address_list,
        address_add,
        address_remove,
        server_traffic,
    )
}
