"""The control API of a simulation, plain JSON: read its state, act as an administrator, make operations fail.

It has no sign-in: a simulation is served on the loopback address only.
"""

from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from simulator.http.overview import overview
from simulator.panel.errors import ApiError
from simulator.panel.model import PanelModel
from simulator.panel.models import OperationType
from simulator.whmcs.model import SimulatedWhmcs
from simulator.whmcs.records import ModuleSettings


class Strict(BaseModel):
    """A body in which unknown properties are refused."""

    model_config = ConfigDict(extra="forbid")


class SetOwner(Strict):
    """Give a server to somebody, or to nobody."""

    action: Literal["set_owner"]
    server: int
    email: str | None


class SwitchPort(Strict):
    """Switch the network ports of a server."""

    action: Literal["switch_port"]
    server: int
    to: Literal["up", "down"]


class SwitchPower(Strict):
    """Switch a server's power."""

    action: Literal["power"]
    server: int
    to: Literal["on", "off", "unknown"]


class Protect(Strict):
    """Protect a server, or stop protecting it."""

    action: Literal["protect"]
    server: int
    on: bool = True


class StartOperation(Strict):
    """Start diagnostics or an OS installation."""

    action: Literal["start_operation"]
    server: int
    type: OperationType = "diagnostics"
    clear_disks: bool = False


class EndOperation(Strict):
    """End what runs on a server."""

    action: Literal["end_operation"]
    server: int
    status: Literal["finished", "failed", "canceled"] = "canceled"


class OnServer(Strict):
    """Take a server out, or put another machine into its place."""

    action: Literal["remove_server", "swap_hardware"]
    server: int


class WriteTenantData(Strict):
    """Write data of the client to the server's disks."""

    action: Literal["write_tenant_data"]
    server: int
    text: str


ByHandBody = Annotated[
    SetOwner | SwitchPort | SwitchPower | Protect | StartOperation | EndOperation | OnServer | WriteTenantData,
    Field(discriminator="action"),
]


class NextOperation(Strict):
    """Which operation fails or hangs next; `after` in simulated seconds."""

    type: OperationType
    server: int | None = None
    after: float | None = None


class OrderBody(Strict):
    """A client and what they order in the simulated WHMCS."""

    email: str
    firstname: str
    lastname: str
    product: str
    settings: ModuleSettings
    hostname: str


def router(panel: PanelModel, whmcs: SimulatedWhmcs) -> APIRouter:
    """GET /control/state, writes, calls, keys (hashes); POST /control/by-hand, fail-next, hang-next and order."""
    routes = APIRouter(prefix="/control")

    @routes.get("/state")
    async def state() -> dict[str, Any]:
        panel.settle()
        return {
            "now": panel.world.now(),
            "servers": [overview(panel, server).model_dump() for server in panel.servers.values()],
            "services": [
                {
                    "id": service.id,
                    "client_id": service.client_id,
                    "status": service.status,
                    "domain": service.domain,
                    "dedicated_ip": service.dedicated_ip,
                    "assigned_ips": service.assigned_ips,
                }
                for service in whmcs.services.values()
            ],
            "incidents": [vars(incident) for incident in panel.incidents],
        }

    @routes.get("/writes")
    async def writes() -> list[dict[str, Any]]:
        return [{"endpoint": call.endpoint, "path": call.path, "status": call.status} for call in panel.writes()]

    @routes.get("/calls")
    async def calls(since: float = 0.0) -> list[dict[str, Any]]:
        return [vars(call) | {"writes": call.writes} for call in panel.requests_since(since)]

    @routes.get("/keys")
    async def keys() -> list[dict[str, Any]]:
        return [
            {"user": key.user_id, "sha256": sha256(key.text.encode()).hexdigest(), "used": key.used}
            for key in panel.sessions.keys
        ]

    @routes.post("/by-hand")
    async def by_hand(body: ByHandBody) -> dict[str, Any]:
        panel.settle()
        try:
            _act(panel, body)
        except ApiError as refusal:
            raise HTTPException(refusal.status, refusal.message) from None
        return {"done": body.action, "server": body.server}

    @routes.post("/fail-next")
    async def fail_next(body: NextOperation) -> dict[str, Any]:
        panel.fail_next(body.type, body.server, body.after)
        return {"fails": body.type}

    @routes.post("/hang-next")
    async def hang_next(body: NextOperation) -> dict[str, Any]:
        panel.hang_next(body.type, body.server)
        return {"hangs": body.type}

    @routes.post("/order")
    async def order(body: OrderBody) -> dict[str, Any]:
        client = next((c for c in whmcs.clients.values() if c.email == body.email), None)
        client = client or whmcs.add_client(body.email, body.firstname, body.lastname)
        offered = (p for p in whmcs.products.values() if (p.name, p.settings) == (body.product, body.settings))
        product = next(offered, None) or whmcs.add_product(body.product, body.settings)
        return {"client_id": client.id, "service_id": whmcs.order(client.id, product.id, body.hostname)}

    return routes


def _act(panel: PanelModel, body: ByHandBody) -> None:
    admin = panel.admin
    if isinstance(body, SetOwner):
        admin.set_owner(body.server, body.email)
    elif isinstance(body, SwitchPort):
        admin.switch_port(body.server, body.to)
    elif isinstance(body, SwitchPower):
        admin.power(body.server, body.to)
    elif isinstance(body, Protect):
        admin.protect(body.server, body.on)
    elif isinstance(body, StartOperation):
        admin.start_operation(body.server, body.type, clear_disks=body.clear_disks)
    elif isinstance(body, EndOperation):
        admin.end_operation(body.server, body.status)
    elif isinstance(body, WriteTenantData):
        panel.write_tenant_data(body.server, body.text)
    elif body.action == "remove_server":
        admin.remove_server(body.server)
    else:
        admin.swap_hardware(body.server)
