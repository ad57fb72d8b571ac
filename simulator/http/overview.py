"""An overview of the data centre, for the racks page and the control API."""

from pydantic import BaseModel

from simulator.panel.model import PanelModel
from simulator.panel.models import SimServer
from simulator.panel.power import power_status


class PortOverview(BaseModel):
    """A switch port. `pending`: the state it is being switched to."""

    description: str
    up: bool
    bmc: bool
    pending: bool | None


class OperationOverview(BaseModel):
    """The running or last operation."""

    id: int
    type: str
    status: str
    running: bool
    step: str
    percent: int


class ServerOverview(BaseModel):
    """One server as it is."""

    id: int
    name: str
    domain: str
    configuration: str | None
    location: str
    rack: str
    unit: int
    owner: str | None
    power: str
    protected: bool
    ports: list[PortOverview]
    ports_up: bool
    addresses: list[str]
    os: str | None
    disk: str
    disk_clear: bool
    operation: OperationOverview | None


def overview(panel: PanelModel, server: SimServer) -> ServerOverview:
    """The overview of one server as it is now."""
    template = panel.world.templates.get(server.os_template or 0)
    return ServerOverview(
        id=server.id,
        name=server.name,
        domain=server.domain,
        configuration=server.configuration,
        location=panel.world.locations[server.location_id].name,
        rack=server.rack,
        unit=server.unit,
        owner=panel.world.owner_email(server),
        power=power_status(server),
        protected=server.is_protected,
        ports=[
            PortOverview(description=port.description, up=port.admin_up, bmc=port.is_bmc, pending=port.pending)
            for port in server.ports
        ],
        ports_up=any(port.admin_up for port in server.network_ports),
        addresses=[address.address for address in server.addresses],
        os=template.name if template else None,
        disk=server.disk.content,
        disk_clear=server.disk.is_clear,
        operation=_operation(server),
    )


def _operation(server: SimServer) -> OperationOverview | None:
    operation = server.operation
    if operation is None:
        return None
    done = sum(step.status == "finished" for step in operation.steps)
    current = next((step.name for step in operation.steps if step.status == "in_progress"), "")
    return OperationOverview(
        id=operation.id,
        type=operation.type,
        status=operation.status,
        running=operation.running,
        step=current.replace("_", " "),
        percent=round(100 * done / len(operation.steps)) if operation.steps else 0,
    )
