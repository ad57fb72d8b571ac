"""The hand behind the simulation, over plain JSON: look at everything, act as an administrator, make operations fail.

It has no sign-in: a simulation is served on one's own machine only.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from simulator.billing import Billing
from simulator.billing_records import ModuleSettings
from simulator.overview import overview
from simulator.panel import PanelModel
from simulator.refusals import Refusal
from simulator.things import OperationType


class Strict(BaseModel):
    """A body without surprises."""

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
    """The client uses the server: something of theirs is on its disks."""

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


def router(panel: PanelModel, billing: Billing) -> APIRouter:
    """GET /control/state, writes and calls; POST /control/by-hand, fail-next, hang-next and order."""
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
                for service in billing.services.values()
            ],
            "incidents": [vars(incident) for incident in panel.incidents],
            "mails": [vars(mail) for mail in billing.mails],
        }

    @routes.get("/writes")
    async def writes() -> list[dict[str, Any]]:
        return [{"endpoint": call.endpoint, "path": call.path, "status": call.status} for call in panel.writes()]

    @routes.get("/calls")
    async def calls(since: float = 0.0) -> list[dict[str, Any]]:
        return [vars(call) | {"writes": call.writes} for call in panel.requests_since(since)]

    @routes.post("/by-hand")
    async def by_hand(body: ByHandBody) -> dict[str, Any]:
        panel.settle()
        try:
            _act(panel, body)
        except Refusal as refusal:
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
        client = next((c for c in billing.clients.values() if c.email == body.email), None)
        client = client or billing.add_client(body.email, body.firstname, body.lastname)
        offered = (p for p in billing.products.values() if (p.name, p.settings) == (body.product, body.settings))
        product = next(offered, None) or billing.add_product(body.product, body.settings)
        return {"client_id": client.id, "service_id": billing.order(client.id, product.id, body.hostname)}

    return routes


def _act(panel: PanelModel, body: ByHandBody) -> None:
    hand = panel.by_hand
    if isinstance(body, SetOwner):
        hand.set_owner(body.server, body.email)
    elif isinstance(body, SwitchPort):
        hand.switch_port(body.server, body.to)
    elif isinstance(body, SwitchPower):
        hand.power(body.server, body.to)
    elif isinstance(body, Protect):
        hand.protect(body.server, body.on)
    elif isinstance(body, StartOperation):
        hand.start_operation(body.server, body.type, clear_disks=body.clear_disks)
    elif isinstance(body, EndOperation):
        hand.end_operation(body.server, body.status)
    elif isinstance(body, WriteTenantData):
        panel.write_tenant_data(body.server, body.text)
    elif body.action == "remove_server":
        hand.remove_server(body.server)
    else:
        hand.swap_hardware(body.server)
